"""Join tables whose names must differ."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def joined(*tables: Mapping[str, T]) -> dict[str, T]:
    """Return one table of all. Raises `ValueError` when two of them have the same name."""
    whole: dict[str, T] = {}
    for table in tables:
        twice = sorted(set(whole) & set(table))
        if twice:
            raise ValueError(f"{', '.join(twice)} is defined twice")
        whole |= table
    return whole
