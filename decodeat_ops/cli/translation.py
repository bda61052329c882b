"""Translate errors that are not ours (the parser's, the system's, Ctrl-C, bugs) into ours, with what to do next."""

import difflib
from pathlib import Path

import typer

from decodeat_ops.cli.selection import PROGRAM
from decodeat_ops.core.errors import Configuration, DoneInPart, Interrupted, OpsError, Usage
from decodeat_ops.core.outcome import Outcome

# The parser's own error class is public only as an ancestor of this one.
ParserError: type[Exception] = typer.BadParameter.__mro__[1]

# The parser's names for kinds of values, and ours.
_KINDS = {"is not a valid float range": "is not a number", "is not a valid int range": "is not a whole number"}


def usage(error: Exception, verb: str) -> Usage:
    """Return the error for a line that doesn't parse, in our words, with the closest word that the parser knows."""
    message = str(getattr(error, "message", error)).rstrip(".")
    near = getattr(error, "possibilities", None)
    if near:
        nearest = difflib.get_close_matches(getattr(error, "option_name", ""), near, n=1, cutoff=0.0)
        message += f". Did you mean {nearest[0]}?"
    else:
        formatted = getattr(error, "format_message", lambda: message)()
        message = formatted if formatted.endswith("?") else formatted.rstrip(".") + "."
    for theirs, ours in _KINDS.items():
        message = message.replace(theirs, ours)
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else f"{PROGRAM} {verb}".strip()
    return Usage(message, hint=f"`{path} --help` shows what it takes.")


def interrupted() -> Interrupted:
    """Return the error for Ctrl-C outside the change workflow, which has an answer of its own."""
    return Interrupted(
        "Stopped.",
        state="What had begun may be half done.",
        hint="`decodeat-ops status` shows what serves and what is open; `decodeat-ops resume` goes on.",
    )


def system(error: OSError) -> OpsError:
    """Return the error for what the system refused outside any step: a full disk, a missing permission."""
    where = f": {error.filename}" if error.filename else ""
    refused = Configuration(
        f"{error.strerror or error}{where}.",
        state="Unknown; `decodeat-ops status` shows what serves and whether something is open.",
        hint="Mend permissions or free some space there, and run the command again.",
        where=str(error.filename or ""),
    )
    refused.__cause__ = error
    return refused


def unreported(outcome: Outcome, error: OSError) -> OpsError:
    """Return the error for a report that could not be written, though its command is finished."""
    why = error.strerror or str(error)
    if not outcome.changed:
        return Configuration(f"What was found could not be written: {why}.", hint="Write it to another place.")
    return DoneInPart(
        f"{outcome.summary} The report of it could not be written: {why}.",
        state="The change stands; only its report is lost.",
        hint="`decodeat-ops status` shows what serves.",
    )


def bug(error: Exception) -> OpsError:
    """Return the error for an unexpected exception, without its message, which may hold a secret."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    unexpected = OpsError(
        f"This is a bug of ours: {type(error).__name__}{place}.",
        state="Unknown; `decodeat-ops status` shows what serves and whether something is open.",
        hint="Run it again with --debug to see the details, and report them.",
    )
    unexpected.__cause__ = error
    return unexpected
