"""A check asks one question of a deployment; a finding is its answer with the evidence seen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """PASS, WARN, FAIL; SKIP when the subject does not exist here; MANUAL when only a person can answer."""

    PASS = "PASS"  # noqa: S105 - a status, not a password
    WARN = "WARN"
    FAIL = "FAIL"
    SKIP = "SKIP"
    MANUAL = "MANUAL"


@dataclass(frozen=True)
class Finding:
    """`says` is the id of a sentence in the words table (English and Korean), filled with `evidence`.

    `<says>.hint` is what to do about it. Evidence holds JSON values and never a secret. `seconds` is how long
    the probe took.
    """

    check: str
    status: Status
    says: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Check:
    """`probe` never raises and changes nothing that serves.

    `gate`: quick enough to stand before or after a deploy. `active`: acts (a marker line, a load, a scratch
    restore) and cleans up after itself. `manual`: a person signs it off.
    """

    id: str
    probe: Callable[[Any], Finding]
    gate: bool = False
    active: bool = False
    manual: bool = False


@dataclass(frozen=True)
class Checklist:
    """An ordered list of items; each item is the guide's own line and the checks that prove it."""

    name: str
    items: tuple["Item", ...]


@dataclass(frozen=True)
class Item:
    """One line of the guide's checklist: `number` as in the guide, `checks` by id, worst finding decides."""

    id: str
    number: int
    checks: tuple[str, ...]
