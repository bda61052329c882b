"""Run a program that reads text: the kernel limits its processor time, and it is killed when its caller gives up."""

import math
import resource
import signal
from collections.abc import Mapping
from contextlib import suppress

from decodeat.child_process import ChildProcess
from decodeat.engines.ports import EngineFailed


async def run(argv: tuple[str, ...], given: bytes, seconds: float, environment: Mapping[str, str]) -> bytes:
    """Return the program's output. Raises `EngineFailed`; never leaves the process behind.

    `seconds` are processor time, since elapsed time depends more on the machine's load than on the page. Elapsed time
    is limited by the request's own deadline alone.
    """
    status, output = await status_and_output(argv, given, seconds, environment)
    if status == -signal.SIGXCPU:
        raise EngineFailed("timeout", "The text engine took too long to read the image.")
    if status != 0:
        raise EngineFailed("reader", "The text engine could not read the image.", transient=status < 0)
    return output


async def status_and_output(
    argv: tuple[str, ...], given: bytes, seconds: float, environment: Mapping[str, str]
) -> tuple[int, bytes]:
    """Return exit status and output. Raises `EngineFailed` when it can't be started, or closes its input at once."""
    try:
        process = await ChildProcess.start(argv, environment, reads=bool(given))
    except OSError as error:
        raise EngineFailed("reader", "The text engine could not be started.", transient=True) from error
    try:
        # The kernel enforces this limit, also after the worker that started the process was killed.
        limit = math.ceil(seconds)
        with suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (limit, limit + 1))
        output, _ = await process.communicate(given or None)
    except RuntimeError as error:  # what uvloop raises for a pipe that was closed before anything was written to it
        raise EngineFailed("reader", "The text engine could not read the image.", transient=True) from error
    finally:
        status = await process.end()
    return status, output
