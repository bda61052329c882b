"""Name the paths of everything below a deployment's state directory; no I/O."""

from dataclasses import dataclass
from pathlib import Path

from decodeat_ops.core.errors import Configuration

STATE_FORMAT = 1


def is_id(name: str) -> bool:
    """Return whether a name can be a release's id: letters, digits, hyphens, so that it leads to no other directory."""
    return name.isascii() and name.replace("-", "").isalnum()


@dataclass(frozen=True)
class Layout:
    """Hold the paths of one deployment.

    A release is a directory; `active` is a relative link to the one that takes traffic, and renaming that link
    is the switch. A file `wants/<release>` asks the supervisor to run a release; renamed to
    `wants/<release>.drain`, it asks the supervisor to let the release finish and to stop it.
    """

    root: Path

    @property
    def format_file(self) -> Path:
        return self.root / "format.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def journals(self) -> Path:
        return self.root / "journal"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def active(self) -> Path:
        return self.root / "active"

    @property
    def stopped(self) -> Path:
        """Return the path to which the active link is moved while the operator has stopped the service."""
        return self.root / "stopped"

    @property
    def wants(self) -> Path:
        return self.root / "wants"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def served(self) -> Path:
        """Return the link to the data generation that a removed deployment served last."""
        return self.data / ".served"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def staging(self) -> Path:
        """Return the directory of unfinished files; all of it may be removed while no command holds the lock."""
        return self.root / "staging"

    @property
    def records(self) -> Path:
        return self.root / "records"

    @property
    def supervisor_lock(self) -> Path:
        return self.run / "supervisor.lock"

    @property
    def supervisor_status(self) -> Path:
        return self.run / "supervisor.json"

    @property
    def supervisor_log(self) -> Path:
        return self.logs / "supervisor.log"

    def release(self, release: str) -> Path:
        return self.releases / _checked(release)

    def manifest(self, release: str) -> Path:
        """Return the file that describes the release (core.release.Release as JSON)."""
        return self.release(release) / "release.json"

    def code(self, release: str) -> Path:
        """Return the directory that holds the package directory `decodeat/`."""
        return self.release(release) / "code"

    def environment(self, release: str) -> Path:
        return self.release(release) / "service.env"

    def secrets(self, release: str) -> Path:
        """Return the file of secrets (0600): written when a command starts the release, removed once it has stopped."""
        return self.release(release) / "secrets.env"

    def config(self, release: str) -> Path:
        """Return the directory of the rendered configuration."""
        return self.release(release) / "config"

    def unit(self, release: str) -> Path:
        """Return the file that says what the supervisor runs (supervisor.unit.Unit as JSON)."""
        return self.release(release) / "unit.json"

    def release_data(self, release: str) -> Path:
        """Return the relative link to the data generation that the release serves."""
        return self.release(release) / "data"

    def want(self, release: str) -> Path:
        return self.wants / _checked(release)

    def drain(self, release: str) -> Path:
        return self.wants / f"{_checked(release)}.drain"

    def socket(self, release: str) -> Path:
        """Return the release's private socket: probes use it, clients never do."""
        return self.run / f"{_checked(release)}.sock"

    def busy(self, release: str) -> Path:
        """Return the file on which workers hold a shared lock while they have client connections."""
        return self.run / f"{_checked(release)}.busy"

    def metrics(self, release: str) -> Path:
        """Return the link to the directory in memory where its workers share their counters.

        On a machine without such a directory, the path is that directory itself, on disk.
        """
        return self.run / f"{_checked(release)}.metrics"

    def log(self, release: str) -> Path:
        return self.logs / f"{_checked(release)}.log"

    def generation(self, name: str) -> Path:
        return self.data / name

    def database(self, generation: str) -> Path:
        return self.generation(generation) / "decodeat.sqlite3"


def _checked(release: str) -> str:
    """Return the id, checked before it becomes part of a path. Raises `Configuration` for one that leads elsewhere."""
    if not is_id(release):
        raise Configuration(
            f"{release!r} is not the id of a release.",
            hint="Ids hold letters, digits and hyphens; `decodeat-ops releases` lists them.",
        )
    return release
