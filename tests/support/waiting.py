"""Wait for what another process or thread will do, with a limit that a busy machine keeps too."""

import asyncio
import time
from collections.abc import Callable

PATIENCE = 60.0  # seconds


def wait_for(
    condition: Callable[[], object], seconds: float = PATIENCE, otherwise: Callable[[], object] | str = "it never came"
) -> None:
    """Wait until the condition holds; `otherwise` is the message, or returns it, when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise if isinstance(otherwise, str) else otherwise()
        time.sleep(0.02)


async def until(condition: Callable[[], object], seconds: float = PATIENCE, otherwise: str = "it never came") -> None:
    """Wait like `wait_for`, while the other tasks of the event loop go on."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise
        await asyncio.sleep(0.02)
