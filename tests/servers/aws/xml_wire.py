"""Read form requests and write XML answers: the protocols query (IAM, STS, load balancers) and ec2."""

import base64
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as Tree

from botocore.model import OperationModel, Shape

from tests.servers.aws.errors import Refused

Form = dict[str, str]


def form(body: bytes) -> Form:
    """Return the fields of a request."""
    return dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))


def read(shape: Shape | None, fields: Form, *, ec2: bool) -> dict[str, Any]:
    """Return the parameters of a request. Fields that the shape does not know are refused."""
    left = {name: text for name, text in fields.items() if name not in {"Action", "Version"}}
    used: set[str] = set()
    found = _structure(shape, "", left, used, ec2) if shape is not None else {}
    unknown = sorted(set(left) - used)
    if unknown:
        raise Refused("InvalidParameterCombination" if ec2 else "ValidationError", f"Unknown parameters {unknown}.")
    return found


def _structure(shape: Shape, prefix: str, fields: Form, used: set[str], ec2: bool) -> dict[str, Any]:
    found = {}
    for name, member in shape.members.items():
        where = prefix + _request_name(name, member, ec2)
        if any(key == where or key.startswith(f"{where}.") for key in fields):
            found[name] = _value(member, where, fields, used, ec2)
    return found


def _request_name(name: str, member: Shape, ec2: bool) -> str:
    said = member.serialization
    if ec2:
        given = said.get("queryName") or said.get("name")
        return given if said.get("queryName") else (given[0].upper() + given[1:] if given else name)
    return str(said.get("name", name))


def _value(shape: Shape, where: str, fields: Form, used: set[str], ec2: bool) -> Any:
    if shape.type_name == "structure":
        return _structure(shape, f"{where}.", fields, used, ec2)
    if shape.type_name == "list":
        return _list(shape, where, fields, used, ec2)
    if shape.type_name == "map":
        return _map(shape, where, fields, used, ec2)
    used.add(where)
    return _scalar(shape, fields[where])


def _list(shape: Shape, where: str, fields: Form, used: set[str], ec2: bool) -> list[Any]:
    member: Shape = shape.member
    if where in fields and fields[where] == "":  # an empty list
        used.add(where)
        return []
    flat = ec2 or shape.serialization.get("flattened")
    base = where if flat else f"{where}.{member.serialization.get('name', 'member')}"
    found: list[Any] = []
    while any(key == f"{base}.{len(found) + 1}" or key.startswith(f"{base}.{len(found) + 1}.") for key in fields):
        found.append(_value(member, f"{base}.{len(found) + 1}", fields, used, ec2))
    return found


def _map(shape: Shape, where: str, fields: Form, used: set[str], ec2: bool) -> dict[str, Any]:
    found, number = {}, 1
    while f"{where}.entry.{number}.key" in fields:
        base = f"{where}.entry.{number}"
        used.add(f"{base}.key")
        held: Shape = shape.value
        found[fields[f"{base}.key"]] = _value(held, f"{base}.value", fields, used, ec2)
        number += 1
    return found


def _scalar(shape: Shape, text: str) -> Any:
    match shape.type_name:
        case "integer" | "long":
            return int(text)
        case "float" | "double":
            return float(text)
        case "boolean":
            return text == "true"
        case "blob":
            return base64.b64decode(text, validate=True)
    return text


def write(operation: OperationModel, value: dict[str, Any], request: str, *, ec2: bool) -> bytes:
    """Return the body of an answer."""
    root = Tree.Element(f"{operation.name}Response")
    shape = operation.output_shape
    inside = root
    if shape is not None:
        wrapper = shape.serialization.get("resultWrapper")
        inside = Tree.SubElement(root, wrapper) if wrapper else root
        _members(inside, shape, value, ec2)
    if ec2:
        Tree.SubElement(root, "requestId").text = request
    else:
        Tree.SubElement(Tree.SubElement(root, "ResponseMetadata"), "RequestId").text = request
    return bytes(Tree.tostring(root, encoding="utf-8"))


def _members(parent: Tree.Element, shape: Shape, value: dict[str, Any], ec2: bool) -> None:
    known = shape.members
    for name, inner in value.items():
        _element(parent, known[name].serialization.get("name", name), known[name], inner, ec2)


def _element(parent: Tree.Element, name: str, shape: Shape, value: Any, ec2: bool) -> None:
    if shape.type_name == "list":
        member: Shape = shape.member
        flat = shape.serialization.get("flattened")
        around = parent if flat else Tree.SubElement(parent, name)
        for inner in value:
            _element(around, name if flat else member.serialization.get("name", "member"), member, inner, ec2)
        return
    element = Tree.SubElement(parent, name)
    if shape.type_name == "structure":
        _members(element, shape, value, ec2)
    elif shape.type_name == "map":
        for key, inner in value.items():
            entry = Tree.SubElement(element, "entry")
            Tree.SubElement(entry, "key").text = key
            _element(entry, "value", shape.value, inner, ec2)
    else:
        element.text = _text(shape, value)


def _text(shape: Shape, value: Any) -> str:
    match shape.type_name:
        case "timestamp":
            return str(value.strftime("%Y-%m-%dT%H:%M:%SZ"))
        case "boolean":
            return "true" if value else "false"
        case "blob":
            return base64.b64encode(value).decode()
    return str(value)


def refusal(error: Refused, request: str, *, ec2: bool) -> bytes:
    """Return the body of an error."""
    root = Tree.Element("Response" if ec2 else "ErrorResponse")
    around = Tree.SubElement(root, "Errors") if ec2 else root
    said = Tree.SubElement(around, "Error")
    if not ec2:
        Tree.SubElement(said, "Type").text = "Sender"
    Tree.SubElement(said, "Code").text = error.code
    Tree.SubElement(said, "Message").text = error.message
    Tree.SubElement(root, "RequestID" if ec2 else "RequestId").text = request
    return bytes(Tree.tostring(root, encoding="utf-8"))
