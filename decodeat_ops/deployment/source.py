"""Where the service's code comes from, and the digests that tell one version of it from another."""

import hashlib
import importlib.util
import subprocess
from dataclasses import dataclass
from pathlib import Path

from decodeat_ops.core.errors import Configuration
from decodeat_ops.settings.schema import Loaded

LOCK_NAME = "requirements.txt"  # the service's hashed dependency lock, inside its package


@dataclass(frozen=True)
class Source:
    """The package directory `decodeat/` to deploy; `code` and `lock` are SHA-256 in hex."""

    package: Path
    code: str
    lock: str


def find(loaded: Loaded) -> Path:
    """The package directory of the setting `service.source`, or of this installation. Raises `Configuration`."""
    if loaded.settings.service.source:
        package = loaded.path(loaded.settings.service.source) / "decodeat"
        if not (package / "__init__.py").is_file():
            raise Configuration(
                f"There is no package decodeat/ in {package.parent}.",
                hint="Set service.source to a directory that holds it, or leave it empty for the installed one.",
                where="service.source",
            )
        return package
    spec = importlib.util.find_spec("decodeat")
    if spec is None or not spec.submodule_search_locations:
        raise Configuration(
            "The service's package decodeat is not installed beside this tool.",
            hint="Reinstall decodeat-ops, or set service.source.",
        )
    return Path(spec.submodule_search_locations[0])


def read(loaded: Loaded) -> Source:
    """Digest what would be deployed. Raises `Configuration` when the package or its lock isn't there."""
    package = find(loaded)
    lock = package / LOCK_NAME
    if not lock.is_file():
        raise Configuration(
            f"{package} has no {LOCK_NAME}: its dependencies are unknown.",
            hint="Deploy a package that carries its hashed dependency lock.",
            where=str(lock),
        )
    return Source(package, tree_digest(package), lock_digest(lock))


def lock_digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def files(package: Path) -> list[Path]:
    """What belongs to a version of the code: every regular file but caches, in order."""
    return sorted(
        p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts and p.suffix not in {".pyc"}
    )


def tree_digest(package: Path) -> str:
    """SHA-256 over the names and contents of a package's files, whatever their time stamps."""
    digest = hashlib.sha256()
    for path in files(package):
        name = path.relative_to(package).as_posix().encode()
        content = hashlib.sha256(path.read_bytes()).digest()
        digest.update(len(name).to_bytes(4) + name + content)
    return digest.hexdigest()


def revision(package: Path) -> str:
    """The git revision the code was taken from, with "-dirty" when it differs; "" outside a checkout."""
    if not any((parent / ".git").exists() for parent in package.parents):
        return ""
    argv = ("git", "-C", str(package), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
