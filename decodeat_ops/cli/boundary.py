"""Turn every error into an exit code and an explanation, or the JSON envelope: the one error boundary."""

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from decodeat_ops.cli import selection
from decodeat_ops.cli.app import PROGRAM, root
from decodeat_ops.core.errors import Configuration, DoneInPart, Interrupted, OpsError, Usage
from decodeat_ops.core.outcome import Outcome

# The parser's own error class is public only as an ancestor of this one.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; no exception gets out."""
    os.umask(0o077)  # the operator's umask must not decide who may read or run the files made here
    _open_streams()
    try:
        code = _run(argv)
    except BrokenPipeError:  # from a help text; commands handle their own
        code = 0
    forget_streams()
    return code


def _run(argv: Sequence[str]) -> int:
    selection.select()
    try:
        answer = root().main(args=list(argv), prog_name=PROGRAM, standalone_mode=False)
        return answer if isinstance(answer, int) else 0
    except BrokenPipeError:
        raise
    except OpsError as error:
        problem = error
    except _UsageError as error:
        problem = _usage(error, argv)
    except (KeyboardInterrupt, typer.Abort):
        problem = interrupted()
    except OSError as error:
        problem = system(error)
    except Exception as error:
        problem = _bug(error)
    return _report(problem, argv)


def _open_streams() -> None:
    """Print "?" for characters that the encoding lacks, and open streams that the caller closed on the null device.

    Their descriptors are taken too: a lock or a database that got one would be written into by child processes.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("r" if name == "stdin" else "w"))  # noqa: SIM115 - until the end
        with contextlib.suppress(AttributeError):  # a stream that was replaced, as in tests
            getattr(sys, name).reconfigure(errors="replace")


def _report(problem: OpsError, argv: Sequence[str]) -> int:
    from decodeat_ops.cli import problem as shown

    as_json = "--json" in _before_dashes(argv)
    try:
        if as_json:
            shown.as_json(problem, _verb(argv))
        else:
            shown.for_people(problem)
    except OSError:
        forget_streams()
        if as_json:  # stdout takes nothing; stderr may
            _on_stderr(problem)
    if "--debug" in _before_dashes(argv):
        import traceback

        from decodeat_ops.cli.visible import visible

        sys.stderr.write(visible("".join(traceback.format_exception(problem.__cause__ or problem))))
    return problem.code


def _on_stderr(problem: OpsError) -> None:
    from decodeat_ops.cli.problem import for_people

    try:
        for_people(problem)
    except OSError:
        forget_streams()  # no stream takes a message; the exit code tells the caller


def unreported(outcome: Outcome, error: OSError) -> int:
    """Say on stderr that a finished command's report could not be written, and return the exit code."""
    forget_streams()
    if isinstance(error, BrokenPipeError) and not outcome.changed:
        return outcome.exit_code  # the reader closed the pipe and needs no more
    why = error.strerror or str(error)
    problem: OpsError = DoneInPart(
        f"{outcome.summary} The report of it could not be written: {why}.",
        state="The change stands; only its report is lost.",
        hint="`decodeat-ops status` shows what serves.",
    )
    if not outcome.changed:
        problem = Configuration(f"What was found could not be written: {why}.", hint="Write it to another place.")
    _on_stderr(problem)
    return problem.code


def interrupted() -> Interrupted:
    return Interrupted(
        "Stopped.",
        state="What had begun may be half done.",
        hint="`decodeat-ops status` shows what serves and what is open; `decodeat-ops resume` goes on.",
    )


# The parser's names for kinds of values, and ours.
_KINDS = {"is not a valid float range": "is not a number", "is not a valid int range": "is not a whole number"}


def _usage(error: Exception, argv: Sequence[str]) -> Usage:
    """Return the parser's error in our words, with the closest word that it knows."""
    message = str(getattr(error, "message", error)).rstrip(".")
    near = getattr(error, "possibilities", None)
    if near:
        import difflib

        nearest = difflib.get_close_matches(getattr(error, "option_name", ""), near, n=1, cutoff=0.0)
        message += f". Did you mean {nearest[0]}?"
    else:
        formatted = getattr(error, "format_message", lambda: message)()
        message = formatted if formatted.endswith("?") else formatted.rstrip(".") + "."
    for theirs, ours in _KINDS.items():
        message = message.replace(theirs, ours)
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else f"{PROGRAM} {_verb(argv)}".strip()
    return Usage(message, hint=f"`{path} --help` shows what it takes.")


def system(error: OSError) -> OpsError:
    """Return the error for what the system refused outside any step: a full disk, a missing permission."""
    where = f": {error.filename}" if error.filename else ""
    found = Configuration(
        f"{error.strerror or error}{where}.",
        state="Unknown; `decodeat-ops status` shows what serves and whether something is open.",
        hint="Mend permissions or free some space there, and run the command again.",
        where=str(error.filename or ""),
    )
    found.__cause__ = error
    return found


def _bug(error: Exception) -> OpsError:
    """Return the error for an unexpected exception, without its message, which may hold a secret."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    found = OpsError(
        f"This is a bug of ours: {type(error).__name__}{place}.",
        state="Unknown; `decodeat-ops status` shows what serves and whether something is open.",
        hint="Run it again with --debug to see the details, and report them.",
    )
    found.__cause__ = error
    return found


def _before_dashes(argv: Sequence[str]) -> Sequence[str]:
    words = list(argv)
    return words[: words.index("--")] if "--" in words else words


def _verb(argv: Sequence[str]) -> str:
    """Return the command that a line names, as far as that can be told when the line doesn't parse."""
    from decodeat_ops.cli.app import known

    return known([word for word in argv if not word.startswith("-")])


def forget_streams() -> None:
    """Flush the streams, so that a closed pipe or a full disk raises no error when Python exits."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), stream.fileno())
