"""Make and recognise places that this user and root alone can change; what lies anywhere else is not trusted."""

import os
import stat
from pathlib import Path

from decodeat_ops.core.errors import Configuration


def check(path: Path, what: str) -> None:
    """Refuse what another user owns or may write. `what` names it for people. Raises `Configuration`."""
    found = flaw(path)
    if found is None:
        return
    place, why, mend = found
    about = str(path) if place == path else f"{path}, for {place}"
    raise Configuration(
        f"{what} {about} {why}: somebody else decides what is there.",
        hint=f"Look at what it holds, then `{mend}`; or use a place that only you and root can write.",
        where=str(place),
    )


def private_directory(path: Path) -> None:
    """Make a directory and every missing level above it, for its owner alone, whatever the umask is.

    `mkdir(parents=True, mode=...)` protects the last level only. What is there already keeps its mode.
    """
    missing = [place for place in (path, *path.parents) if not place.is_dir()]
    for place in reversed(missing):
        try:
            place.mkdir(mode=0o700)
        except FileExistsError:
            if not place.is_dir():
                raise
        else:
            place.chmod(0o700)  # an umask may take the owner's own rights away


def flaw(path: Path, *, private: bool = False) -> tuple[Path, str, str] | None:
    """Return the place that another user could change, why, and the command that mends it; None when all is well.

    Checks the path itself, the directories above it and the targets of links, as sshd does with its files.
    A directory above that others may write passes when it is sticky (/tmp): there users can move only their own files.
    A missing file is as safe as the directory that it would be made in. `private`: others may not even enter it.
    """
    path = path.absolute()
    trusted = {0, os.geteuid()}
    for place in dict.fromkeys((path, *path.parents, path.resolve(), *path.resolve().parents)):
        try:
            found = place.lstat()
        except OSError:
            continue  # missing or unreadable: the code that reads it reports that
        if found.st_uid not in trusted:
            return place, f"belongs to {_user(found.st_uid)}", f"chown -h {_user(os.geteuid())} {place}"
        if stat.S_ISLNK(found.st_mode):
            continue
        above = place not in (path, path.resolve())
        if _others_write(found) and not (above and found.st_mode & stat.S_ISVTX):
            return place, f"may be written by others (mode {stat.S_IMODE(found.st_mode):04o})", f"chmod go-w {place}"
        if private and not above and found.st_mode & 0o077:
            return place, f"is open to others (mode {stat.S_IMODE(found.st_mode):04o})", f"chmod 700 {place}"
    return None


def _others_write(found: os.stat_result) -> bool:
    return bool(found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not _own_group(found)))


def _own_group(found: os.stat_result) -> bool:
    """Return whether the group is the owner's own: it has the owner's name and no other member (usual on Debian)."""
    import grp
    import pwd

    try:
        owner, group = pwd.getpwuid(found.st_uid), grp.getgrgid(found.st_gid)
    except KeyError:
        return False
    return group.gr_name == owner.pw_name and set(group.gr_mem) <= {owner.pw_name}


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
