"""A place where deployments live, whoever operates them: what the contract suite asks of every target."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from decodeat_ops.application.desk import Desk
from decodeat_ops.core import events
from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment.ledger import StateLedger
from decodeat_ops.settings.schema import Loaded, Settings
from tests.contract.memory import MemoryData, MemoryTarget, MemoryView, Platform, Source
from tests.support.images import no_engine


class World(Protocol):
    """One deployment of a target, from outside of the product. Every n-th step is broken at one commit.

    `probed` is the last gate before the commit, and `undone` the step before it whose undo is broken. `leaves` says
    whether a removal leaves data that a later deploy goes on with.
    """

    every: int
    probed: str
    undone: str
    leaves: bool

    def desk(self) -> Desk:
        """Return what a new command of the same operator works with."""
        ...

    def stranger(self) -> Desk:
        """Return what a command on another machine works with, which has no journal of this one's."""
        ...

    def change_code(self) -> None:
        """Let the next deploy bring other code."""
        ...

    def rotate_secret(self) -> None:
        """Let the next start bring another secret."""
        ...

    def serving(self) -> tuple[str, str]:
        """Return the id of the release that clients reach, and the secrets' digest it runs with; "" for none."""
        ...

    def writes(self) -> int:
        """Return how often the platform was changed so far."""
        ...

    def runs(self) -> int:
        """Return how many releases run."""
        ...


@dataclass
class MemoryWorld:
    """The strict platform in memory, with real ledgers on disk."""

    home: Path
    platform: Platform = field(default_factory=Platform)
    source: Source = field(default_factory=Source)
    every: int = 1
    probed: str = "gate-candidate"
    undone: str = "start"
    leaves: bool = True
    _machines: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _codes: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def desk(self) -> Desk:
        return self._desk(self.home / "own")

    def stranger(self) -> Desk:
        return self._desk(self.home / f"other{next(self._machines)}")

    def _desk(self, place: Path) -> Desk:
        layout = Layout(place)
        loaded = Loaded(settings=Settings(), env="production", files=(), directory=self.home, origins={})
        return Desk(
            loaded=loaded,
            target=MemoryTarget(self.platform, self.source),
            view=MemoryView(self.platform),
            data=MemoryData(self.platform, self.source, place / "backups"),
            ledger=StateLedger(layout, loaded),
            records=layout.records,
            secrets={},
            images=no_engine,
            repository=lambda: "registry.example.com/decodeat",
        )

    def change_code(self) -> None:
        self.source.code = f"code{next(self._codes)}"

    def rotate_secret(self) -> None:
        self.source.secrets = f"rotated{next(self._codes)}"

    def serving(self) -> tuple[str, str]:
        name = self.platform.traffic
        return name, self.platform.running.get(name, "")

    def writes(self) -> int:
        return self.platform.writes

    def runs(self) -> int:
        return len(self.platform.running)


class Killed(BaseException):
    """Stand in for SIGKILL: nothing of the product handles it."""


def at(
    step: str, error: type[BaseException] | BaseException, *, undoing: bool = False
) -> Callable[[events.Event], None]:
    """Return a listener that raises when a step begins, or its undo does."""

    def listen(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step.id == step and event.undoing is undoing:
            raise error

    return listen


def after(step: str, error: type[BaseException] | BaseException) -> Callable[[events.Event], None]:
    """Return a listener that raises when a step has done its work and before that is noted."""

    def listen(event: events.Event) -> None:
        if isinstance(event, events.StepFinished) and event.step.id == step and not event.undoing:
            raise error

    return listen
