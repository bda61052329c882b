"""Define what a command returns: data for programs, blocks for people, one exit code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SCHEMA = "decodeat-ops/1"


@dataclass(frozen=True)
class Table:
    """Hold rows of short text; a cell may be (text, tone) with a tone of `TONES`."""

    columns: tuple[str, ...]
    rows: tuple[tuple["Cell", ...], ...]
    title: str = ""


@dataclass(frozen=True)
class Facts:
    """Hold pairs of label and value, one screen line each."""

    pairs: tuple[tuple[str, "Cell"], ...]
    title: str = ""


@dataclass(frozen=True)
class Lines:
    """Hold preformatted text: a diff, log lines, a file."""

    lines: tuple[str, ...]
    title: str = ""
    language: str = "text"


TONES = ("good", "warn", "bad", "muted", "strong")
Cell = str | tuple[str, str]
Block = Table | Facts | Lines


@dataclass(frozen=True)
class Outcome:
    """Hold the result of one command.

    `changed` counts what was changed (0 on a second run). `data` is the command's own JSON; within one schema version
    keys are only added. `next` names the commands that make sense now.
    """

    command: str
    summary: str
    changed: int = 0
    exit_code: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    blocks: Sequence[Block] = ()
    warnings: tuple[str, ...] = ()
    next: tuple[str, ...] = ()

    def envelope(self) -> dict[str, Any]:
        """Return the versioned JSON object that `--json` prints."""
        return {
            "schema": SCHEMA,
            "command": self.command,
            "ok": self.exit_code == 0,
            "exit_code": self.exit_code,
            "changed": self.changed,
            "summary": self.summary,
            "data": dict(self.data),
            "warnings": list(self.warnings),
            "next": list(self.next),
            "error": None,
        }
