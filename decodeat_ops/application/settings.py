"""Load settings for the command line, show where each comes from, write the first ones."""

import contextlib
import importlib
import itertools
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.core.outcome import Cell, Facts, Lines, Outcome, Table

if TYPE_CHECKING:
    from decodeat_ops.settings.schema import Loaded
    from decodeat_ops.settings.starter import Answers


def load(config: Path | None, env: str | None, overrides: Mapping[str, str]) -> "Loaded":
    """Return the settings in force for a command; `overrides` are flags by dotted key. Raises `Configuration`."""
    with _without_plugins():
        from decodeat_ops.settings import load as loader
    return loader.load(config, env, overrides)


@contextlib.contextmanager
def _without_plugins() -> Iterator[None]:
    """Keep pydantic from searching every installed distribution for plugins while it is imported.

    Even so it imports importlib.metadata, which takes a fifth of its own import time. Meanwhile a stand-in with the one
    name that it needs takes the place of that module.
    """
    name, variable = "importlib.metadata", "PYDANTIC_DISABLE_PLUGINS"
    before = os.environ.get(variable)
    stand_in = _StandIn(name) if name not in sys.modules else None
    os.environ[variable] = "__all__"
    if stand_in is not None:
        sys.modules[name] = stand_in
    try:
        yield
    finally:
        if stand_in is not None and sys.modules.get(name) is stand_in:
            del sys.modules[name]
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before


class _StandIn(ModuleType):
    """Stand in for the standard library's importlib.metadata, and import the real one at its first use."""

    def entry_points(self, **wanted: Any) -> Any:
        return self._real().entry_points(**wanted)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._real(), name)

    def _real(self) -> ModuleType:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return importlib.import_module(self.__name__)


def show(loaded: "Loaded", *, origin: bool) -> Outcome:
    """Show every setting in force; with `origin`, the file, variable or flag that each one comes from.

    Exit 3 when a variable of the service is wrong.
    """
    settings = loaded.settings.model_dump()
    problems, secret = _service(loaded)
    for name in secret & set(settings["service"]["environment"]):
        settings["service"]["environment"][name] = "(hidden)"
    rows: list[tuple[Cell, ...]] = []
    elsewhere = _elsewhere(loaded)
    for path, source in loaded.origins.items():
        muted = source == "default"
        if muted and path.partition(".")[0] in elsewhere:
            continue
        row: tuple[Cell, ...] = ((path, "muted") if muted else path, _text(_at(settings, path)))
        rows.append((*row, (source, "muted") if muted else source) if origin else row)
    columns = ("setting", "value", "from") if origin else ("setting", "value")
    return Outcome(
        "config show",
        f"{loaded.deployment}: settings from {', '.join(path.name for path in loaded.files)}"
        + (f"; {len(problems)} of the service's variables are wrong." if problems else "."),
        exit_code=Configuration.code if problems else 0,
        data={
            "deployment": loaded.deployment,
            "env": loaded.env,
            "files": [str(path) for path in loaded.files],
            "settings": settings,
            "origins": dict(loaded.origins),
            "problems": list(problems),
        },
        blocks=(Table(columns, tuple(rows)),),
        warnings=problems,
    )


def _elsewhere(loaded: "Loaded") -> frozenset[str]:
    """Return the sections whose defaults are not shown, for they mean nothing for this target."""
    from decodeat_ops.settings.schema import OMITTED

    return OMITTED[loaded.settings.target]


def _service(loaded: "Loaded") -> tuple[tuple[str, ...], frozenset[str]]:
    """Return what is wrong with the service's variables, and which of those in the settings hold secrets.

    Secrets that can't be resolved here are not reported: a deploy and the doctor check them.
    """
    from decodeat_ops.application.targets import this_machine, variables
    from decodeat_ops.deployment import service_variables, source
    from decodeat_ops.settings.secrets import resolve

    try:
        secrets = resolve(loaded)
    except Configuration:
        secrets = {}
    try:
        judged = service_variables.judge(this_machine(), source.find(loaded), loaded, variables(loaded), secrets)
        problems = tuple(map(str, judged.problems))
    except Configuration as error:
        judged, problems = service_variables.Judged(), (f"{error.advice.what} {error.advice.hint}",)
    return problems, service_variables.exposed(judged, loaded.settings.service.environment)


def _at(settings: Mapping[str, Any], path: str) -> Any:
    value: Any = settings
    for name in path.split("."):
        value = value[name]
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(value) or "-"
    return "-" if value in ("", {}) else str(value)


