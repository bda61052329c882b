"""Describe an image of the operator's engine by its layers, and what carries those that another engine lacks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class BuiltImage:
    """Describe an image of the engine; `id` is the digest of its configuration, whatever the engine itself calls it.

    `layers` are their diff ids from the bottom up: digests of what they hold, unpacked. `sizes` say how many bytes each
    takes, in the same order; an engine tells it of all together, so that some may count for less, and none for more.
    """

    id: str
    layers: tuple[str, ...]
    sizes: tuple[int, ...] = ()

    def above(self, others: "tuple[tuple[str, ...], ...]") -> tuple[str, ...]:
        """Return the layers that an engine lacks which has these other images, given by their layers.

        A layer is there only with all that lie below it: an engine knows it by their common digest.
        """
        return self.layers[max((_common(self.layers, one) for one in others), default=0) :]

    def size(self, layers: tuple[str, ...]) -> int:
        """Return how many bytes the highest layers take; `layers` are those that `above` has returned."""
        return sum(self.sizes[len(self.layers) - len(layers) :])


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count


class Export(Protocol):
    """Hold the configuration and some layers of one image, to be written as archives as often as needed."""

    @property
    def image(self) -> BuiltImage: ...

    def length(self, layers: frozenset[str]) -> int:
        """Return how many bytes `archive` yields, but for a few about the image itself."""
        ...

    def room(self, layers: frozenset[str]) -> int:
        """Return how many bytes an engine needs that takes it: for the archive, and for all that it unpacks of it."""
        ...

    def archive(self, name: str, layers: frozenset[str]) -> Iterator[bytes]:
        """Yield an archive for `docker load` that has these layers alone and gives the image a name.

        The others are in its list without their files, which an engine does not ask for where it has the layers. What
        breaks off before the end loads nothing. Raises KeyError for a layer that was not exported.
        """
        ...
