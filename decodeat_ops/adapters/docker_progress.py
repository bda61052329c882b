"""Turn an engine's events of a build or a push into progress, and keep what an error has to show."""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from decodeat_ops.adapters.buildkit import Trace
from decodeat_ops.core.image import Report

KEPT = 30  # lines of a build's output that an error shows
_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
_WIDE = 60  # characters of a build's command that are shown
_ARRIVED = ("Pushed", "Layer already exists", "Mounted from", "Pull complete", "Already exists")


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
    """Count the bytes of one layer; `sent` says that it has arrived, `again` that it did not and is tried again."""

    done: int = 0
    total: int = 0
    sent: bool = False
    again: bool = False


@dataclass
class Moving:
    """Follow a push or a pull, layer by layer. `digest` is the image's at the registry, once it is there."""

    report: Report
    doing: str = ""
    digest: str = ""
    layers: dict[str, Layer] = field(default_factory=dict)

    def take(self, event: Mapping[str, Any]) -> None:
        """Take one event; the last one that names a digest counts."""
        aux = event.get("aux")
        if isinstance(aux, Mapping) and aux.get("Digest"):
            self.digest = str(aux["Digest"])
        status, name = str(event.get("status") or ""), str(event.get("id") or "")
        if name and not status.startswith("Pulling from"):
            _count(self.layers.setdefault(name, Layer()), status, event.get("progressDetail") or {})
        self._tell()

    def _tell(self) -> None:
        layers = self.layers.values()
        sent = sum(layer.sent for layer in layers)
        text = f"{sent} of {len(layers)} layers are there" if layers else ""
        if any(layer.again for layer in layers):
            text += ", one is tried again"
        done, total = sum(layer.done for layer in layers), sum(layer.total for layer in layers)
        self.report(f"{self.doing}{text}", done, total, "bytes")


def _count(layer: Layer, status: str, detail: Mapping[str, Any]) -> None:
    """Count what one event says of a layer."""
    layer.again = status.startswith("Retrying in")
    if status.startswith(_ARRIVED):
        layer.sent = True
        layer.done = layer.total
    elif status in ("Pushing", "Downloading"):
        layer.total = max(layer.total, int(detail.get("total") or 0))
        layer.done = min(int(detail.get("current") or 0), layer.total)


def _short(words: str) -> str:
    """Return the first line of a command, cut where it gets too long for a line of a terminal."""
    line = words.partition("\n")[0].strip()
    return line if len(line) <= _WIDE else f"{line[: _WIDE - 1]}…"
