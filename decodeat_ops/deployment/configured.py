"""Compare the configurations of two releases, and show secrets by name alone."""

import contextlib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.target import CONFIGURATION
from decodeat_ops.settings import envfile
from decodeat_ops.supervisor.unit import Unit

MIB = 1024 * 1024
_LONGEST = 60  # characters of a value that a plan shows
URL_PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]+@")
SECRET_NAME = re.compile(r"(_KEYS?|_TOKENS?|_SECRETS?|_CREDENTIALS_JSON|PASSWORD|PASSWD)$")
Fact = tuple[str, str]


@dataclass(frozen=True)
class Configured:
    """Hold what a release is configured with.

    `plain` maps variables and settings to values, `rendered` files to digests, `secrets` names to salted digests.
    `secrets` is None when they are unknown: a release that doesn't run has no secrets on disk, and they may be damaged.
    """

    plain: Mapping[str, str] = field(default_factory=dict)
    rendered: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] | None = None


def of_release(layout: Layout, release: str, salt: str) -> Configured:
    """Return the configuration of a release on disk, an empty one when its variables or its unit can't be read."""
    plain: dict[str, str] = {}
    try:
        plain |= envfile.read(layout.environment(release))
        plain |= settings(Unit.load(layout.unit(release)))
    except (Configuration, OSError, ValueError, TypeError):
        return Configured()
    rendered = {path.name: digest(path.read_bytes()) for path in layout.config(release).glob("*") if path.is_file()}
    secrets: Mapping[str, str] | None = None
    if layout.secrets(release).exists():
        with contextlib.suppress(Configuration):  # damaged, so unknown: a plan only shows the difference
            secrets = digests({n: Secret(v) for n, v in envfile.read(layout.secrets(release)).items()}, salt)
    return Configured(plain, rendered, secrets)


def settings(unit: Unit) -> dict[str, str]:
    """Return the settings of a release that are not variables, by dotted key."""
    return {
        "local.host": unit.host,
        "local.port": str(unit.port),
        "local.drain_timeout": f"{unit.drain_timeout:g}",
        "logs.max_mb": f"{unit.log_bytes / MIB:g}",
        "logs.keep_files": str(unit.log_files),
        "logs.keep_days": str(unit.log_days),
    }


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def digests(secrets: Mapping[str, Secret], salt: str) -> dict[str, str]:
    return {name: secret.digest(salt) for name, secret in secrets.items()}


def difference(before: Configured, after: Configured, secret: frozenset[str] = frozenset()) -> tuple[Fact, ...]:
    """Return facts for a plan: which settings and secrets differ. Values of the variables in `secret` stay hidden."""
    if not before.plain:
        return ()
    lines = []
    for name in sorted({*before.plain, *after.plain}):
        old, new = (_shown(name, side.plain.get(name), secret) for side in (before, after))
        if before.plain.get(name) != after.plain.get(name):
            lines.append(f"{name} {old} -> {new}")
    if not lines and before.rendered != after.rendered:
        names = {*before.rendered, *after.rendered}
        lines = [f"{n} is rendered anew" for n in sorted(names) if before.rendered.get(n) != after.rendered.get(n)]
    facts = [(CONFIGURATION, "; ".join(lines))] if lines else []
    if before.secrets is not None and after.secrets is not None:
        changed = [_secret(n, before.secrets.get(n), after.secrets.get(n)) for n in {*before.secrets, *after.secrets}]
        named = sorted(text for text in changed if text)
        facts += [("secrets", ", ".join(named))] if named else []
    return tuple(facts)


def _shown(name: str, value: str | None, secret: frozenset[str]) -> str:
    if value is None:
        return "(not set)"
    if name in secret or SECRET_NAME.search(name) or URL_PASSWORD.search(value):
        return "(hidden)"
    short = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}..."
    return short if short.isprintable() and short else repr(short)


def _secret(name: str, before: str | None, after: str | None) -> str:
    if before == after:
        return ""
    return f"{name} ({'new' if before is None else 'gone' if after is None else 'another value'})"
