"""Record which deployments share a Python environment; it is deleted with the last one that uses it."""

import hashlib
import os
from pathlib import Path

from decodeat_ops.deployment import files
from decodeat_ops.settings import trust


def _place(environments: Path, name: str) -> Path:
    return environments / ".claims" / name


def _link(root: Path) -> str:
    return hashlib.sha256(str(root).encode()).hexdigest()[:16]


def claim(environments: Path, name: str, root: Path) -> None:
    """Record that the deployment at `root` uses the environment, before it is built or looked for."""
    place = _place(environments, name)
    if not place.is_dir():
        if (environments / name).exists():
            return  # built before claims were recorded: its other users are unknown, so it stays
        trust.private_directory(place)
    files.link(place / _link(root), str(root))


def claimed(environments: Path, root: Path) -> list[str]:
    """Return the environments that the deployment at `root` has claimed, in order."""
    return sorted(path.parent.name for path in (environments / ".claims").glob(f"*/{_link(root)}"))


def give_up(environments: Path, name: str, root: Path) -> None:
    (_place(environments, name) / _link(root)).unlink(missing_ok=True)


def unused(environments: Path, name: str, root: Path) -> bool:
    """Return whether no deployment but the one at `root` uses the environment.

    Claims of state directories that are gone don't count; anything else in the directory of claims does, such as a
    file that an operator puts there to keep the environment.
    """
    place = _place(environments, name)
    own = _link(root)
    return place.is_dir() and not any(
        path.name != own and not (path.is_symlink() and not os.path.lexists(path.readlink()))
        for path in place.iterdir()
    )


def forget(environments: Path, name: str) -> None:
    """Delete all claims on an environment that is deleted."""
    files.discard(_place(environments, name))
