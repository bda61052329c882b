"""Give every command its common options, call it and show its outcome."""

import difflib
import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from decodeat_ops.cli import selection
from decodeat_ops.core.errors import Interrupted, OpsError, Usage
from decodeat_ops.core.outcome import Outcome

if TYPE_CHECKING:
    from decodeat_ops.settings.schema import Loaded

COMMON, CHANGING = "Common options", "Options of a change"
LANGUAGES: tuple[Literal["en", "ko"], ...] = ("en", "ko")


@dataclass(frozen=True)
class Run:
    """Hold the common options of one invocation; those after the command win over those before it."""

    json: bool = False
    env: str | None = None
    target: str | None = None
    config: Path | None = None
    lang: Literal["en", "ko"] = "en"
    debug: bool = False
    quiet: bool = False
    dry_run: bool = False
    yes: bool = False
    lock_wait: float = 0.0
    at_end: list[Callable[[], None]] = field(default_factory=list, compare=False)  # before anything is printed

    def with_given(self, values: dict[str, Any]) -> "Run":
        """Return these options, replaced by those that were given, which are removed from `values`."""
        given = {f.name: values.pop(f.name) for f in fields(self) if f.name in values}
        if given.get("lang") is not None:
            given["lang"] = _language(given["lang"])
        if given.get("target") is not None:
            given["target"] = _known_target(given["target"])
        return replace(self, **{name: value for name, value in given.items() if value not in (None, False)})

    @property
    def overrides(self) -> dict[str, str]:
        """Return the settings that flags set, by key."""
        return {"target": self.target} if self.target else {}

    def loaded(self) -> "Loaded":
        """Load the settings in force. Raises `Configuration`."""
        from decodeat_ops.application.settings import load

        return load(self.config, self.env, self.overrides)


def _language(text: str) -> Literal["en", "ko"]:
    for language in LANGUAGES:
        if text == language:
            return language
    raise Usage(f"There is no language {text!r}.", hint=f"There are: {', '.join(LANGUAGES)}.", where="--lang")


def _known_target(text: str) -> str:
    from decodeat_ops.application.targets import NAMES

    if text in NAMES:
        return text
    near = difflib.get_close_matches(text, NAMES, n=1, cutoff=0.5)
    known = f"There {'is' if len(NAMES) == 1 else 'are'}: {', '.join(NAMES)}."
    raise Usage(
        f"There is no target {text!r}.", hint=f"Did you mean {near[0]}? {known}" if near else known, where="--target"
    )


_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.", rich_help_panel=COMMON)]
_Env = Annotated[
    str | None,
    typer.Option("--env", metavar="NAME", help="Environment: overlay decodeat-ops.NAME.toml.", rich_help_panel=COMMON),
]
_Target = Annotated[
    str | None,
    typer.Option("--target", metavar="TARGET", help="Where it is deployed to: local or ecs.", rich_help_panel=COMMON),
]
_Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings; else the nearest decodeat-ops.toml.", rich_help_panel=COMMON
    ),
]
_Lang = Annotated[
    str | None,
    typer.Option("--lang", metavar="en|ko", help="Language of checks and their findings.", rich_help_panel=COMMON),
]
_Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.", rich_help_panel=COMMON)]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Results and errors only.", rich_help_panel=COMMON)]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.", rich_help_panel=CHANGING)]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Carry it out without asking.", rich_help_panel=CHANGING)]
_LockWait = Annotated[
    float,
    typer.Option(
        "--lock-wait",
        metavar="SECONDS",
        min=0.0,
        help="How long to wait for the lock; default 0.",
        rich_help_panel=CHANGING,
    ),
]

_SHARED: dict[str, tuple[Any, Any]] = {
    "json": (_Json, False),
    "env": (_Env, None),
    "target": (_Target, None),
    "config": (_Config, None),
    "lang": (_Lang, None),
    "debug": (_Debug, False),
    "quiet": (_Quiet, False),
}
_CHANGES: dict[str, tuple[Any, Any]] = {
    "dry_run": (_DryRun, False),
    "yes": (_Yes, False),
    "lock_wait": (_LockWait, 0.0),
}

Function = Callable[..., Any]


