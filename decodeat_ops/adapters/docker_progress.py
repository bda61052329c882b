"""Turn an engine's events of a build or a push into progress, and keep what an error has to show."""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from decodeat_ops.adapters.buildkit import Trace
from decodeat_ops.core.amounts import megabytes, size
from decodeat_ops.core.image import Report

KEPT = 30  # lines of a build's output that an error shows
_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
_WIDE = 60  # characters of a build's command that are shown
_DIGITS = 6  # of a layer's id that are shown
_MOVED = ("Pushed", "Pull complete")
_ARRIVED = (*_MOVED, "Layer already exists", "Mounted from", "Already exists")


@dataclass
class Building:
    """Follow a build, by the engine's own builder or by BuildKit. `image` is the id, once there is one."""

    report: Report
    image: str = ""
    lines: "deque[str]" = field(default_factory=lambda: deque(maxlen=KEPT))
    _trace: Trace = field(default_factory=Trace)
    _at: tuple[str, int, int] = ("", 0, 0)

    def take(self, event: Mapping[str, Any]) -> None:
        """Take one event. Raises `ValueError` when it has another form than an engine's."""
        aux = event.get("aux")
        if event.get("id") == "moby.buildkit.trace":
            self.lines.extend(line for line in self._trace.read(str(aux)) if line.strip())
            self._at = (_short(self._trace.latest), len(self._trace.done), len(self._trace.names))
        elif isinstance(aux, Mapping) and aux.get("ID"):
            self.image = str(aux["ID"])
        for line in str(event.get("stream") or "").splitlines():
            if line.strip():
                self.lines.append(line)
            if step := _STEP.fullmatch(line.strip()):
                self._at = (_short(step.group(3)), int(step.group(1)) - 1, int(step.group(2)))
        self.report(*self._at)


@dataclass
class Layer:
    """Count the bytes of one layer; `total` is 0 while its size is not known.

    `sent` says that it has arrived, `again` that it did not and is tried again.
    """

    done: int = 0
    total: int = 0
    sent: bool = False
    again: bool = False

    @property
    def known(self) -> bool:
        """Return whether nothing about its size is open: one that was there already has none to send."""
        return self.sent or self.total > 0

    @property
    def moves(self) -> bool:
        """Return whether some of it has been sent, and not all."""
        return not self.sent and self.done > 0 and (self.done < self.total or not self.total)

    @property
    def amount(self) -> str:
        """Return how many bytes of it have been sent."""
        return megabytes(self.done, self.total) if self.total else size(self.done)


@dataclass
class Moving:
    """Follow a push or a pull, layer by layer. `digest` is the image's at the registry, once it is there."""

    report: Report
    doing: str = ""
    digest: str = ""
    layers: dict[str, Layer] = field(default_factory=dict)
    _share: float = 0.0  # the largest one that was reported

    def take(self, event: Mapping[str, Any]) -> None:
        """Take one event; the last one that names a digest counts."""
        aux = event.get("aux")
        if isinstance(aux, Mapping) and aux.get("Digest"):
            self.digest = str(aux["Digest"])
        status, name = str(event.get("status") or ""), str(event.get("id") or "")
        if name and not status.startswith("Pulling from"):
            layer = self.layers.setdefault(name, Layer())
            before = replace(layer)
            _count(layer, status, event.get("progressDetail") or {})
            self._turn(name, before, layer, status)
        done = sum(layer.done for layer in self.layers.values())
        self.report(f"{self.doing}{self._now()}", done, self._total(done), "bytes")

    def _turn(self, name: str, before: Layer, layer: Layer, status: str) -> None:
        """Report that a layer has arrived, or did not: without a unit, so that a build log has a line of it."""
        if layer.sent and not before.sent:
            how = "has arrived" if status.startswith(_MOVED) else "was there already"
            amount = f", {size(layer.total)}" if layer.total else ""
            self.report(f"{self.doing}{_digits(name)} {how}{amount}; {self._there()}")
        elif layer.again and not before.again:
            self.report(f"{self.doing}{_digits(name)} did not arrive and is tried again")

    def _now(self) -> str:
        """Return what moves: one layer, the same until it has arrived."""
        if again := [name for name, layer in self.layers.items() if layer.again]:
            return f"{_digits(again[0])} is tried again"
        if moving := [name for name, layer in self.layers.items() if layer.moves]:
            return f"{_digits(moving[0])}: {self.layers[moving[0]].amount}"
        return self._there()

    def _there(self) -> str:
        sent = sum(layer.sent for layer in self.layers.values())
        return f"{sent} of {len(self.layers)} layers are there" if self.layers else ""

    def _total(self, done: int) -> int:
        """Return the bytes of all layers, 0 while a share of them would mislead.

        That is while a layer's size is not known, and while less is done than was reported before: of one that is tried
        again, or since another one came to light.
        """
        total = sum(layer.total for layer in self.layers.values())
        if not total or not all(layer.known for layer in self.layers.values()) or done / total < self._share:
            return 0
        self._share = done / total
        return total


def _count(layer: Layer, status: str, detail: Mapping[str, Any]) -> None:
    """Count what one event says of a layer."""
    layer.again = status.startswith("Retrying in")
    if status.startswith(_ARRIVED):
        layer.sent = True
        layer.done = layer.total = max(layer.done, layer.total)
    elif status in ("Pushing", "Downloading"):
        current = int(detail.get("current") or 0)
        layer.total = max(layer.total, int(detail.get("total") or 0))
        layer.done = min(current, layer.total) if layer.total else current
    elif status == "Download complete":
        layer.done = max(layer.done, layer.total)


def _digits(name: str) -> str:
    """Return the first digits of a layer's id, which tell it apart; some engines write what it is before them."""
    return name.rpartition(":")[2][:_DIGITS]


def _short(words: str) -> str:
    """Return the first line of a command, cut where it gets too long for a line of a terminal."""
    line = words.partition("\n")[0].strip()
    return line if len(line) <= _WIDE else f"{line[: _WIDE - 1]}…"
