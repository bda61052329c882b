"""Measure once what several checks of one run look at: one soak serves both response time and error rate."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
_measured: ContextVar[dict[str, Any] | None] = ContextVar("measured", default=None)
_measuring = threading.RLock()  # checks that run at once wait for a measurement instead of taking it twice


@contextmanager
def measured_once() -> Iterator[None]:
    """Make `once` keep its measurements while this block lasts; nested blocks share those of the outermost one."""
    if _measured.get() is not None:
        yield
        return
    token = _measured.set({})
    try:
        yield
    finally:
        _measured.reset(token)


def once(name: str, measure: Callable[[], T]) -> T:
    """Return the measurement of that name, taken now unless the block of `measured_once` has taken it already."""
    memory = _measured.get()
    if memory is None:
        return measure()
    with _measuring:
        if name not in memory:
            memory[name] = measure()
    result: T = memory[name]
    return result
