"""Turn every error into an exit code and an explanation, or the JSON envelope: the one error boundary."""

import os
import sys
from collections.abc import Sequence

import typer

from decodeat_ops.cli import selection, translation
from decodeat_ops.cli.app import known, root
from decodeat_ops.cli.streams import forget_streams, open_streams
from decodeat_ops.core.errors import OpsError


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; no exception gets out."""
    os.umask(0o077)  # the operator's umask must not decide who may read or run the files made here
    open_streams()
    try:
        code = _run(argv)
    except BrokenPipeError:  # from a help text; commands handle their own
        code = 0
    forget_streams()
    return code


def _run(argv: Sequence[str]) -> int:
    selection.select()
    try:
        answer = root().main(args=list(argv), prog_name=selection.PROGRAM, standalone_mode=False)
        return answer if isinstance(answer, int) else 0
    except BrokenPipeError:
        raise
    except OpsError as error:
        problem = error
    except translation.ParserError as error:
        problem = translation.usage(error, _verb(argv))
    except (KeyboardInterrupt, typer.Abort):
        problem = translation.interrupted()
    except OSError as error:
        problem = translation.system(error)
    except Exception as error:
        problem = translation.bug(error)
    return _report(problem, argv)


def _report(problem: OpsError, argv: Sequence[str]) -> int:
    """Print an error for people or, with --json, as JSON, and return its exit code."""
    from decodeat_ops.cli import problem as shown

    options = _before_dashes(argv)
    as_json = "--json" in options
    try:
        if as_json:
            shown.as_json(problem, _verb(argv))
        else:
            shown.for_people(problem)
    except OSError:
        forget_streams()
        if as_json:  # stdout takes nothing; stderr may
            shown.on_stderr(problem)
    if "--debug" in options:
        import traceback

        from decodeat_ops.cli.visible import visible

        sys.stderr.write(visible("".join(traceback.format_exception(problem.__cause__ or problem))))
    return problem.code


def _before_dashes(argv: Sequence[str]) -> Sequence[str]:
    words = list(argv)
    return words[: words.index("--")] if "--" in words else words


def _verb(argv: Sequence[str]) -> str:
    """Return the command that a line names, as far as that can be told when the line doesn't parse."""
    return known([word for word in argv if not word.startswith("-")])
