"""Write an archive: tar in zstd with a checksum, members first and the manifest last, one rename at the end."""

import hashlib
import io
import os
import sys
import tarfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from decodeat_ops.archive.manifest import NAME, Entry, Manifest, check_name
from decodeat_ops.core.errors import Configuration

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL = 3  # zstd's default: its CPU time is what limits a backup
CHUNK = 1 << 20


@dataclass(frozen=True)
class Member:
    """Name a file to archive, and its name there; `mode` replaces its own permission bits when given."""

    name: str
    source: Path
    mode: int | None = None

    @property
    def part(self) -> str:
        """Return the part of the archive that it is of."""
        return self.name.partition("/")[0]


Progress = Callable[[str, int], None]


def _discard_progress(text: str, done: int) -> None:
    """Discard a report of progress, where none is shown."""


def partial_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def write(
    path: Path,
    blank: Manifest,
    members: Iterable[Member],
    progress: Progress = _discard_progress,
) -> Manifest:
    """Write `path` (0600) and return its manifest, in which `partial` names what could not be read whole.

    Raises OSError when the archive itself can't be written; then nothing of it is left under its final name.
    """
    partial = partial_path(path)
    partial.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True, mode=0o700)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: LEVEL,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    with os.fdopen(descriptor, "wb") as raw:
        with zstd.ZstdFile(raw, "wb", options=options) as stream:
            manifest = _write_members(stream, blank, members, progress)
        raw.flush()
        os.fsync(raw.fileno())
    partial.rename(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return manifest


def _write_members(stream: Any, blank: Manifest, members: Iterable[Member], progress: Progress) -> Manifest:
    parts: dict[str, list[Entry]] = {part: [] for part in blank.parts}
    notes, gaps = [*blank.partial], [*blank.gaps]
    done = 0
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            progress(member.name, done)
            try:
                part = check_name(member.name)
                entry, note = _add(tar, member)
            except Configuration:
                notes.append(f"{member.name!r} was left out: an archive can't hold a file of that name")
                gaps.append(member.part)
                continue
            except OSError as error:
                if error.filename is None:
                    raise  # the archive could not be written
                notes.append(f"{member.name} could not be read: {error.strerror}")
                gaps.append(member.part)
                continue
            parts[part].append(entry)
            notes += note
            gaps += [part] * len(note)
            done += entry.size
        held = {entry.path for entry in parts.get("settings", ())}
        manifest = replace(
            blank,
            settings={name: belongs for name, belongs in blank.settings.items() if name in held},
            parts={p: tuple(e) for p, e in parts.items()},
            partial=tuple(notes),
            gaps=tuple(gaps),
        )
        body = manifest.dumps()
        tar.addfile(_info(NAME, len(body), 0o600, time.time()), io.BytesIO(body))
    return manifest


def _add(tar: tarfile.TarFile, member: Member) -> tuple[Entry, list[str]]:
    """Archive exactly the size seen at opening: a log may grow, or be cut short, while it is read."""
    descriptor = os.open(member.source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with closing(os.fdopen(descriptor, "rb")) as source:
        status = os.fstat(source.fileno())
        mode = status.st_mode & 0o777 if member.mode is None else member.mode
        reader = _Reader(source, status.st_size)
        try:
            tar.addfile(_info(member.name, status.st_size, mode, status.st_mtime), reader)
        except OSError as error:
            # The source was open already, so the archive could not be written: an error without a file name says that.
            raise OSError(error.errno, error.strerror) from error
    why = reader.problem or "it shrank meanwhile"
    missing = [f"{member.name} was not read whole ({why}): {reader.padded} bytes are zeros"] if reader.padded else []
    return Entry(member.name, status.st_size, mode, reader.digest.hexdigest()), missing


class _Reader:
    """Read a file and hash it. Bytes that a shrunken file no longer has, or that can't be read, become zeros."""

    def __init__(self, source: IO[bytes], size: int) -> None:
        self._source = source
        self._left = size
        self.padded = 0
        self.problem = ""
        self.digest = hashlib.sha256()

    def read(self, size: int = CHUNK) -> bytes:
        wanted = min(size, self._left)
        try:
            data = b"" if self.problem else self._source.read(wanted)
        except OSError as error:
            data, self.problem = b"", error.strerror or str(error)
        if len(data) < wanted:
            self.padded += wanted - len(data)
            data = data.ljust(wanted, b"\0")
        self._left -= wanted
        self.digest.update(data)
        return data


def _info(name: str, size: int, mode: int, mtime: float) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, mode, int(mtime)
    return info
