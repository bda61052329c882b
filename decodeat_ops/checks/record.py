"""Record one walk through a checklist in append-only lines, each holding the SHA-256 of the one before.

The chain detects accidents. It is no signature: a user who may write the file can write a new chain.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from decodeat_ops.deployment import files
from decodeat_ops.engine import journal
from decodeat_ops.settings import trust

FORMAT = 1
KEPT = 100  # records of walks through a checklist
BEFORE_THE_FIRST = "0" * 64


@dataclass(frozen=True)
class Identity:
    """Describe what a record is about. A record is void once its release, code, settings or host has changed.

    `code` is the tree hash of the code in question, `settings` a digest of the settings (they hold no secret).
    """

    checklist: str
    release: str
    code: str
    settings: str
    host: str
    tool: str

    def changed_since(self, header: Mapping[str, Any]) -> str:
        """Return the name of the first field that makes a record with that header void, "" when none does."""
        for name in ("release", "code", "settings", "host"):
            if header.get(name) != getattr(self, name):
                return name
        return ""


@dataclass(frozen=True)
class Verdict:
    """Hold the result of reading a record back. `problem` is "" when every line follows from the one before.

    `head` is the hash of the last line: only a copy kept elsewhere proves that nothing was rewritten or cut off.
    """

    path: Path
    entries: tuple[dict[str, Any], ...] = field(default=())
    problem: str = ""
    head: str = BEFORE_THE_FIRST

    @property
    def header(self) -> dict[str, Any]:
        return self.entries[0] if self.entries else {}

    @property
    def finished(self) -> bool:
        return bool(self.entries) and self.entries[-1]["record"] == "end"


class Record:
    """Append lines to one record; each line is on disk before `append` returns."""

    def __init__(self, path: Path, head: str) -> None:
        self.path = path
        self.head = head

    @classmethod
    def begin(cls, directory: Path, identity: Identity) -> "Record":
        trust.private_directory(directory)
        for oldest in records(directory)[KEPT - 1 :]:
            oldest.unlink(missing_ok=True)
        record = cls(journal.next_path(directory, identity.checklist), BEFORE_THE_FIRST)
        record.append("header", format=FORMAT, **asdict(identity))
        return record

    def append(self, kind: str, **facts: Any) -> None:
        entry = {"prev": self.head, "at": datetime.now(UTC).isoformat(timespec="milliseconds"), "record": kind, **facts}
        line = json.dumps(entry, ensure_ascii=False, sort_keys=True).encode("utf-8", "backslashreplace")
        files.append(self.path, line + b"\n")
        self.head = hashlib.sha256(line).hexdigest()


def verify(path: Path) -> Verdict:
    """Recompute the chain from the first line; stop at the first line that does not follow, and say which it is."""
    entries: list[dict[str, Any]] = []
    head = BEFORE_THE_FIRST
    data = path.read_bytes()
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        problem = ""
        try:
            entry = json.loads(line)
        except ValueError:
            entry, problem = None, f"line {number} is not JSON"
        if not isinstance(entry, dict) or "record" not in entry:
            problem = problem or f"line {number} is not an entry of a record"
        elif entry.get("prev") != head:
            problem = f"line {number} does not follow from the line before it"
        elif number == 1 and not _is_header(entry):
            problem = "the first line is not a header that this version knows"
        if problem:
            return Verdict(path, tuple(entries), problem, head)
        entries.append(entry)
        head = hashlib.sha256(line).hexdigest()
    if not data.endswith(b"\n"):
        torn = "the last line is torn" if data else "the record is empty"
        return Verdict(path, tuple(entries), torn, head)
    return Verdict(path, tuple(entries), "", head)


def _is_header(entry: Mapping[str, Any]) -> bool:
    """Return whether a record's first entry is a header that this version knows, with the moment it was written."""
    try:
        datetime.fromisoformat(entry["at"])
        return bool(entry["record"] == "header" and entry.get("format", 0) <= FORMAT)
    except (KeyError, TypeError, ValueError):
        return False


def records(directory: Path) -> tuple[Path, ...]:
    """Return every record, newest first: by number; records of earlier versions have none and come last, by time."""
    return tuple(sorted((p for p in directory.glob("*-*.jsonl")), reverse=True)) if directory.is_dir() else ()
