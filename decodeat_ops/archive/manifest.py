"""The manifest: an archive's last member, which lists every other one and proves that it is whole."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from decodeat_ops.core.errors import Configuration

FORMAT = 1
NAME = "manifest.json"
PARTS = ("settings", "release", "database", "logs")
LARGEST = 32 * 1024 * 1024  # bytes of a manifest; 200,000 files take about 30 MB

_COMPONENT = re.compile(r"[^/\0]{1,255}")


@dataclass(frozen=True)
class Entry:
    """One file: its name below the archive's root, size in bytes, permission bits, SHA-256 in hex."""

    path: str
    size: int
    mode: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """`release` is the archived release's own manifest; `partial` says in words what is missing or incomplete."""

    snapshot: str
    deployment: str
    tool: str
    created_at: str
    release: Mapping[str, Any]
    settings: Mapping[str, str]  # where the settings' files belong: archive name -> path as the settings name it
    parts: Mapping[str, tuple[Entry, ...]]
    partial: tuple[str, ...] = field(default=())
    format: int = FORMAT

    def dumps(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode() + b"\n"

    def entries(self) -> dict[str, Entry]:
        return {entry.path: entry for entries in self.parts.values() for entry in entries}

    @property
    def size(self) -> int:
        return sum(entry.size for entry in self.entries().values())


def check_name(name: str) -> str:
    """A member's part. Raises `Configuration` for a name that leads anywhere but below one of the known parts."""
    components = name.split("/")
    plain = all(_COMPONENT.fullmatch(c) and c not in {".", ".."} for c in components)
    if not plain or len(components) < 2 or components[0] not in PARTS or len(components) > 40:
        raise damaged(f"it holds a member with the name {name!r}, which no archive of ours has")
    return components[0]


def damaged(why: str, name: str = "") -> Configuration:
    return Configuration(
        f"The archive{' ' + name if name else ''} can't be used: {why}.",
        hint="`decodeat-ops backup list` shows others; `backup verify` reads one from end to end.",
    )


def load(data: bytes) -> Manifest:
    """Read a manifest. Raises `Configuration` when it is of a newer format or not one of ours."""
    try:
        raw = json.loads(data)
        version = raw["format"]
        if isinstance(version, int) and version > FORMAT:
            raise Configuration(
                f"The archive was written by a newer decodeat-ops (format {version}, this one knows {FORMAT}).",
                hint="Use that version or a later one; nothing was touched.",
            )
        if version != FORMAT:
            raise damaged("its manifest is of no known format")
        parts = {part: tuple(_entry(e) for e in entries) for part, entries in raw["parts"].items()}
        for part, entries in parts.items():
            if any(check_name(entry.path) != part for entry in entries):
                raise damaged("its manifest lists a file under the wrong part")
        return Manifest(
            snapshot=_text(raw["snapshot"]),
            deployment=_text(raw["deployment"]),
            tool=_text(raw["tool"]),
            created_at=_text(raw["created_at"]),
            release={_text(k): v for k, v in raw["release"].items()},
            settings={_text(k): _text(v) for k, v in raw["settings"].items()},
            parts=parts,
            partial=tuple(_text(p) for p in raw["partial"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged("its manifest is not one of ours") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _entry(raw: Mapping[str, Any]) -> Entry:
    entry = Entry(_text(raw["path"]), raw["size"], raw["mode"], _text(raw["sha256"]))
    if not isinstance(entry.size, int) or not isinstance(entry.mode, int) or entry.size < 0:
        raise TypeError("not a number")
    return entry
