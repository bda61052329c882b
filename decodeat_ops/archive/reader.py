"""Read an archive once from end to end, and trust none of it: the result is what the manifest lists, or an error."""

import contextlib
import hashlib
import io
import os
import shutil
import sqlite3
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from decodeat_ops.archive.manifest import LARGEST, NAME, Entry, Manifest, check_name, damaged, load
from decodeat_ops.core.errors import Configuration, GateFailed
from decodeat_ops.settings import trust

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK = 1 << 20
MOST_FILES = 20_000
SETTINGS = 4 << 20  # bytes of all files of settings together, which are kept in memory
HEADERS = 64 << 10  # bytes between two members: the longest name of ours takes 11 KiB, and tarfile reads ahead as much
ALL_HEADERS = 64 << 20  # bytes between members, all together
END = 1 << 20  # bytes of zeros behind the tar
MOST = 64 << 30  # bytes that an archive may unpack to where the caller knows no closer limit


class TooLarge(Configuration):
    """Report that an archive unpacks to more than its reader has space or time for; its contents are then unknown."""


class _Bounded:
    """Limit how many bytes can be read from a stream: a budget for each member, and `most` bytes altogether.

    The size of the file is no limit: a few KiB can unpack to terabytes.
    """

    def __init__(self, stream: Any, name: str, most: int) -> None:
        self._stream = stream
        self._name = name
        self._left = self._most = most
        self.headers = ALL_HEADERS
        self.budget = HEADERS

    def read(self, size: int) -> bytes:
        self.budget -= size
        self._left -= size
        if self.budget < 0:
            raise damaged("it holds a header of absurd size", self._name)
        if self._left < 0:
            raise TooLarge(
                f"The archive {self._name} unpacks to more than {self._most / (1 << 20):.0f} MiB.",
                hint="Read it where there is more room, or look at it by hand: `zstd -d < FILE | tar tv`.",
            )
        data: bytes = self._stream.read(size)
        return data


def inspect(path: Path, most: int = MOST) -> Manifest:
    """Check every byte against the manifest without writing any. Raises `Configuration`.

    Raises `TooLarge` when there are more than `most` bytes.
    """
    return _read(path, lambda info: None, most)


def settings(path: Path, most: int = MOST) -> tuple[Manifest, dict[str, bytes]]:
    """Check every byte and return the contents of the settings files by name. Writes nothing.

    Raises `Configuration`, also when the settings are larger than `SETTINGS`.
    """
    kept: dict[str, io.BytesIO] = {}

    def keep(info: tarfile.TarInfo) -> IO[bytes] | None:
        if not info.name.startswith("settings/"):
            return None
        if info.size + sum(len(held.getbuffer()) for held in kept.values()) > SETTINGS:
            raise damaged("its settings are of absurd size", path.name)
        return kept.setdefault(info.name, io.BytesIO())

    manifest = _read(path, keep, most)
    return manifest, {name: held.getvalue() for name, held in kept.items()}


def extract(path: Path, to: Path) -> Manifest:
    """Unpack into `to`, a directory that must not exist yet, and check everything.

    Raises `Configuration` for what is no whole archive, `GateFailed` when a whole one doesn't fit on the disk.
    After an error `to` is removed again.
    """
    to.parent.mkdir(exist_ok=True, mode=0o700)
    to.mkdir(mode=0o700)
    try:
        manifest = _read(path, lambda info: _create(to, info))
        (to / NAME).write_bytes(manifest.dumps())
        return manifest
    except BaseException as error:
        shutil.rmtree(to, ignore_errors=True)
        if isinstance(error, GateFailed):
            # A wrong size in the manifest is damage; only a whole archive needs more disk space.
            with contextlib.suppress(TooLarge):
                inspect(path, CHUNK + 2 * shutil.disk_usage(to.parent).free)
        raise


def verify(path: Path, scratch: Path) -> Manifest:
    """Unpack below `scratch`, check everything and the databases' integrity, clean up. Raises what `extract` does."""
    place = scratch / "verify"
    shutil.rmtree(place, ignore_errors=True)
    manifest = extract(path, place)
    try:
        check_databases(place, path.name)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return manifest


def check_databases(place: Path, name: str) -> None:
    """Raise `Configuration` unless every SQLite file of an unpacked archive passes its own integrity check."""
    for database in sorted((place / "database").glob("*.sqlite3")):
        try:
            with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
                answer = str(connection.execute("PRAGMA integrity_check").fetchone()[0])
        except sqlite3.DatabaseError as error:
            answer = str(error)
        if answer != "ok":
            raise damaged(f"its database {database.name} is not sound ({answer.splitlines()[0]})", name)


