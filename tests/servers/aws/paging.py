"""Hand out lists page by page, with tokens that belong to one list."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.servers.aws.errors import Params, Refused
from tests.servers.aws.switches import Switches


@dataclass(frozen=True)
class Paging:
    """Name the parameters of an operation's pages, and how many entries one has usually and at most."""

    token: str
    limit: str
    next: str
    usual: int
    most: int


ECS = Paging("nextToken", "maxResults", "nextToken", 100, 100)
ECR = Paging("nextToken", "maxResults", "nextToken", 100, 1000)
LOGS = Paging("nextToken", "limit", "nextToken", 50, 50)
IAM = Paging("Marker", "MaxItems", "Marker", 100, 1000)
ELB = Paging("Marker", "PageSize", "NextMarker", 400, 400)
EC2 = Paging("NextToken", "MaxResults", "NextToken", 1000, 1000)
UPPER = Paging("NextToken", "MaxResults", "NextToken", 50, 100)
ALARMS = Paging("NextToken", "MaxRecords", "NextToken", 50, 100)


def page(
    entries: Sequence[Any], params: Params, how: Paging, switches: Switches, error: str
) -> tuple[list[Any], dict[str, str]]:
    """Return one page, and the answer's token for the next one; `error` is the code for a token that is not ours."""
    empty, start = _position(params.get(how.token), switches.empty_pages, error)
    wanted = params.get(how.limit, how.usual)
    if wanted > how.most:
        raise Refused(error, f"{how.limit} is {wanted}, at most {how.most} is allowed.")
    if empty > 0:
        return [], {how.next: _token(empty - 1, 0)}
    size = min(wanted, switches.page_size or wanted)
    rest = start + size
    return list(entries[start:rest]), ({how.next: _token(0, rest)} if rest < len(entries) else {})


def _token(empty: int, start: int) -> str:
    return base64.urlsafe_b64encode(f"page:{empty}:{start}".encode()).decode()


def _position(token: str | None, empty: int, error: str) -> tuple[int, int]:
    if token is None:
        return empty, 0
    try:
        kind, left, start = base64.urlsafe_b64decode(token).decode().split(":")
        if kind == "page":
            return int(left), int(start)
    except ValueError as problem:
        raise Refused(error, f"Invalid token {token!r}.") from problem
    raise Refused(error, f"Invalid token {token!r}.")
