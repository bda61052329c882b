"""Describe an expected failure, for users, for counters and for the code that may try again."""

from collections.abc import Callable
from typing import Any


class Failure(Exception):
    """Report an expected failure, such as one of something outside the service.

    `text` is for the client: it repeats neither addresses nor a library's words. `reason` is a word for counters.
    `transient` means that another try may succeed, after `retry_after` seconds where the other side named a time.
    """

    def __init__(self, reason: str, text: str, *, transient: bool = False, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.transient = transient
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Callable[..., "Failure"], tuple[Any, ...]]:
        """Pickle all attributes: else an exception is rebuilt from its text alone, which no `__init__` here accepts."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[Failure], args: tuple[str, ...], held: dict[str, Any]) -> Failure:
    failure = kind.__new__(kind, *args)
    failure.__dict__.update(held)
    return failure
