"""Let a test make AWS slow, forgetful, unreachable or refusing, for chosen calls."""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.servers.aws.calls import Call
from tests.servers.aws.errors import Answer, Cut, Refused

Hook = Callable[[Call], None]
THROTTLED = {"ec2": "RequestLimitExceeded", "query": "Throttling", "json": "ThrottlingException"}
EXPIRED = {"ec2": "RequestExpired", "query": "ExpiredToken", "json": "ExpiredTokenException"}


@dataclass
class Switches:
    """Hold what a test has switched on. Operations are named such as "ecs:UpdateService"; "*" is every one.

    `page_size` makes every list come in pages of that size, with `empty_pages` before the first entry. Hooks are called
    before each call, outside of the fake's lock.
    """

    hooks: list[Hook] = field(default_factory=list)
    page_size: int = 0
    empty_pages: int = 0
    down: bool = False
    _throttled: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _failing: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _lost: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _cutting: set[str] = field(default_factory=set)
    _late: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _left: int | None = None
    _seen: dict[str, Answer] = field(default_factory=dict)

    def throttle(self, operation: str, calls: int) -> None:
        """Answer the next calls of an operation with "Rate exceeded"."""
        self._throttled[operation] = calls

    def fail(self, operation: str, calls: int) -> None:
        """Answer the next calls of an operation with an error of the server's own, without doing them."""
        self._failing[operation] = calls

    def lose_answer(self, operation: str, calls: int = 1) -> None:
        """Carry out the next calls of an operation and cut the connection instead of an answer."""
        self._lost[operation] = calls

    def cut_after(self, operation: str) -> None:
        """Carry out the next call of an operation, then be unreachable, for it and all after it, until `mend`."""
        self._cutting.add(operation)

    def mend(self) -> None:
        """Be reachable again, with credentials that hold."""
        self.down = False
        self._cutting.clear()
        self._left = None

    def expire_credentials(self, after: int = 0) -> None:
        """Let all credentials expire after this many more calls."""
        self._left = after

    def be_late(self, operation: str, calls: int) -> None:
        """Answer the next calls of a read as it was answered last: eventual consistency."""
        self._late[operation] = calls

    def before(self, call: Call, protocol: str) -> Answer | None:
        """Refuse or cut a call before it is done, or return an answer of earlier."""
        if self.down:
            raise Cut
        if self._left is not None:
            if self._left <= 0:
                message = "The security token included in the request is expired"
                raise Refused(EXPIRED[protocol], message, 400 if protocol == "json" else 403)
            self._left -= 1
        if _taken(self._throttled, call.name):
            raise Refused(THROTTLED[protocol], "Rate exceeded")
        if _taken(self._failing, call.name):
            raise Refused(
                "ServerException" if call.name.startswith("ecs:") else "InternalFailure", "Service Unavailable.", 500
            )
        earlier = self._seen.get(_key(call))
        return earlier if earlier is not None and _taken(self._late, call.name) else None

    def after(self, call: Call, answer: Answer) -> None:
        """Cut the connection of a call that was done, where a test wants that."""
        if not call.write:
            self._seen[_key(call)] = answer
        if {call.name, "*"} & self._cutting:
            self.down = True
            raise Cut
        if _taken(self._lost, call.name):
            raise Cut


def _taken(left: dict[str, int], operation: str) -> bool:
    for name in (operation, "*"):
        if left.get(name, 0) > 0:
            left[name] -= 1
            return True
    return False


def _key(call: Call) -> str:
    return json.dumps([call.name, call.params], sort_keys=True, default=str)
