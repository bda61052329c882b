"""Load settings: merge toml, overlay, variables and flags in that order, and report all that is wrong at once."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from decodeat_ops.core.errors import Configuration
from decodeat_ops.settings import names, toml, trust
from decodeat_ops.settings.schema import Loaded, Settings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

FILE = "decodeat-ops.toml"
PRODUCTION = "production"
PREFIX = "DECODEAT_OPS_"
# The variables of flags, and the one with which the supervisor marks the processes that it starts.
NOT_SETTINGS = ("ENV", "CONFIG", "LANG", "INSTANCE")
Tree = dict[str, Any]


@dataclass
class Merged:
    """Hold settings before they are checked, where each leaf came from by dotted path, and what is wrong so far."""

    tree: Tree = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def lay_over(self, tree: Tree, origin: str) -> None:
        """Merge `tree` over what is there: tables merge, anything else is replaced."""
        self._merge(self.tree, tree, origin, "")

    def put(self, path: tuple[str, ...], value: Any, origin: str) -> None:
        tree: Tree = {path[-1]: value}
        for name in reversed(path[:-1]):
            tree = {name: tree}
        self.lay_over(tree, origin)

    def _merge(self, under: Tree, over: Tree, origin: str, prefix: str) -> None:
        for name, value in over.items():
            path = f"{prefix}{name}"
            if isinstance(value, dict):
                if not isinstance(under.get(name), dict):
                    under[name] = {}
                    self.origins.pop(path, None)
                self._merge(under[name], value, origin, f"{path}.")
                if not value:
                    self.origins[path] = origin
            else:
                for gone in [known for known in self.origins if known.startswith(f"{path}.")]:
                    del self.origins[gone]
                under[name] = value
                self.origins[path] = origin

    def origin(self, path: str) -> str:
        """Return where a key came from; for a table, where its first key did; "" when it is not set."""
        if path in self.origins:
            return self.origins[path]
        return next((o for known, o in self.origins.items() if known.startswith(f"{path}.")), "")


def load(
    config: Path | None = None,
    env: str | None = None,
    overrides: Mapping[str, str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    start: Path | None = None,
) -> Loaded:
    """Load the settings of one deployment.

    `config` is the file, else it is looked for in `start` (the working directory) and its parents. `overrides`
    are flags by dotted key. Raises `Configuration` with everything that is wrong in `lines`.
    """
    variables = os.environ if environ is None else environ
    env = PRODUCTION if env is None else env
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,31}", env):
        raise Configuration(
            "The environment's name may hold small letters, digits and hyphens, and begins with a letter.",
            hint="Give --env a name such as staging.",
            where="--env",
        )
    path = find(config, start or Path.cwd())
    trust.check(path, "The settings file")
    overlay = path.with_name(f"{path.stem}.{env}{path.suffix}")
    merged = Merged()
    merged.lay_over(toml.read(path), path.name)
    files = [path]
    if overlay.exists():
        trust.check(overlay, "The settings file")
        merged.lay_over(toml.read(overlay), overlay.name)
        files.append(overlay)
    elif env != PRODUCTION:
        raise Configuration(
            f"There are no settings for the environment {env}: {overlay} does not exist.",
            hint=f"Create {overlay.name} with what differs from {path.name} (at least local.port), or check --env.",
            where=str(overlay),
        )
    _variables(merged, variables)
    for dotted, text in (overrides or {}).items():
        flag = "--" + dotted.rpartition(".")[2].replace("_", "-")
        merged.put(tuple(dotted.split(".")), _value(dotted, text), flag)
    return _checked(merged, env, tuple(files))


def find(config: Path | None, start: Path) -> Path:
    """Return the named settings file, or the nearest in `start` and above. Raises `Configuration` without one."""
    if config is not None:
        path = config.expanduser().absolute()
        if path.is_dir():
            path = path / FILE
        if not path.exists():
            raise Configuration(
                f"{path} does not exist.",
                hint=f"Check --config, or write one with `decodeat-ops init` in {path.parent}.",
                where=str(path),
            )
        return path
    start = start.absolute()
    for directory in (start, *start.parents):
        if (directory / FILE).is_file():
            return directory / FILE
    raise Configuration(
        f"There is no {FILE} in {start} or above it.",
        hint="Write one with `decodeat-ops init`, or name it with --config FILE.",
        where=str(start / FILE),
    )


def _variables(merged: Merged, variables: Mapping[str, str]) -> None:
    """Lay `DECODEAT_OPS_<SECTION>__<KEY>` over the files; an unknown one is a problem, its value is not repeated."""
    known = {PREFIX + key.replace(".", "__").upper(): key for key in names.leaves()}
    for variable in sorted(name for name in variables if name.startswith(PREFIX)):
        if variable.removeprefix(PREFIX) in NOT_SETTINGS:
            continue
        path = _path_of(variable, known)
        if path is None:
            import difflib

            near = difflib.get_close_matches(variable, [*known, *(PREFIX + n for n in NOT_SETTINGS[:3])], n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            if variable in known:
                hint = f"; it is a table: give each of its keys as {variable}__NAME"
            merged.problems.append(f"variable {variable}: there is no such setting{hint}")
        else:
            merged.put(path, _value(".".join(path), variables[variable]), variable)


def _path_of(variable: str, known: Mapping[str, str]) -> tuple[str, ...] | None:
    if variable in known and known[variable] not in names.open_tables():
        return tuple(known[variable].split("."))
    for table in names.open_tables():
        start = PREFIX + table.replace(".", "__").upper() + "__"
        if variable.startswith(start) and variable != start:
            return (*table.split("."), variable.removeprefix(start))
    return None


def _value(dotted: str, text: str) -> Any:
    """Convert text from a variable or flag to its key's type: plain text stays text, the rest is read as in toml."""
    return text if names.is_text(dotted) else toml.scalar(text)


