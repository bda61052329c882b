"""Find a copy of the service's code on this machine, and the Python environment that it runs in."""

from pathlib import Path

from decodeat_ops.core.release import Release
from decodeat_ops.deployment import inputs, source
from decodeat_ops.deployment.machine import Machine


def package(machine: Machine, release: Release | None) -> Path:
    """Return the package directory of a release; None stands for the source that a deploy would take.

    Raises `Configuration` when there is no source.
    """
    return source.find(machine.loaded) if release is None else machine.layout.code(release.id) / "decodeat"


def lock(package: Path) -> str:
    """Return the digest of a package's dependency lock, which names its Python environment."""
    return source.lock_digest(package / source.LOCK_NAME)


def python(machine: Machine, lock: str) -> Path | None:
    """Return the interpreter of the environment that a dependency lock names, None when it is not built completely."""
    whole = (inputs.environment_path(machine.environments, lock) / ".complete").exists()
    return inputs.python(machine.environments, lock) if whole else None
