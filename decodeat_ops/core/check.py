"""Define checks, each of which asks one question of a deployment, and findings, the answers with their evidence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Name how a check ended: SKIP when its subject does not exist here, MANUAL when only a person can answer."""

    PASS = "PASS"  # noqa: S105 - a status, not a password
    WARN = "WARN"
    FAIL = "FAIL"
    SKIP = "SKIP"
    MANUAL = "MANUAL"


@dataclass(frozen=True)
class Finding:
    """Hold the answer of one check.

    `says` is the id of a sentence in the words table (English and Korean), filled with `evidence`; `<says>.hint` is
    what to do about it. Evidence holds JSON values and never a secret. `seconds` is how long the probe took.
    """

    check: str
    status: Status
    says: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Check:
    """Describe one check. Its `probe` changes nothing that serves; an exception of it counts as FAIL.

    `gate`: quick enough to run before or after a deploy. `active`: it does something (a marker line, a load, a scratch
    restore) and cleans up after itself. `manual`: a person signs it off.
    """

    id: str
    probe: Callable[..., Finding]
    gate: bool = False
    active: bool = False
    manual: bool = False


@dataclass(frozen=True)
class Checklist:
    """Hold an ordered list of items, each a line of the guide and the checks that prove it."""

    name: str
    items: tuple["Item", ...]

    def with_more(self, checks: Mapping[str, tuple[str, ...]]) -> "Checklist":
        """Return the list with more checks of its items, by item id; those of another list's items are left out."""
        return replace(
            self, items=tuple(replace(one, checks=(*one.checks, *checks.get(one.id, ()))) for one in self.items)
        )


@dataclass(frozen=True)
class Item:
    """Hold one line of the guide's checklist: its `number` there and `checks` by id, whose worst finding decides."""

    id: str
    number: int
    checks: tuple[str, ...]


@dataclass(frozen=True)
class Gates:
    """Name the checks of a candidate's files, of the candidate where no client reaches it, and of what serves."""

    before: tuple[str, ...] = ()
    candidate: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


NO_GATES = Gates()