def defaults() -> tuple[str, int]:
    """Return the name and port that `init` proposes."""
    from decodeat_ops.settings.starter import Answers

    return Answers().name, Answers().port


def init(
    settings: Path,
    name: str,
    port: int,
    *,
    force: bool,
    dry_run: bool,
    target: Literal["local", "ecs", "vm"] = "local",
) -> Outcome:
    """Write the first settings, and a file for secrets beside them; 0 changed when they are there already.

    Settings that differ are replaced with `force` only, and kept beside the new ones as .bak. A file for secrets
    that exists is never touched. Raises `Usage`.
    """
    from decodeat_ops.settings import starter

    try:
        wanted = starter.files(starter.Answers(name, port, target))
    except ValueError as error:
        raise Usage(
            "A deployment's name holds small letters, digits and hyphens and begins with a letter; "
            "a port is a number from 1 to 65535.",
            hint="For example: `decodeat-ops init --name decodeat --port 8000`",
        ) from error
    secrets = settings.parent / starter.SECRETS
    write: dict[Path, str] = {}
    if _differs(settings, wanted[starter.SETTINGS]):
        if settings.exists() and not force:
            raise Usage(
                f"{settings} is there already and differs from what would be written.",
                hint="Edit it, or give --force to replace it (the old one is kept as .bak).",
                where=str(settings),
            )
        write[settings] = wanted[starter.SETTINGS]
    if not secrets.exists():
        write[secrets] = wanted[starter.SECRETS]
    if dry_run:
        return _would_write(write)
    for path, text in write.items():
        _put(path, text)
    return _written(settings.parent, list(write), starter.Answers(name, port, target))


def _differs(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() != text.encode()
    except FileNotFoundError:
        return True
    except OSError as error:
        raise Configuration(
            f"{path} can't be read: {error.strerror}.", hint="Give yourself permission to read it.", where=str(path)
        ) from error


def _put(path: Path, text: str) -> None:
    from decodeat_ops.deployment import files
    from decodeat_ops.settings import trust

    try:
        trust.private_directory(path.parent)
        if path.exists():
            _keep(path)
        files.write(path, text, 0o600)
    except OSError as error:
        raise Configuration(
            f"{path} can't be written: {error.strerror}.",
            hint="Run `decodeat-ops init` in a directory of your own.",
            where=str(path),
        ) from error


def _keep(path: Path) -> None:
    """Give a file a second name, .bak or the next free one; it keeps its own name until it is replaced."""
    for number in itertools.count(1):
        with contextlib.suppress(FileExistsError):
            aside = f"{path.name}.bak" if number == 1 else f"{path.name}.bak-{number}"
            os.link(path, path.with_name(aside), follow_symlinks=False)
            return


def _would_write(write: Mapping[Path, str]) -> Outcome:
    blocks = [Lines(tuple(text.splitlines()), title=str(path), language="toml") for path, text in write.items()]
    names = [str(path) for path in write]
    return Outcome(
        "init",
        f"Dry run: {len(write)} files would be written, nothing was changed.",
        data={"dry_run": True, "files": names},
        blocks=tuple(blocks),
    )


def _written(directory: Path, paths: list[Path], answers: "Answers") -> Outcome:
    asked = {"name": answers.name, "port": answers.port} if answers.target == "local" else {"name": answers.name}
    data = {"directory": str(directory), "files": [str(path) for path in paths], **asked}
    then: tuple[str, ...] = ("decodeat-ops doctor", "decodeat-ops deploy")
    if answers.target != "local":
        then = ("decodeat-ops bootstrap", *then)
    if not paths:
        return Outcome("init", f"0 changed: the settings in {directory} are written already.", data=data, next=then)
    pairs = tuple(
        (path.name, "settings, commented" if path.suffix == ".toml" else "secrets, mode 0600") for path in paths
    )
    return Outcome(
        "init",
        f"{len(paths)} file{'s' if len(paths) > 1 else ''} written to {directory}.",
        changed=len(paths),
        data=data,
        blocks=(Facts(pairs),),
        next=then,
    )


def version() -> Outcome:
    """Report this tool's version and the Python it runs on."""
    from decodeat_ops import __version__

    python = ".".join(map(str, sys.version_info[:3]))
    return Outcome("version", f"decodeat-ops {__version__}", data={"version": __version__, "python": python})
