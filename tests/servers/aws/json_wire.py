"""Read and write JSON requests and answers by the shapes of a model."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from botocore.model import Shape

from tests.servers.aws.errors import Refused


def read(shape: Shape | None, body: bytes) -> dict[str, Any]:
    """Return the parameters of a request; members that the shape does not know stay as they are."""
    try:
        raw = json.loads(body or b"{}")
    except ValueError as error:
        raise Refused("SerializationException", "The request is no JSON.") from error
    if not isinstance(raw, dict):
        raise Refused("SerializationException", "The request is no object.")
    found: dict[str, Any] = raw if shape is None else _from(shape, raw)
    return found


def write(shape: Shape | None, value: Any) -> bytes:
    """Return the body of an answer."""
    return json.dumps(_to(shape, value) if shape is not None else {}).encode()


def _from(shape: Shape, value: Any) -> Any:
    if shape.type_name == "structure" and isinstance(value, dict):
        members = {member.serialization.get("name", name): (name, member) for name, member in _members(shape).items()}
        known = {members[key][0]: _from(members[key][1], inner) for key, inner in value.items() if key in members}
        return known | {key: inner for key, inner in value.items() if key not in members}
    if shape.type_name == "list" and isinstance(value, list):
        return [_from(shape.member, inner) for inner in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: _from(shape.value, inner) for key, inner in value.items()}
    if shape.type_name == "timestamp" and isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if shape.type_name == "blob" and isinstance(value, str):
        return base64.b64decode(value, validate=True)
    return value


def _to(shape: Shape, value: Any) -> Any:
    if shape.type_name == "structure":
        members = _members(shape)
        return {members[key].serialization.get("name", key): _to(members[key], inner) for key, inner in value.items()}
    if shape.type_name == "list":
        return [_to(shape.member, inner) for inner in value]
    if shape.type_name == "map":
        return {key: _to(shape.value, inner) for key, inner in value.items()}
    if shape.type_name == "timestamp":
        return value.timestamp()
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    return value


def _members(shape: Shape) -> dict[str, Shape]:
    found: dict[str, Shape] = shape.members
    return found
