"""Do work on several machines side by side, and report as one what went wrong on them."""

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from decodeat_ops.core.errors import (
    Configuration,
    GateFailed,
    Interrupted,
    Locked,
    Lost,
    OpsError,
    StepFailed,
    Unreachable,
)
from decodeat_ops.engine.executor import Context

LOOK = 0.2  # seconds in which a wait notices that the operator wants to stop
WITHOUT = (
    "A change needs all machines: bring it back and run the command again. Or take it out of vm.hosts: then "
    "`decodeat-ops resume --undo` takes back on the others what was interrupted, and `decodeat-ops deploy` goes on. "
    "`decodeat-ops status` shows what they serve."
)
_KINDS = (Configuration, GateFailed, StepFailed, Locked, Lost, Unreachable)  # those before the ones they are made from


class Named(Protocol):
    @property
    def name(self) -> str: ...


H = TypeVar("H", bound=Named)
T = TypeVar("T")


def each(hosts: Iterable[H], work: Callable[[H], T], context: Context | None = None) -> dict[str, T]:
    """Do the work for every machine at once, in threads, and return the results by name, in the order of the machines.

    All of them come to their end before a failure is raised, as one error that names each machine with its own cause:
    `Lost` if any is, else their kind where all agree, else `StepFailed`. With a context the operator may interrupt the
    wait; what was begun on the machines then goes on there.
    """
    chosen = list(hosts)
    came: queue.SimpleQueue[tuple[str, T | None, BaseException | None]] = queue.SimpleQueue()

    def run(host: H) -> None:
        try:
            came.put((host.name, work(host), None))
        except BaseException as error:  # it is raised where the results are waited for
            came.put((host.name, None, error))

    # Threads of an executor would be waited for at the end of the program, though nobody needs their answer any more.
    for host in chosen:
        threading.Thread(target=run, args=(host,), name=f"at {host.name}", daemon=True).start()
    results: dict[str, T] = {}
    failed: dict[str, BaseException] = {}
    while len(results) + len(failed) < len(chosen):
        if context is not None:
            context.checkpoint()
        try:
            name, result, error = came.get(timeout=LOOK)
        except queue.Empty:
            continue
        if error is None:
            results[name] = result  # type: ignore[assignment]
        else:
            failed[name] = error
    if failed:
        raise _one([(host.name, failed[host.name]) for host in chosen if host.name in failed])
    return {host.name: results[host.name] for host in chosen}


def all_needed(hosts: Sequence[H], work: Callable[[H], T]) -> dict[str, T]:
    """Do the work as `each` does, for a change; the error for a machine that is silent says what goes on without it."""
    try:
        return each(hosts, work)
    except Lost:
        raise
    except Unreachable as error:
        if len(hosts) == 1:
            raise
        told = error.advice
        raise Unreachable(
            told.what, state=told.state, hint=f"{told.hint} {WITHOUT}".strip(), lines=told.lines, where=error.where
        ) from error


def _one(failed: Sequence[tuple[str, BaseException]]) -> BaseException:
    """Return the one error for all of them. A bug of ours comes first, and as it is; then a wish to stop."""
    told: list[tuple[str, OpsError]] = []
    for name, error in failed:
        if isinstance(error, OSError):
            told.append((name, _refused(error)))
        elif isinstance(error, OpsError) and not isinstance(error, Interrupted):
            told.append((name, error))
        else:
            return error
    if len(told) == 1 and told[0][0] in told[0][1].advice.what:
        return told[0][1]
    whole = _kind([error for _, error in told])(
        " ".join(_sentence(name, error.advice.what) for name, error in told),
        state=" ".join(dict.fromkeys(error.advice.state for _, error in told if error.advice.state)),
        hint=" ".join(dict.fromkeys(error.advice.hint for _, error in told if error.advice.hint)),
        lines=tuple(f"{name}: {line}" for name, error in told for line in error.advice.lines),
        where=", ".join(dict.fromkeys(error.where for _, error in told if error.where)),
    )
    whole.__cause__ = told[0][1]
    return whole


def _sentence(name: str, what: str) -> str:
    return what if what.startswith(name) else f"{name}: {what}"


def _kind(errors: Sequence[OpsError]) -> type[OpsError]:
    if any(isinstance(error, Lost) for error in errors):
        return Lost
    agreed = [kind for kind in _KINDS if all(isinstance(error, kind) for error in errors)]
    return agreed[0] if agreed else StepFailed


def _refused(error: OSError) -> StepFailed:
    return StepFailed(f"{error.strerror or error}" + (f" ({error.filename})" if error.filename else ""))
