"""A deployment on machines for the contract suite: their shells, files and sockets are real, their Docker is played."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from decodeat_ops.application.desk import Desk
from decodeat_ops.targets.vm.names import COLOURS
from tests.integration.vm_place import VmPlace, vm_place


@dataclass
class VmWorld:
    """One deployment on machines. Its journal lies with it, for every operator: a lost one is a deleted one."""

    place: VmPlace
    every: int = 6
    probed: str = "gate-post"
    undone: str = "start"
    leaves: bool = False

    names: ClassVar[tuple[str, ...]] = ("one",)

    @classmethod
    @contextlib.contextmanager
    def made(cls, home: Path, source: Path) -> Iterator["VmWorld"]:
        with vm_place(home, source, cls.names, group=1) as place:
            yield cls(place)

    def desk(self) -> Desk:
        return self.place.desk()

    def stranger(self) -> Desk:
        self.place.lose_journal()
        return self.place.desk("other")

    def change_code(self) -> None:
        self.place.change()

    def rotate_secret(self) -> None:
        self.place.rotate_secret()

    def serving(self) -> tuple[str, str]:
        """Return what the clients of all machines reach; while a change is open, what those of the last one do."""
        seen, last = self.place.seen(), self.place.hosts[-1]
        name = seen[last.name]
        assert set(seen.values()) == {name} or not self.place.settled(), seen
        return (name, self.place.started_with(last)) if name else ("", "")

    def writes(self) -> int:
        return self.place.writes()

    def runs(self) -> int:
        ends = tuple(f"-{colour}" for colour in COLOURS)
        return max(len(host.running(*ends)) for host in self.place.hosts)


@dataclass
class ThreeMachines(VmWorld):
    """The same on three machines, which get a release one after the other."""

    names: ClassVar[tuple[str, ...]] = ("one", "two", "three")
    every: int = 8
