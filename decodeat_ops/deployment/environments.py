"""Choose the variables for building Python environments, whatever the shell sets, and find damage in a built one."""

import ast
import os
from collections.abc import Mapping
from pathlib import Path

from decodeat_ops.core.errors import StepFailed, Unreachable
from decodeat_ops.core.ports import Host
from decodeat_ops.deployment import whole_environment

MARK = ".complete"
# Places of programs, caches and certificates, and proxies. Any other variable could change what is built: PYTHON*,
# compilers' flags, a locale, and pip's settings for the place and the kind of an installation.
_KEPT = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"}
    | {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
    | {name for proxy in ("HTTP", "HTTPS", "ALL", "NO") for name in (f"{proxy}_PROXY", f"{proxy.lower()}_proxy")}
)
_PIP_KEPT = frozenset(
    {"index-url", "extra-index-url", "no-index", "find-links", "trusted-host", "proxy", "cert", "client-cert"}
    | {"timeout", "default-timeout", "retries", "cache-dir", "no-cache-dir", "keyring-provider"}
)


def variables(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables for a build, without pip's settings."""
    given = os.environ if environ is None else environ
    return {name: value for name, value in given.items() if name in _KEPT} | {"LANG": "C.UTF-8"}


def pip_variables(host: Host, python: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return pip's settings for index, proxy and certificates from its files and variables; builds ignore the files.

    They are passed as variables, since an index's address may hold a password. Raises `StepFailed` when pip can't read
    them.
    """
    given = os.environ if environ is None else environ
    asked = variables(environ) | {n: v for n, v in given.items() if _pip_key(n) in {*_PIP_KEPT, "config-file"}}
    done = host.run((str(python), "-I", "-m", "pip", "config", "list"), env=asked, cwd=Path("/"), timeout=60)
    if done.status != 0:
        lines = tuple(done.stderr.strip().splitlines()[-3:])
        raise StepFailed("pip's own settings can't be read.", hint="Correct them, then run it again.", lines=lines)
    found: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}  # the later one wins, as in pip
    for line in done.stdout.splitlines():
        section, _, assignment = line.partition(".")
        key, _, value = assignment.partition("=")
        if section in found and key in _PIP_KEPT:
            found[section][key] = str(ast.literal_eval(value))
    settings = found["global"] | found["install"] | found[":env:"]
    return {f"PIP_{key.replace('-', '_').upper()}": value for key, value in settings.items()} | {
        "PIP_CONFIG_FILE": os.devnull
    }


def _pip_key(variable: str) -> str:
    return variable.removeprefix("PIP_").replace("_", "-").lower() if variable.startswith("PIP_") else ""


def damage(host: Host, home: Path, *words: str) -> str:
    """Return what is wrong with a built environment, "" for nothing. `words` are the checking script's arguments."""
    argv = (str(home / "bin" / "python"), "-I", str(whole_environment.__file__), str(home / MARK), *words)
    try:
        done = host.run(argv, env=variables() | {"PYTHONDONTWRITEBYTECODE": "1"}, cwd=Path("/"), timeout=300)
    except Unreachable as error:
        return error.advice.what
    if done.status == 0:
        return ""
    return (done.stdout or done.stderr).strip().rpartition("\n")[2] or f"its Python ends with exit {done.status}"