def command(*, changes: Sequence[str] | bool = False, examples: tuple[str, ...] = ()) -> Callable[[Function], Function]:
    """Make a function a command: its `run` holds the common options; it returns an Outcome, None if it has printed.

    `changes` adds the options of a change, all of them or those named.
    """
    names = tuple(_CHANGES) if changes is True else tuple(changes or ())
    options = {**{name: _CHANGES[name] for name in names}, **_SHARED}

    def wrap(function: Function) -> Function:
        @functools.wraps(function)
        def invoked(ctx: typer.Context, **values: Any) -> None:
            run = (ctx.obj or Run()).with_given(values)
            selection.select(env=run.env, config=run.config, target=run.target)
            _conclude(function, run, values)

        return _signed(invoked, function, options, examples)

    return wrap


def group(*, changes: bool = False, examples: tuple[str, ...] = ()) -> Callable[[Function], Function]:
    """Make a function a group: its options hold for the command below it; without one the function is the command."""
    options = {**(_CHANGES if changes else {}), **_SHARED}

    def wrap(function: Function) -> Function:
        takes_context = "ctx" in inspect.signature(function).parameters

        @functools.wraps(function)
        def invoked(ctx: typer.Context, **values: Any) -> None:
            run = (ctx.obj or Run(**_variables())).with_given(values)
            ctx.obj = run
            selection.select(env=run.env, config=run.config, target=run.target)
            if ctx.invoked_subcommand is None:
                _conclude(function, run, {"ctx": ctx, **values} if takes_context else values)

        return _signed(invoked, function, options, examples)

    return wrap


def _variables() -> dict[str, Any]:
    """Return the options that environment variables give; a flag wins over them."""
    import os

    given: dict[str, Any] = {}
    if env := os.environ.get("DECODEAT_OPS_ENV"):
        given["env"] = env
    if config := os.environ.get("DECODEAT_OPS_CONFIG"):
        given["config"] = Path(config)
    if lang := os.environ.get("DECODEAT_OPS_LANG"):
        given["lang"] = _language(lang)
    return given


def _conclude(function: Function, run: Run, values: dict[str, Any]) -> None:
    try:
        outcome = function(run=run, **values)
    except KeyboardInterrupt:
        from decodeat_ops.cli.boundary import interrupted

        raise interrupted() from None
    except OSError as error:
        from decodeat_ops.cli.boundary import system

        raise system(error) from error
    finally:
        for end in run.at_end:
            end()
    if isinstance(outcome, Outcome):
        from decodeat_ops.cli.show import show

        try:
            show(outcome, run)
        except OSError as error:
            from decodeat_ops.cli.boundary import unreported

            raise typer.Exit(unreported(outcome, error)) from None
        raise typer.Exit(outcome.exit_code)


def _signed(
    invoked: Function, function: Function, options: dict[str, tuple[Any, Any]], examples: Sequence[str]
) -> Function:
    """Give the wrapper the signature that the parser reads: the function's own parameters and the shared ones."""
    hints = get_type_hints(function, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    own = [p for name, p in inspect.signature(function).parameters.items() if name not in ("run", "ctx")]
    parameters = [
        inspect.Parameter("ctx", keyword, annotation=typer.Context),
        *(inspect.Parameter(p.name, keyword, default=p.default, annotation=hints[p.name]) for p in own),
        *(inspect.Parameter(n, keyword, default=default, annotation=kind) for n, (kind, default) in options.items()),
    ]
    target: Any = invoked
    target.__signature__ = inspect.Signature(parameters)
    target.__annotations__ = {p.name: p.annotation for p in parameters}
    target.examples = "\n".join(examples)
    del target.__wrapped__
    return invoked


def refuse_unattended(run: Run, verb: str, flags: str = "--yes") -> None:
    """Refuse to ask where there is no terminal, and name the `flags` to give instead. Raises `Usage`."""
    import sys

    if run.dry_run or run.yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Usage(
            f"{verb} asks before it changes anything, and there is no terminal to ask on.",
            hint=f"Give {flags} to carry it out, or --dry-run to see what it would do.",
        )


__all__ = ["Interrupted", "OpsError", "Run", "command", "group", "refuse_unattended"]
