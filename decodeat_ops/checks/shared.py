"""What several checks of one run look at is measured once: a soak answers for response time and for errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
_measured: ContextVar[dict[str, Any] | None] = ContextVar("measured", default=None)


@contextmanager
def measured_once() -> Iterator[None]:
    """Within this block `once` remembers. Blocks nest: the outermost one remembers for all."""
    if _measured.get() is not None:
        yield
        return
    token = _measured.set({})
    try:
        yield
    finally:
        _measured.reset(token)


def once(name: str, measure: Callable[[], T]) -> T:
    """The measurement of that name, taken now unless this run has taken it already."""
    memory = _measured.get()
    if memory is None:
        return measure()
    if name not in memory:
        memory[name] = measure()
    result: T = memory[name]
    return result
