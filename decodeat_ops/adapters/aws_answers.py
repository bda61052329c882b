"""Refuse answers that are cut off or unreadable, which the SDK takes for empty ones."""

import json
from typing import Any

from botocore.exceptions import IncompleteReadError
from botocore.parsers import ResponseParserError


def require_whole(http_response: Any, model: Any, **_: Any) -> None:
    """Raise unless an answer is as long as it says and, where the service speaks JSON, is JSON.

    The SDK compares no lengths and turns broken JSON into an answer without content: a service that is there would be
    taken for one that is not.
    """
    content: bytes = http_response.content
    told = http_response.headers.get("Content-Length", "")
    # A body that was unpacked on the way is longer than what was sent.
    if told.isdigit() and "Content-Encoding" not in http_response.headers and int(told) != len(content):
        raise IncompleteReadError(actual_bytes=len(content), expected_bytes=int(told))
    if content and model.service_model.metadata.get("protocol") == "json":
        try:
            json.loads(content)
        except ValueError as error:
            raise ResponseParserError("its answer is not JSON") from error