def _checked(merged: Merged, env: str, files: tuple[Path, ...]) -> Loaded:
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(merged.tree)
    except ValidationError as error:
        merged.problems += [_problem(one, merged) for one in error.errors(include_url=False, include_input=False)]
    merged.problems += _nul(merged.tree, merged)
    if settings is None or merged.problems:
        problems = merged.problems
        what = f"{len(problems)} settings are wrong."
        if len(problems) == 1:
            what = problems[0] if problems[0].endswith("?") else f"{problems[0]}."
        raise Configuration(
            what,
            hint="Correct it and run the command again; `decodeat-ops config show --origin` lists what is known.",
            lines=tuple(problems) if len(problems) > 1 else (),
            where=", ".join(str(path) for path in files),
        )
    return Loaded(settings=settings, env=env, files=files, directory=files[0].parent, origins=_origins(merged))


def _origins(merged: Merged) -> dict[str, str]:
    """Return where each setting comes from, in the schema's order; an open table (`names.open_tables`) key by key."""
    found: dict[str, str] = {}
    for key in names.leaves():
        below = sorted(path for path in merged.origins if path.startswith(f"{key}."))
        for path in below or [key]:
            found[path] = merged.origins.get(path, "default")
    return found


def _problem(error: "ErrorDetails", merged: Merged) -> str:
    """Describe one mistake on one line: where, which key, what; never the value, which may be a misplaced secret."""
    path = _key(error["loc"])
    origin = merged.origin(path) or merged.origin(path.rpartition(".")[0]) or "settings"
    if error["type"] == "extra_forbidden":
        near = names.nearest(path)
        return f"{origin}: {path}: unknown key" + (f"; did you mean {near}?" if near else "")
    wanted = names.words(error["type"], error["msg"], error.get("ctx", {}))
    description = names.description(path)
    return f"{origin}: {path}: {wanted}" + (f" ({description})" if description else "")


def _key(loc: tuple[int | str, ...]) -> str:
    """Return the key's dotted path without what pydantic adds below it (the branch of a union, "[key]")."""
    parts = [str(part) for part in loc]
    for table in names.open_tables():
        depth = table.count(".") + 1
        if ".".join(parts[:depth]) == table:
            return ".".join(parts[: depth + 1])
    return ".".join(parts)


def _nul(tree: Tree, merged: Merged, prefix: str = "") -> Iterator[str]:
    """Yield a problem for each text that holds a NUL: the operating system would cut it off or refuse it."""
    for name, value in tree.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _nul(value, merged, f"{path}.")
        elif any("\0" in text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)):
            yield f"{merged.origin(path)}: {path}: holds a NUL character"
