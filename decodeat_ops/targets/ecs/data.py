"""Answer for the data of a service on ECS: a database of its own, which this tool migrates and does not back up."""

from dataclasses import dataclass
from pathlib import Path

from decodeat_ops.core.errors import Usage
from decodeat_ops.core.migration import Migration, Revision
from decodeat_ops.core.target import Steps
from decodeat_ops.deployment import places, schema, source
from decodeat_ops.targets.common import migrations
from decodeat_ops.targets.ecs import observing, steps
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.revisions import recorded

DATABASE = "DATABASE_URL"
NONE = "none"  # what the service takes for "results are not kept"


@dataclass(frozen=True)
class EcsData:
    """Hold the data of one deployment: the database that DATABASE_URL names, or none."""

    here: Place
    keeper: str = f"the database that {DATABASE} names"

    @property
    def archives(self) -> Path:
        return places.backups_of(self.here.loaded, self.here.layout)

    def revision(self, data: str) -> str:
        """Return the newest revision that a kept release knows: its deploy has brought the database to it."""
        if not self.there:
            return ""
        known = [one for release in observing.records(self.here) for one in self.knows(release)]
        return max(known, default="")

    @property
    def there(self) -> bool:
        """Return whether the settings name a database."""
        service = self.here.loaded.settings.service
        return DATABASE in service.secrets or str(service.environment.get(DATABASE, NONE)) not in {"", NONE}

    def knows(self, release: EcsRelease | None) -> frozenset[str]:
        """Return what its record says; "" for one whose image was not built here, so that nothing is known of it."""
        if release is not None:
            return migrations.knows(release)
        return frozenset(one.id for one in self.known(None))

    def known(self, release: EcsRelease | None) -> tuple[Revision, ...]:
        if release is None:
            loaded = self.here.loaded
            return () if loaded.settings.ecs.image else schema.describe(source.find(loaded))
        return migrations.revisions(release)

    def place(self, data: str) -> str:
        return self.keeper

    def room(self) -> int:
        return 0

    def require_room_to_save(self, release: EcsRelease | None, before: str = "") -> None:
        raise self._refused()

    def require_room_to_restore(self, release: EcsRelease | None, size: int, before: EcsRelease | None) -> None:
        raise self._refused()

    def save(self, release: EcsRelease, snapshot: str, prefix: str = "", *, stays: bool = False) -> Steps:
        raise self._refused()

    def migrate(self, release: EcsRelease, migration: Migration) -> Steps:
        if not self.there:
            return ()
        service = observing.service_state(self.here)
        guard = service.guard if service else ()
        known = self.known(None if self._built(release) else release)
        return (steps.migrate(release, migration, known, guard, registers=self._registers(release)),)

    def _built(self, release: EcsRelease) -> bool:
        """Return whether the release comes from the source here, whose files describe its migrations best."""
        return not release.task_definition

    def _registers(self, release: EcsRelease) -> bool:
        """Return whether the release gets a task definition first: a new one, or one with rotated secrets."""
        if not release.task_definition:
            return True
        there = recorded(self.here, release.task_definition)
        return there is None or (there.id, there.secrets) != (release.id, release.secrets)

    def lay_out(self, release: EcsRelease, place: str, serving: str) -> Steps:
        raise self._refused()

    def carry(self, release: EcsRelease, serving: EcsRelease | None, data: str, snapshot: str) -> Steps:
        raise self._refused()

    def _refused(self) -> Usage:
        return Usage(
            f"On ECS nothing is backed up or restored here: the data is in {self.keeper}.",
            hint="Use that database's own backups.",
        )
