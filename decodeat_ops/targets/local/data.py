"""Answer for the data on this machine: generations of one SQLite database, and archives of them."""

from dataclasses import dataclass
from pathlib import Path

from decodeat_ops.core.migration import Migration, Revision
from decodeat_ops.core.target import Steps
from decodeat_ops.deployment import schema, source, space
from decodeat_ops.deployment.inputs import environment_path
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.deployment.schema import Code
from decodeat_ops.targets.local import saving, steps

LEAST_ROOM = 1024**3  # bytes unpacked that an archive may always have: the exact check follows once its size is known


@dataclass(frozen=True)
class LocalData:
    """Hold the data of one deployment on this machine."""

    machine: Machine
    keeper: str = ""

    @property
    def archives(self) -> Path:
        return self.machine.archives

    def revision(self, data: str) -> str:
        return schema.revision_of(self.machine.layout.database(data)) if data else ""

    def knows(self, release: LocalRelease | None) -> frozenset[str]:
        return self._code(release).knows

    def known(self, release: LocalRelease | None) -> tuple[Revision, ...]:
        return schema.ask(self.machine, self._code(release))

    def _code(self, release: LocalRelease | None) -> Code:
        if release is not None:
            return Code.of(release, self.machine.layout)
        package = source.find(self.machine.loaded)
        return Code(package, source.lock_digest(package / source.LOCK_NAME))

    def place(self, data: str) -> str:
        return str(self.machine.layout.generation(data))

    def room(self) -> int:
        return max(space.free(self.machine.layout.root), LEAST_ROOM)

    def require_room_to_save(self, release: LocalRelease | None, before: str = "") -> None:
        needed = space.of_backup(self.machine.layout, release) if release else 0
        copy, whole = "A backup's working copy", "A backup"
        if before:
            copy, whole = f"The working copy of the backup before {before}", f"The backup before {before}"
        space.require(self.machine.layout.staging, needed, copy)
        space.require(self.archives, needed, whole)

    def require_room_to_restore(self, release: LocalRelease | None, size: int, before: LocalRelease | None) -> None:
        """Raise `GateFailed` unless an archive's files fit three times: unpacked, as data and as a release."""
        machine = self.machine
        saved = space.of_backup(machine.layout, before) if before else 0
        space.require(machine.layout.staging, 3 * size + saved, "A restore")
        space.require(self.archives, saved, "The backup before a restore")
        if release is not None and not environment_path(machine.environments, release.lock).exists():
            space.require(machine.environments, space.ENVIRONMENT, "The Python environment of the service")

    def save(self, release: LocalRelease, snapshot: str, prefix: str = "", *, stays: bool = False) -> Steps:
        return saving.steps(release, snapshot, prefix, stays=stays)

    def migrate(self, release: LocalRelease, migration: Migration) -> Steps:
        return (steps.migrate(release, migration),)

    def lay_out(self, release: LocalRelease, place: str, serving: str) -> Steps:
        return (steps.lay_out(release, place, serving),)

    def carry(self, release: LocalRelease, serving: LocalRelease | None, data: str, snapshot: str) -> Steps:
        ended = (steps.wait_stopped([serving.id], after_commit=True),) if serving else ()
        return (*ended, steps.carry(data, release.data, snapshot))
