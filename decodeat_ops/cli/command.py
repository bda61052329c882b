"""Make functions commands and groups: give them the common options, call them and show their outcome."""

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any, get_type_hints

import typer

from decodeat_ops.cli import selection, translation
from decodeat_ops.cli.options import Options, shared
from decodeat_ops.cli.run import Run
from decodeat_ops.cli.streams import forget_streams
from decodeat_ops.core.outcome import Outcome

Function = Callable[..., Any]


def command(*, changes: Sequence[str] | bool = False, examples: tuple[str, ...] = ()) -> Callable[[Function], Function]:
    """Make a function a command: its `run` holds the common options; it returns an Outcome, None if it has printed.

    `changes` adds the options of a change, all of them or those named.
    """

    def wrap(function: Function) -> Function:
        @functools.wraps(function)
        def invoked(ctx: typer.Context, **values: Any) -> None:
            run = (ctx.obj or Run()).with_given(values)
            selection.select(env=run.env, config=run.config, target=run.target)
            _conclude(function, run, values)

        return _signed(invoked, function, shared(changes), examples)

    return wrap


def group(*, changes: bool = False, examples: tuple[str, ...] = ()) -> Callable[[Function], Function]:
    """Make a function a group: its options hold for the command below it; without one the function is the command."""

    def wrap(function: Function) -> Function:
        takes_context = "ctx" in inspect.signature(function).parameters

        @functools.wraps(function)
        def invoked(ctx: typer.Context, **values: Any) -> None:
            run = (ctx.obj or Run.from_variables()).with_given(values)
            ctx.obj = run
            selection.select(env=run.env, config=run.config, target=run.target)
            if ctx.invoked_subcommand is None:
                _conclude(function, run, {"ctx": ctx, **values} if takes_context else values)

        return _signed(invoked, function, shared(changes), examples)

    return wrap


def _conclude(function: Function, run: Run, values: dict[str, Any]) -> None:
    """Call a command's function, show its outcome and end with its exit code."""
    if sys.stdin.isatty() and sys.stderr.isatty():
        from decodeat_ops.cli.connecting import let_ask

        let_ask(run)
    try:
        outcome = function(run=run, **values)
    except KeyboardInterrupt:
        raise translation.interrupted() from None
    except OSError as error:
        raise translation.system(error) from error
    finally:
        for end in run.at_end:
            end()
    if isinstance(outcome, Outcome):
        raise typer.Exit(_shown(outcome, run))


def _shown(outcome: Outcome, run: Run) -> int:
    """Show an outcome, or say on stderr that it could not be written, and return the exit code."""
    from decodeat_ops.cli.show import show

    try:
        show(outcome, run)
    except OSError as error:
        return _unreported(outcome, error)
    return outcome.exit_code


def _unreported(outcome: Outcome, error: OSError) -> int:
    forget_streams()
    if isinstance(error, BrokenPipeError) and not outcome.changed:
        return outcome.exit_code  # the reader closed the pipe and needs no more
    from decodeat_ops.cli.problem import on_stderr

    problem = translation.unreported(outcome, error)
    on_stderr(problem)
    return problem.code


def _signed(invoked: Function, function: Function, options: Options, examples: Sequence[str]) -> Function:
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
