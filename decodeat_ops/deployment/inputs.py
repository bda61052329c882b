"""Digest what a plan was derived from, so that `resume` can tell whether the plan still holds."""

import errno
import hashlib
import json
import secrets as random
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.layout import STATE_FORMAT, Layout
from decodeat_ops.core.secret import Secret
from decodeat_ops.deployment import files, source
from decodeat_ops.settings import trust
from decodeat_ops.settings.schema import Loaded


def prepare(layout: Layout) -> None:
    """Make the state directory and its fixed parts, readable by their owner alone. Raises `Configuration`."""
    try:
        _prepare(layout)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise Configuration(
            f"The state directory {layout.root} can't be written: {error.strerror}.",
            hint="Free some space there and run the command again."
            if full
            else "Run decodeat-ops as the user it belongs to, or set local.state_dir to a directory of your own.",
            where=str(error.filename or layout.root),
        ) from error


def _prepare(layout: Layout) -> None:
    for directory in (
        layout.releases,
        layout.wants,
        layout.run,
        layout.data,
        layout.logs,
        layout.staging,
        layout.records,
        layout.journals,
    ):
        trust.private_directory(directory)
    if not layout.format_file.exists():
        # The salt keeps a short secret from being guessed from its digest in a journal.
        files.write(layout.format_file, json.dumps({"format": STATE_FORMAT, "salt": _new_salt(layout.root)}) + "\n")


def salt(layout: Layout) -> str:
    """Return this deployment's salt, before it is on disk the one that will be written; "" when it has none."""
    try:
        return str(json.loads(layout.format_file.read_bytes())["salt"])
    except FileNotFoundError:
        return _new_salt(layout.root)
    except KeyError:
        return ""  # written by a version without a salt


@cache
def _new_salt(root: Path) -> str:
    """Draw a new deployment's salt once, so that a plan made before it is on disk equals one made after."""
    return random.token_hex(16)


def secrets_digest(secrets: Mapping[str, Secret], layout: Layout) -> str:
    """Return the SHA-256 in hex over the names and salted digests of all secrets."""
    grain = salt(layout)
    lines = [f"{name}={secret.digest(grain)}" for name, secret in sorted(secrets.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def inputs(loaded: Loaded, secrets: str) -> str:
    """Return the SHA-256 in hex over the target's settings, code, dependency lock and the digest of the secrets.

    Missing code counts as none: a deploy reports it, and a rollback or restore must not need it.
    """
    parts = [loaded.settings.of_target(), *_code(loaded), secrets]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _code(loaded: Loaded) -> tuple[str, str]:
    try:
        package = source.find(loaded)
    except Configuration:
        return "", ""
    lock = package / source.LOCK_NAME
    return source.tree_digest(package), source.lock_digest(lock) if lock.is_file() else ""


def environment_path(environments: Path, lock: str) -> Path:
    """Return where the Python environment for a dependency lock is, or will be."""
    return environments / f"{lock[:16]}-py{sys.version_info.major}{sys.version_info.minor}"


def python(environments: Path, lock: str) -> Path:
    return environment_path(environments, lock) / "bin" / "python"
