"""Keep what people have signed: manual items and waived findings, each with a name, a reason and an end."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

from decodeat_ops.core.clock import ahead
from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.deployment import files
from decodeat_ops.settings import trust

FORMAT = 1
LONGEST = 365  # days; an exception without an end belongs in the settings


@dataclass(frozen=True)
class SignOff:
    """Hold a person's answer: who signs, why, and for how many days. Raises `Usage` when a part is missing or wrong."""

    operator: str
    reason: str
    days: int

    def __post_init__(self) -> None:
        if not self.operator.strip() or not self.reason.strip():
            raise Usage("A sign-off needs the operator's name and a reason.", hint="Give both and sign again.")
        if not 1 <= self.days <= LONGEST:
            raise Usage(
                f"A sign-off holds for 1 to {LONGEST} days, not {self.days}.", hint="Sign again with fewer days."
            )


@dataclass(frozen=True)
class Signed:
    """Hold a sign-off on disk. `says` is the finding that was waived, "" for a manual item; times are ISO 8601, UTC."""

    check: str
    says: str
    code: str
    operator: str
    reason: str
    at: str
    until: str
    format: int = FORMAT

    @property
    def last_day(self) -> str:
        return self.until[:10]


def _file(directory: Path) -> Path:
    return directory / "signoffs.jsonl"


def sign(directory: Path, check: str, says: str, code: str, signoff: SignOff) -> Signed:
    """Store a sign-off for this code; it is on disk when this returns."""
    now = datetime.now(UTC)
    signed = Signed(
        check=check,
        says=says,
        code=code,
        operator=signoff.operator.strip(),
        reason=signoff.reason.strip(),
        at=now.isoformat(timespec="seconds"),
        until=(now + timedelta(days=signoff.days)).isoformat(timespec="seconds"),
    )
    trust.private_directory(directory)
    _drop_ended(directory, now)
    line = json.dumps(asdict(signed), ensure_ascii=False).encode() + b"\n"
    files.append(_file(directory), line)
    return signed


def _drop_ended(directory: Path, now: datetime) -> None:
    """Delete signatures that are no longer valid; the records of the walks in which they were given still list them."""
    path = _file(directory)
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    held = [line for line in lines if not _ended(line, now)]
    if len(held) < len(lines):
        files.write(path, b"".join(held).decode())


def _ended(line: bytes, now: datetime) -> bool:
    """Return whether a signature has expired. Damaged lines and those of a newer version have not: they are kept."""
    try:
        raw = json.loads(line)
        return bool(raw["format"] <= FORMAT and _moment(raw["until"]) < now)
    except (ValueError, KeyError, TypeError):
        return False


def holding(directory: Path, check: str, says: str, code: str, now: datetime | None = None) -> Signed | None:
    """Return the newest sign-off of this check (and finding) for exactly this code that has not ended, or None.

    One that is dated in the future does not hold: when it ends is unknown. Raises `Configuration` for a damaged line.
    """
    moment = now or datetime.now(UTC)
    found = None
    for signed in _read(directory):
        same = (signed.check, signed.says, signed.code) == (check, says, code)
        if same and _moment(signed.until) > moment and not ahead(signed.at, moment):
            found = signed
    return found


def _moment(text: str) -> datetime:
    """Parse a moment. Raises ValueError or TypeError for what is none, or has no time zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment


def _read(directory: Path) -> Iterator[Signed]:
    path = _file(directory)
    if not path.exists():
        return
    known = {f.name for f in fields(Signed)}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            raw = json.loads(line)
            if raw.get("format", 0) <= FORMAT:  # this version can't know what a newer version's signatures mean
                signed = Signed(**{name: value for name, value in raw.items() if name in known})
                _moment(signed.at), _moment(signed.until)
                yield signed
        except (ValueError, TypeError, AttributeError) as error:
            raise Configuration(
                f"{path.name} line {number} is damaged.",
                hint=f"Remove that line from {path}, then sign again what it held.",
            ) from error
