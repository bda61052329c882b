"""Write state files so that a crash leaves the old content or the new, never a part of it."""

import fcntl
import os
import shutil
from pathlib import Path


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace a file's content in one rename; it is on disk before this returns."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), mode)  # exactly, whatever the umask is
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        partial.rename(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    sync(path.parent)


def append(path: Path, line: bytes) -> None:
    """Add a line to a file (0600); it is on disk before this returns. Raises OSError, and then no part of it stays."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        before = os.fstat(descriptor).st_size
        try:
            left = line
            while left:  # a full disk takes a part, and only the next write fails
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
    finally:
        os.close(descriptor)


def link(path: Path, target: str) -> None:
    """Make a symbolic link, or point it to another target, in one rename."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    partial.rename(path)
    sync(path.parent)


def sync(directory: Path) -> None:
    """Make renames in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(directory: Path) -> None:
    """Make a whole new tree durable before it is moved into place."""
    for folder, _, names in os.walk(directory):
        for name in names:
            path = Path(folder) / name
            if path.is_symlink():
                continue
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync(Path(folder))


def discard(path: Path) -> None:
    """Remove a tree, a file or a link if it exists, but never what a link points to.

    Raises OSError, so that a leftover never goes unnoticed.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a directory if it exists. It is renamed first, so that no other process sees half of it."""
    if not os.path.lexists(path):
        return
    doomed = path.with_name(f".{path.name}.removed")
    discard(doomed)
    path.rename(doomed)
    discard(doomed)


def is_locked(path: Path) -> bool:
    """Return whether a file or a directory is locked by a process that alone may use it; False without the file.

    A link is not followed, and a pipe is not waited for. The look takes a shared lock for a moment, so that two looks
    at once don't take each other for that process.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
