"""Judge what a user of a container may do with a file of the machine. The tests run as root, and it does not."""

import os
import stat
from collections.abc import Collection
from pathlib import Path

READ, WRITE, SEARCH = 4, 2, 1


def may(path: Path, mount: Path, user: int, groups: Collection[int], wants: int) -> bool:
    """Return whether a user of a container may have that of a path, and search the directories from its mount to it.

    What lies above the mount does not count in a container, and a link that leads out of it leads to nothing.
    """
    real, base = Path(os.path.realpath(path)), Path(os.path.realpath(mount))
    if not real.is_relative_to(base):
        return False
    on_the_way = [one for one in real.parents if one.is_relative_to(base)]
    return all(_has(one, user, groups, SEARCH) for one in on_the_way) and _has(real, user, groups, wants)


def _has(path: Path, user: int, groups: Collection[int], wants: int) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    mode = stat.S_IMODE(status.st_mode)
    if user == 0:
        return True
    if status.st_uid == user:
        mode >>= 6
    elif status.st_gid in groups:
        mode >>= 3
    return mode & wants == wants