def _read(path: Path, target: Callable[[tarfile.TarInfo], IO[bytes] | None], most: int = MOST) -> Manifest:
    """Check every byte; `target` returns the file that a member's content is written to, or None."""
    seen: dict[str, Entry] = {}
    folders: set[str] = set()
    manifest: Manifest | None = None
    with _opened(path) as stream:
        bounded = _Bounded(stream, path.name, most)
        with _tar(bounded, path) as tar:
            for info in _members(tar, bounded, path):
                if manifest is not None:
                    raise damaged(f"{info.name!r} follows its manifest, which must be the last member", path.name)
                if info.name == NAME:
                    manifest = _manifest(tar, info, bounded, path)
                    continue
                check_name(info.name, path.name)
                above = {str(folder) for folder in PurePosixPath(info.name).parents}
                if info.name in seen or info.name in folders or not above.isdisjoint(seen):
                    raise damaged(f"{info.name!r} is there twice, or is a file and a directory", path.name)
                if len(seen) >= MOST_FILES:
                    raise damaged(f"it holds more than {MOST_FILES} files", path.name)
                folders |= above
                seen[info.name] = _take(tar, info, bounded, target(info), path)
        _nothing_follows(stream, path)
    if manifest is None:
        raise damaged("its manifest is missing: it was cut short, or it is not an archive of ours", path.name)
    _compare(manifest, seen, path)
    return manifest


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        stream = zstd.ZstdFile(path, "rb")
    except FileNotFoundError as error:
        raise Configuration(
            f"There is no archive {path}.", hint="`decodeat-ops backup list` shows what is there."
        ) from error
    except OSError as error:
        raise damaged(f"it can't be opened ({error.strerror})", path.name) from error
    with stream:
        try:
            yield stream
        except (zstd.ZstdError, EOFError) as error:
            raise damaged("it is cut short, damaged or not compressed with zstd", path.name) from error


@contextmanager
def _tar(bounded: _Bounded, path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(fileobj=bounded, mode="r|") as tar:  # type: ignore[call-overload]
            yield tar
    except (tarfile.TarError, UnicodeError, OverflowError, ValueError) as error:
        raise damaged(f"it is not a whole tar ({error})", path.name) from error


def _members(tar: tarfile.TarFile, bounded: _Bounded, path: Path) -> Iterator[tarfile.TarInfo]:
    while True:
        bounded.budget = HEADERS
        info = tar.next()
        bounded.headers -= HEADERS - bounded.budget
        if bounded.headers < 0:
            raise damaged("its headers are of absurd size", path.name)
        if info is None:
            return
        tar.members = []  # type: ignore[attr-defined] # tarfile would keep them all in memory
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.sparse is not None:
            raise damaged(f"{info.name!r} is not a regular file", path.name)
        yield info


def _manifest(tar: tarfile.TarFile, info: tarfile.TarInfo, bounded: _Bounded, path: Path) -> Manifest:
    if info.size > LARGEST:
        raise damaged("its manifest is of absurd size", path.name)
    bounded.budget = info.size + HEADERS
    source = tar.extractfile(info)
    return load(source.read() if source else b"", path.name)


def _take(
    tar: tarfile.TarFile, info: tarfile.TarInfo, bounded: _Bounded, target: IO[bytes] | None, path: Path
) -> Entry:
    """Hash one member, and write it to its target if it has one; a file as target is closed afterwards."""
    digest, size = hashlib.sha256(), 0
    try:
        source = tar.extractfile(info)
        if source is None:
            raise damaged(f"{info.name!r} has no content", path.name)
        while True:
            bounded.budget = CHUNK + HEADERS
            data = source.read(CHUNK)
            if not data:
                break
            digest.update(data)
            size += len(data)
            if target is not None:
                target.write(data)
    finally:
        if target is not None and not isinstance(target, io.BytesIO):
            target.close()
    if size != info.size:
        raise damaged(f"{info.name} is cut short", path.name)
    return Entry(info.name, size, info.mode & 0o777, digest.hexdigest())


def _create(to: Path, info: tarfile.TarInfo) -> IO[bytes]:
    """Create a new file, never through a link, in a directory that is ours alone.

    Raises `GateFailed` when there is no space for it.
    """
    if info.size > shutil.disk_usage(to).free:
        raise GateFailed(
            f"Unpacking {info.name} needs {info.size} bytes, more than are free at {to}.",
            hint="Free some space there and try again.",
        )
    place = to / info.name
    trust.private_directory(place.parent)
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, info.mode & 0o777 | 0o600)  # its owner must always be able to read it
    return os.fdopen(descriptor, "wb")


def _nothing_follows(stream: Any, path: Path) -> None:
    """Raise `Configuration` when anything but zeros, at most `END` of them, follows the tar."""
    left = END
    while data := stream.read(CHUNK):
        left -= len(data)
        if left < 0 or data.strip(b"\0"):
            raise damaged("something follows the end of its tar", path.name)


def _compare(manifest: Manifest, seen: dict[str, Entry], path: Path) -> None:
    listed = manifest.entries()
    for name in sorted(set(listed) ^ set(seen)):
        raise damaged(f"{name} is {'missing' if name in listed else 'not in its manifest'}", path.name)
    for name, entry in seen.items():
        if entry != listed[name]:
            raise damaged(f"{name} is not what its manifest says", path.name)
