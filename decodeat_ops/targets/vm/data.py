"""Answer for the data of a deployment on machines: this tool migrates it there, and does not back it up."""

from dataclasses import dataclass
from pathlib import Path

from decodeat_ops.core.errors import Usage
from decodeat_ops.core.migration import Migration, Revision
from decodeat_ops.core.target import Steps
from decodeat_ops.deployment import places, schema, source
from decodeat_ops.targets.common import migrations
from decodeat_ops.targets.vm import observing, steps, way
from decodeat_ops.targets.vm.observed import Seen
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.release import VmRelease

DATABASE = "DATABASE_URL"
NONE = "none"  # what the service takes for "results are not kept"


@dataclass(frozen=True)
class VmData:
    """Hold the data of one deployment: a database that DATABASE_URL names, PostgreSQL or SQLite on the machine."""

    here: Place

    @property
    def _named(self) -> str | None:
        """Return what the settings say of a database, None when they say nothing."""
        service = self.here.loaded.settings.service
        if DATABASE in service.secrets:
            return service.secrets[DATABASE]
        value = service.environment.get(DATABASE)
        return None if value is None else str(value)

    @property
    def keeper(self) -> str:
        """Return what holds the data, and has to be backed up by its own means."""
        host = next(iter(self.here.hosts), "the machine")
        if self._named not in (None, "", NONE):
            return f"the database that {DATABASE} names"
        if self.here.loaded.settings.vm.postgres:
            return f"PostgreSQL on {host}, in a volume of Docker's"
        return f"{self.here.names.data} on {host}"

    @property
    def archives(self) -> Path:
        return places.backups_of(self.here.loaded, self.here.layout)

    @property
    def there(self) -> bool:
        """Return whether there is a database at all."""
        if self._named is not None:
            return self._named not in ("", NONE)
        return self.here.loaded.settings.vm.postgres or len(self.here.hosts) == 1

    def revision(self, data: str) -> str:
        """Return the newest revision that a kept release knows: its deploy has brought the database to it."""
        if not self.there:
            return ""
        kept = observing.union(observing.seen_lately(self.here))
        return max((one for release in kept for one in self.knows(release)), default="")

    def knows(self, release: VmRelease | None) -> frozenset[str]:
        """Return what its record says; none for one whose image was not built here."""
        return migrations.knows(release) if release else frozenset(one.id for one in self.known(None))

    def known(self, release: VmRelease | None) -> tuple[Revision, ...]:
        if release is None:
            return schema.describe(source.find(self.here.loaded))
        return migrations.revisions(release)

    def place(self, data: str) -> str:
        return self.keeper

    def room(self) -> int:
        return 0

    def require_room_to_save(self, release: VmRelease | None, before: str = "") -> None:
        raise self._refused()

    def require_room_to_restore(self, release: VmRelease | None, size: int, before: VmRelease | None) -> None:
        raise self._refused()

    def save(self, release: VmRelease, snapshot: str, prefix: str = "", *, stays: bool = False) -> Steps:
        raise self._refused()

    def migrate(self, release: VmRelease, migration: Migration) -> Steps:
        if not self.there:
            return ()
        host, seen = observing.canary(self.here)
        known = self.known(release if self._kept(seen, release) else None)
        current = seen.active_id or seen.stopped
        return (steps.migrate(release, migration, known, (host, way.idle(seen)), before=current),)

    def _kept(self, seen: Seen, release: VmRelease) -> bool:
        """Return whether a release lies on the machine; a new one comes from the source here, which knows best."""
        return seen.released(release.id) is not None

    def lay_out(self, release: VmRelease, place: str, serving: str) -> Steps:
        raise self._refused()

    def carry(self, release: VmRelease, serving: VmRelease | None, data: str, snapshot: str) -> Steps:
        raise self._refused()

    def _refused(self) -> Usage:
        return Usage(
            f"On machines nothing is backed up or restored here: the data is in {self.keeper}.",
            hint="Use that database's own backups.",
        )
