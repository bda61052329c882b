"""How a release behaves in its container: well, or in one of the ways in which releases go wrong."""

from dataclasses import dataclass, field
from threading import Event
from typing import Literal

Kind = Literal["serves", "crashes", "never-ready", "unhealthy", "silent", "breaks", "fails-clients"]


@dataclass(frozen=True)
class Behaviour:
    """Say what a container of a release does.

    "crashes": its process ends at boot with `exit_code`, 137 as one that was killed for its memory. "never-ready": it
    answers /ready with 503. "unhealthy": its health check fails. "silent": it runs and never listens. "breaks": it ends
    once nginx has asked it more than `after` times. "fails-clients": it answers what comes by nginx with 500. `reports`
    is another release than its own. A drain waits for `drained`. A migration ends with `migration`, and `lines` are in
    the container's log.
    """

    kind: Kind = "serves"
    exit_code: int = 1
    after: int = 0
    reports: str = ""
    lines: tuple[str, ...] = ()
    migration: int = 0
    drained: Event | None = field(default=None, compare=False)

    @property
    def out_of_memory(self) -> bool:
        return self.kind == "crashes" and self.exit_code == 137
