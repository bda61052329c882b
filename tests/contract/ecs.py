"""A deployment on ECS for the contract suite: an account that is played, spoken to by the real SDK."""

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from decodeat_ops.application.desk import Desk
from tests.integration.ecs_place import EcsPlace, ecs_place
from tests.integration.ecs_settings import DEPLOYMENT


@dataclass
class EcsWorld:
    """One deployment on ECS. A stranger has a state directory of its own, and with it no journal and another salt."""

    place: EcsPlace
    every: int = 4
    probed: str = "gate-post"
    undone: str = "update"
    leaves: bool = False
    _machines: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @classmethod
    @contextlib.contextmanager
    def made(cls, home: Path, source: Path) -> Iterator["EcsWorld"]:
        with ecs_place(home, source, pinned=False) as place:
            yield cls(place)

    def desk(self) -> Desk:
        return self.place.desk()

    def stranger(self) -> Desk:
        return self.place.desk(f"other{next(self._machines)}")

    def change_code(self) -> None:
        self.place.change()

    def rotate_secret(self) -> None:
        self.place.rotate_secret()

    def serving(self) -> tuple[str, str]:
        name = self.place.serving()
        if not name:
            return "", ""
        assert None not in self.place.values().values(), "it refers to a secret that is not there"
        return name, self.place.definition.tags["decodeat-ops:secrets"]

    def writes(self) -> int:
        return len(self.place.fake.calls.writes)

    def runs(self) -> int:
        tasks = self.place.fake.ecs.tasks.values()
        running = [one for one in tasks if one.group == f"service:{DEPLOYMENT}" and one.status == "RUNNING"]
        return len({one.definition.arn for one in running})
