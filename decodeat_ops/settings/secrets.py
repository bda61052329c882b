"""Resolve secret references late; say which are missing, empty or placeholders, and never what they hold."""

import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.secret import Secret
from decodeat_ops.settings import envfile, trust
from decodeat_ops.settings.schema import Loaded

_PLACEHOLDER = re.compile(
    r"(your[-_ ]?.*|.*change[-_ ]?(me|this|it).*|replace[-_ ]?(me|this|with).*|x{3,}|\.{3,}|\*{3,}"
    r"|(my[-_ ]?)?(example|sample|dummy|placeholder|todo|secret|password|passwd|token|api[-_ ]?key)([-_ ]?(key|value))?"
    r"|<.*>|\{\{.*\}\}|\$\{.*\}|none|null|undefined|insert.*here)",
    re.IGNORECASE,
)


class _Bad(Exception):
    """Say why one reference gives no usable value."""


def resolve(
    loaded: Loaded, *, environ: Mapping[str, str] | None = None, held: Mapping[Path, bytes] | None = None
) -> dict[str, Secret]:
    """Return every secret of the service by variable.

    `env:NAME` is looked up in the process's environment, then in `service.env_file`; `file:PATH` is a file that
    no other user may read. `held` are files that are not on disk yet, by path. Raises `Configuration` listing
    every reference that can't be used.
    """
    references = loaded.settings.service.secrets
    return _resolved(loaded, references, "service.secrets", os.environ if environ is None else environ, held or {})


def one(loaded: Loaded, key: str, reference: str, *, environ: Mapping[str, str] | None = None) -> Secret:
    """Return the secret that a single setting refers to; `key` is its dotted path.

    Raises `Configuration` when it can't be used.
    """
    variables = os.environ if environ is None else environ
    return _resolved(loaded, {key: reference}, key, variables, {})[key]


def _resolved(
    loaded: Loaded,
    references: Mapping[str, str],
    where: str,
    variables: Mapping[str, str],
    held: Mapping[Path, bytes],
) -> dict[str, Secret]:
    stored = _stored(loaded, references.values(), variables, held)
    found: dict[str, Secret] = {}
    problems = []
    for name, reference in references.items():
        kind, _, rest = reference.partition(":")
        try:
            text = _variable(rest, variables, stored, loaded) if kind == "env" else _content(loaded, rest, held)
            _judge(text)
            found[name] = Secret(text)
        except _Bad as why:
            problems.append(f"{name} ({reference}): {why}")
    if problems:
        raise Configuration(
            f"The secret {problems[0]}." if len(problems) == 1 else f"{len(problems)} secrets can't be used.",
            hint=f"Put env: values into {loaded.path(loaded.settings.service.env_file)} (mode 0600) as NAME=value.",
            lines=tuple(problems) if len(problems) > 1 else (),
            where=where,
        )
    return found


def _stored(
    loaded: Loaded, references: Iterable[str], variables: Mapping[str, str], held: Mapping[Path, bytes]
) -> dict[str, str]:
    """Return the variables of the env file, read from disk only when the environment lacks one that is referred to."""
    wanted = [named for kind, _, named in (each.partition(":") for each in references) if kind == "env"]
    path = loaded.path(loaded.settings.service.env_file)
    if path in held:
        return envfile.parse(held[path].decode(errors="replace"), path.name)
    if all(name in variables for name in wanted) or not path.exists():
        return {}
    trust.check(loaded.named(loaded.settings.service.env_file), "The file of secrets")
    return envfile.read(path, private=True)


def _variable(name: str, variables: Mapping[str, str], stored: Mapping[str, str], loaded: Loaded) -> str:
    if name in variables:
        return variables[name]
    if name in stored:
        return stored[name]
    raise _Bad(f"{name} is neither in the environment nor in {loaded.settings.service.env_file}")


def _content(loaded: Loaded, text: str, held: Mapping[Path, bytes]) -> str:
    path = loaded.path(text)
    return _text(held[path]) if path in held else _file(loaded.named(text))


def _file(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            data = stream.read(1024 * 1024)
    except OSError as error:
        raise _Bad(f"the file can't be read: {error.strerror}") from None
    if untrusted := trust.flaw(path):
        place, why, mend = untrusted
        raise _Bad(f"{place} {why}; look at what it holds, then {mend}")
    if mode & 0o077:
        raise _Bad(f"others may read the file (mode {mode:04o}); chmod 600 {path}")
    return _text(data)


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise _Bad("the file is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")


def _judge(text: str) -> None:
    """Refuse what can't be a secret: an empty text, a NUL, no UTF-8 text, or a placeholder (also in a comma list)."""
    if not text.strip():
        raise _Bad("it is empty")
    if "\0" in text:
        raise _Bad("it holds a NUL character")
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise _Bad("it is not UTF-8 text")
    if any(_PLACEHOLDER.fullmatch(part.strip()) for part in text.split(",")):
        raise _Bad("it is still a placeholder")
