"""Find the service's code, and make the digests that tell one version of it from another."""

import hashlib
import importlib.util
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from decodeat_ops.core.errors import Configuration
from decodeat_ops.settings import trust
from decodeat_ops.settings.schema import Loaded

LOCK_NAME = "requirements.txt"  # the service's hashed dependency lock, inside its package


@dataclass(frozen=True)
class Source:
    """Name the package directory `decodeat/` to deploy; `code` and `lock` are SHA-256 in hex."""

    package: Path
    code: str
    lock: str


def find(loaded: Loaded) -> Path:
    """Return the package directory below the setting `service.source`, or that of this installation.

    Raises `Configuration` when it is not there, or when another user could change it: even checks run its code.
    """
    if loaded.settings.service.source:
        package = loaded.path(loaded.settings.service.source) / "decodeat"
        if not (package / "__init__.py").is_file():
            raise Configuration(
                f"There is no package decodeat/ in {package.parent}.",
                hint="Set service.source to a directory that holds it, or leave it empty for the installed one.",
                where="service.source",
            )
        trust.check(loaded.named(loaded.settings.service.source) / "decodeat", "The service's code in")
        return package
    spec = importlib.util.find_spec("decodeat")
    if spec is None or not spec.submodule_search_locations:
        raise Configuration(
            "The service's package decodeat is not installed beside this tool.",
            hint="Reinstall decodeat-ops, or set service.source.",
        )
    return Path(spec.submodule_search_locations[0])


def read(loaded: Loaded) -> Source:
    """Digest what would be deployed.

    Raises `Configuration` when the package or its lock isn't there, or when the package holds what can't be deployed.
    """
    package = find(loaded)
    check(package)
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
    """Return the files that belong to a version of the code, in order: all but caches."""
    return [path for path in _everything(package) if path.is_file()]


def _everything(package: Path) -> list[Path]:
    return sorted(p for p in package.rglob("*") if "__pycache__" not in p.parts and p.suffix not in {".pyc"})


def check(package: Path) -> None:
    """Raise `Configuration` naming every path that a release can't hold: none is left out silently."""
    refused = [f"{path.relative_to(package)}: {why}" for path in _everything(package) if (why := _refused(path))]
    if refused:
        raise Configuration(
            f"{package} holds what can't be deployed: {refused[0]}"
            + (f", and {len(refused) - 1} more." if len(refused) > 1 else "."),
            hint="Rename it, replace a link by what it leads to, or take it out of the package.",
            lines=tuple(refused),
            where=str(package),
        )


def _refused(path: Path) -> str:
    """Return why a release can't hold this path, "" when it can. A link to a file is deployed as that file."""
    try:
        path.name.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if path.is_file() or (path.is_dir() and not path.is_symlink()):
        return ""
    if path.is_symlink():
        return "a link to a directory" if path.is_dir() else "a link that leads nowhere"
    return "neither a file nor a directory"


def tree_digest(package: Path) -> str:
    """Return the SHA-256 in hex over the names and contents of a package's files, not over their times."""
    digest = hashlib.sha256()
    for path in files(package):
        name = os.fsencode(path.relative_to(package).as_posix())
        content = hashlib.sha256(path.read_bytes()).digest()
        digest.update(len(name).to_bytes(4) + name + content)
    return digest.hexdigest()


def revision(package: Path) -> str:
    """Return the git revision of the code, with "-dirty" when it was changed; "" when git doesn't track the code.

    A repository that happens to lie above, such as a home directory under git, is ignored.
    """
    if not any((parent / ".git").exists() for parent in package.parents):
        return ""
    tracked = {name for name in (_git(package, "ls-files", "-z", "--", ".") or "").split("\0") if name}
    present = {path.relative_to(package).as_posix() for path in files(package)}
    head = _git(package, "rev-parse", "--short=12", "HEAD")
    if head is None or not tracked & present:
        return ""
    same = present <= tracked and _git(package, "diff", "--quiet", "--no-ext-diff", "HEAD", "--", ".") is not None
    return head.strip() + ("" if same else "-dirty")


def is_committed(path: Path) -> bool:
    """Return whether a file is what the commit that is checked out has there."""
    known = _git(path.parent, "ls-files", "--error-unmatch", "--", path.name) is not None
    return known and _git(path.parent, "diff", "--quiet", "--no-ext-diff", "HEAD", "--", path.name) is not None


def _git(package: Path, *words: str) -> str | None:
    """Return git's output in that directory, None when it fails; GIT_* variables may name another repository."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    argv = ("git", "-C", str(package), "--no-optional-locks", *words)
    try:
        done = subprocess.run(
            argv,
            env=env,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
