"""Make directories for the service's own user alone."""

from pathlib import Path


def directory(path: Path) -> None:
    """Make a directory and every missing level above it with mode 0700, whatever the umask is.

    `mkdir(parents=True, mode=...)` protects the last level only. What is there already keeps its mode.
    """
    for place in reversed([place for place in (path, *path.parents) if not place.is_dir()]):
        try:
            place.mkdir(mode=0o700)
        except FileExistsError:
            if not place.is_dir():
                raise
        else:
            place.chmod(0o700)
