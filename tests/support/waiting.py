"""Wait for what another process or thread will do, with a limit that a busy machine keeps too."""

import asyncio
import time
from collections.abc import Callable

PATIENCE = 60.0  # seconds


def wait_for(
    condition: Callable[[], object],
    seconds: float = PATIENCE,
    otherwise: Callable[[], object] | str = "it never came",
    every: float = 0.02,
) -> None:
    """Wait until the condition holds; `otherwise` is the message, or returns it, when it never does.

    A condition that takes a program to look is asked `every` so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise if isinstance(otherwise, str) else otherwise()
        time.sleep(every)


async def until(condition: Callable[[], object], seconds: float = PATIENCE, otherwise: str = "it never came") -> None:
    """Wait like `wait_for`, while the other tasks of the event loop go on."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise
        await asyncio.sleep(0.02)
