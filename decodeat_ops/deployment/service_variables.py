"""Check the service's variables with its own code before a build; that code needs the standard library alone."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from decodeat_ops.core.errors import Configuration, Unreachable
from decodeat_ops.core.ports import Completed, Host
from decodeat_ops.core.secret import Secret
from decodeat_ops.deployment import source
from decodeat_ops.deployment.configured import SECRET_NAME, URL_PASSWORD
from decodeat_ops.settings.schema import Loaded

Plain = Mapping[str, str | int | float | bool | list[str]]

_OBEYED = ("PYTHON", "LD_")  # what their names begin with


@dataclass(frozen=True)
class Problem:
    """Describe one faulty variable: what is wrong with it, and what to do."""

    name: str
    what: str
    hint: str

    def __str__(self) -> str:
        return f"{self.name} {self.what}. {self.hint}".strip()


@dataclass(frozen=True)
class Judged:
    """Hold what is wrong, which variables hold secrets, and which of these are in plain text in the settings."""

    problems: tuple[Problem, ...] = ()
    secret: frozenset[str] = frozenset()
    exposed: frozenset[str] = frozenset()


def ask(host: Host, package: Path, values: Mapping[str, str], python: Path | None = None) -> Completed:
    """Run the service's own check with `python`, or with the one that runs this tool, and return its answer."""
    argv = (str(python or sys.executable), "-m", "decodeat", "--check-env", "--json")
    # Python looks in the working directory first, and the operator's may be a checkout of another version.
    return host.run(argv, env=child(package, values), cwd=package.parent, timeout=30)


def child(package: Path, values: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for the check's process. They are no arguments, as the process list would show those.

    The values of a release may come from another machine: those that Python or the loader obey would let whoever
    writes there run programs here.
    """
    return {
        **{name: value for name, value in values.items() if not name.startswith(_OBEYED)},
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(package.parent),
        "PYTHONDONTWRITEBYTECODE": "1",  # a cache file would not belong to the release
    }


def read(done: Completed, plain: Plain, env_file: str) -> Judged:
    """Parse the answer, and find which of the `plain` variables of the settings are secrets.

    Raises ValueError, KeyError or TypeError when the output is no answer.
    """
    told = json.loads(done.stdout)
    secret = frozenset(str(v["name"]) for v in told["variables"] if v["secret"])
    problems = [Problem(str(p["name"]), str(p["problem"]), str(p["hint"])) for p in told["problems"]]
    exposed = frozenset(name for name, value in plain.items() if name in secret and not _public(value))
    return Judged((*problems, *_open_to_read(exposed, env_file)), secret, exposed)


def _open_to_read(names: frozenset[str], env_file: str) -> tuple[Problem, ...]:
    what = "is a secret and stands under service.environment for everybody to read"
    return tuple(
        Problem(name, what, f'Put its value into {env_file} and {name} = "env:{name}" under service.secrets.')
        for name in sorted(names)
    )


def exposed(judged: Judged, plain: Plain) -> frozenset[str]:
    """Return the variables with a secret in plain text, as the code says, or by name and value if it says nothing."""
    if judged.secret:
        return judged.exposed
    looks = {name for name, value in plain.items() if SECRET_NAME.search(name) and not _public(value)}
    return frozenset({*looks, *(name for name, value in plain.items() if URL_PASSWORD.search(str(value)))})


def refuse_exposed(host: Host, loaded: Loaded, variables: Mapping[str, str]) -> None:
    """Raise `Configuration` when a file rendered of these settings would hold a secret."""
    service = loaded.settings.service
    try:
        judged = judge(host, source.find(loaded), loaded, variables, {})
    except Configuration:
        judged = Judged()  # without code nothing is deployed, but the rendered files are still shown
    refuse(Judged(_open_to_read(exposed(judged, service.environment), service.env_file)))


def judge(
    host: Host, package: Path, loaded: Loaded, variables: Mapping[str, str], secrets: Mapping[str, Secret]
) -> Judged:
    """Check a release's plain `variables` and its secrets with the code that would be deployed.

    Return what is wrong with them. Code that gives no answer counts as finding nothing wrong; the gate of a deploy
    reports such code.
    """
    service = loaded.settings.service
    values = {**variables, **{name: secret.reveal() for name, secret in secrets.items()}}
    try:
        judged = read(ask(host, package, values), service.environment, service.env_file)
    except (Unreachable, ValueError, KeyError, TypeError):
        return Judged()
    unresolved = set(service.secrets) - set(secrets)  # the code that needs their values reports them
    return replace(judged, problems=tuple(p for p in judged.problems if p.name not in unresolved))


def refuse(judged: Judged) -> None:
    """Raise `Configuration` with everything that is wrong."""
    problems = judged.problems
    if not problems:
        return
    if len(problems) == 1:
        raise Configuration(
            f"{problems[0].name} {problems[0].what}.",
            hint=problems[0].hint or "Correct it under service.environment, then run the command again.",
            where=f"service.environment.{problems[0].name}",
        )
    raise Configuration(
        f"{len(problems)} variables of the service are wrong: {', '.join(dict.fromkeys(p.name for p in problems))}.",
        hint="Correct them under service.environment, then run the command again.",
        lines=tuple(map(str, problems)),
        where="service.environment",
    )


def _public(value: str | int | float | bool | list[str]) -> bool:
    """Return whether a value gives no access: digests of keys, addresses without a password, "none"."""
    items = value if isinstance(value, list) else str(value).split(",")
    texts = [item.strip() for item in items]
    return all(
        t in {"", "none"} or t.startswith("sha256:") or ("://" in t and not URL_PASSWORD.search(t)) for t in texts
    )
