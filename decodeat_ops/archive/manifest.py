"""Define the manifest: an archive's last member, which lists every other one and proves that the archive is whole."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from decodeat_ops.core.errors import Configuration

FORMAT = 1
NAME = "manifest.json"
PARTS = ("settings", "release", "database", "logs")
LARGEST = 8 * 1024 * 1024  # bytes of a manifest; 20,000 files take about 3 MB

_SNAPSHOT = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")


@dataclass(frozen=True)
class Entry:
    """Describe one file: its name below the archive's root, size in bytes, permission bits, SHA-256 in hex."""

    path: str
    size: int
    mode: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Describe an archive. `release` is its release's manifest.

    `partial` says what is missing or incomplete, and `gaps` names the part that each of these is of.
    """

    snapshot: str
    deployment: str
    tool: str
    created_at: str
    release: Mapping[str, Any]
    settings: Mapping[str, str]  # where the settings' files belong: archive name -> path as the settings name it
    parts: Mapping[str, tuple[Entry, ...]]
    partial: tuple[str, ...] = field(default=())
    format: int = FORMAT
    gaps: tuple[str, ...] = field(default=())

    def dumps(self) -> bytes:
        return _dumped(asdict(self))

    @property
    def digest(self) -> str:
        """Return the SHA-256 in hex that identifies the whole archive, since it covers every file's checksum.

        It leaves `gaps` out, as manifests of earlier versions do: they only sort what `partial` says.
        """
        known = asdict(self)
        del known["gaps"]
        return hashlib.sha256(_dumped(known)).hexdigest()

    def entries(self) -> dict[str, Entry]:
        return {entry.path: entry for entries in self.parts.values() for entry in entries}

    @property
    def size(self) -> int:
        return sum(entry.size for entry in self.entries().values())


def _dumped(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, indent=1).encode() + b"\n"


def check_name(name: str, archive: str = "") -> str:
    """Return the part that a member is of. Raises `Configuration` for a name that is not below a known part."""
    components = name.split("/")
    plain = all(_plain(c) for c in components)
    if not plain or len(components) < 2 or components[0] not in PARTS or len(components) > 40:
        raise damaged(f"it holds a member with the name {name!r}, which no archive of ours has", archive)
    return components[0]


def _plain(component: str) -> bool:
    """Return whether every file system takes a name as one name, and UTF-8 can encode it."""
    try:
        length = len(component.encode())
    except UnicodeEncodeError:
        return False
    return 0 < length <= 255 and component not in {".", ".."} and "\0" not in component


def damaged(why: str, name: str = "") -> Configuration:
    return Configuration(
        f"The archive{' ' + name if name else ''} can't be used: {why}.",
        hint="`decodeat-ops backup list` shows others; `decodeat-ops backup verify` reads one from end to end.",
    )


def load(data: bytes, archive: str = "") -> Manifest:
    """Read a manifest; `archive` is the file's name for messages.

    Raises `Configuration` when it is of a newer format, not one of ours, or would lead outside the archive: a
    snapshot's id and the names of the settings' files become paths at a restore.
    """
    try:
        raw = json.loads(data)
        version = raw["format"]
        if isinstance(version, int) and version > FORMAT:
            raise Configuration(
                f"The archive {archive} is of a newer decodeat-ops (format {version}, this one knows {FORMAT}).",
                hint="Use that version or a later one; nothing was touched.",
            )
        if version != FORMAT:
            raise damaged("its manifest is of no known format", archive)
        json.dumps(raw, ensure_ascii=False).encode()  # text that UTF-8 can't encode would break the code that prints it
        manifest = Manifest(
            snapshot=_text(raw["snapshot"]),
            deployment=_text(raw["deployment"]),
            tool=_text(raw["tool"]),
            created_at=_text(raw["created_at"]),
            release={_text(k): v for k, v in raw["release"].items()},
            settings={_text(k): _text(v) for k, v in raw["settings"].items()},
            parts={part: tuple(_entry(e) for e in entries) for part, entries in raw["parts"].items()},
            partial=tuple(_text(p) for p in raw["partial"]),
            gaps=_gaps(raw),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged("its manifest is not one of ours", archive) from error
    _consistent(manifest, archive)
    return manifest


def _gaps(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the part that each note of `partial` is of; in earlier versions the note's first word alone names it."""
    notes = [_text(note) for note in raw["partial"]]
    gaps = tuple(_text(part) for part in raw.get("gaps", ()))
    return gaps if len(gaps) == len(notes) else tuple(note.lstrip("'\"").partition("/")[0] for note in notes)


def _consistent(manifest: Manifest, archive: str) -> None:
    if not _SNAPSHOT.fullmatch(manifest.snapshot):
        raise damaged(f"its manifest calls it {manifest.snapshot!r}, which is no snapshot's id", archive)
    seen = set()
    for part, entries in manifest.parts.items():
        for entry in entries:
            if check_name(entry.path, archive) != part:
                raise damaged(f"its manifest lists {entry.path} under the part {part!r}", archive)
            if entry.path in seen:
                raise damaged(f"its manifest lists {entry.path} twice", archive)
            seen.add(entry.path)
    for name in manifest.settings:
        if name not in seen or not name.startswith("settings/"):
            raise damaged(f"its manifest knows where {name!r} belongs, and does not hold it", archive)
    for belongs in manifest.settings.values():
        if not belongs or "\0" in belongs:
            raise damaged(f"its manifest calls {belongs!r} a place for a file", archive)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _number(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError("not a number")
    return value


def _entry(raw: Mapping[str, Any]) -> Entry:
    return Entry(_text(raw["path"]), _number(raw["size"]), _number(raw["mode"]), _text(raw["sha256"]))
