"""Describe who holds a deployment's lock."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Owner:
    """Describe who holds the lock: verb, user, process id, since when (ISO 8601, UTC)."""

    verb: str
    user: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"{self.verb} by {self.user} (process {self.pid}), since {self.since}"
