"""Find the code in question: a release that is staged but does not serve yet, else the source a deploy would take."""

from dataclasses import dataclass
from pathlib import Path

from decodeat_ops.deployment import inputs, source
from decodeat_ops.deployment.tools import Subject


@dataclass(frozen=True)
class Candidate:
    """Describe the code to run: `package` is its directory decodeat/, `release` its id when it is staged, else ""."""

    package: Path
    release: str

    @property
    def digest(self) -> str:
        return source.tree_digest(self.package)

    @property
    def lock(self) -> str:
        """Return the digest of its dependency lock, which names its Python environment."""
        return source.lock_digest(self.package / source.LOCK_NAME)


def candidate(subject: Subject) -> Candidate:
    """Return the code that a deploy brings. Raises `Configuration` when there is none."""
    release, store = subject.release, subject.tools.store
    if release is not None and release.id not in (store.active_id(), store.stopped_id()):
        return Candidate(subject.tools.layout.code(release.id) / "decodeat", release.id)
    return Candidate(source.find(subject.tools.loaded), "")


def python_of(subject: Subject, lock: str) -> Path | None:
    """Return the interpreter of the environment that a dependency lock names, None when it is not built completely."""
    environments = subject.tools.environments
    whole = (inputs.environment_path(environments, lock) / ".complete").exists()
    return inputs.python(environments, lock) if whole else None
