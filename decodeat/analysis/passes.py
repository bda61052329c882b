"""Tell which passes over a label saw the same picture of it: what they agree on counts once."""

from collections.abc import Sequence
from typing import TypeVar

WITNESSES = 2  # pictures that must show a figure which the label itself does not confirm

_Pass = TypeVar("_Pass")


def by_picture(passes: Sequence[_Pass]) -> list[Sequence[_Pass]]:
    """Return the passes of each picture: one of the first, two each of the second and of a third, if there is one."""
    return [part for part in (passes[:1], passes[1:3], passes[3:]) if part]
