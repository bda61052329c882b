"""What is on disk of one deployment: releases, which one serves, what the supervisor says of them."""

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.layout import STATE_FORMAT, Layout
from decodeat_ops.core.ports import Endpoint
from decodeat_ops.core.release import FORMAT as RELEASE_FORMAT
from decodeat_ops.core.release import Release


@dataclass(frozen=True)
class Supervised:
    """What the supervisor says of one release. `since` is ISO 8601; `restarts` counts crashes since it was wanted."""

    state: str  # starting, running, backing-off, draining, stopped
    pid: int = 0
    since: str = ""
    restarts: int = 0
    last_exit: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Supervisor:
    """The supervisor's own account; `alive` is proven by its lock, not by its word."""

    alive: bool
    pid: int = 0
    standby: int = 0
    version: str = ""
    started_at: str = ""
    listening: tuple[str, ...] = ()
    releases: dict[str, Supervised] = field(default_factory=dict)


class Store:
    """Reads one deployment's state directory; raises `Configuration` when a newer version wrote it."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def check_format(self) -> None:
        """Refuse state of a newer version before anything is read or written."""
        found = _json(self.layout.format_file)
        if found is not None and int(found.get("format", 0)) > STATE_FORMAT:
            raise Configuration(
                f"The state in {self.layout.root} was written by a newer version of decodeat-ops "
                f"(format {found['format']}, this one knows {STATE_FORMAT}).",
                hint="Use that version or a later one; nothing was touched.",
            )

    def exists(self) -> bool:
        return self.layout.format_file.exists()

    def get(self, release: str) -> Release | None:
        raw = _json(self.layout.manifest(release))
        if raw is None:
            return None
        if int(raw.get("format", 0)) > RELEASE_FORMAT:
            raise Configuration(
                f"Release {release} was written by a newer version of decodeat-ops.",
                hint="Use that version or a later one.",
            )
        known = {f.name for f in fields(Release)}
        try:
            return Release(**{name: value for name, value in raw.items() if name in known})
        except TypeError as error:
            raise Configuration(
                f"{self.layout.manifest(release)} is damaged: {error}.",
                hint="Restore a backup, or remove that release's directory if another one serves.",
            ) from error

    def releases(self) -> tuple[Release, ...]:
        """Every whole release, newest first."""
        if not self.layout.releases.is_dir():
            return ()
        names = sorted((p.name for p in self.layout.releases.iterdir() if not p.name.startswith(".")), reverse=True)
        return tuple(r for r in map(self.get, names) if r is not None)

    def active_id(self) -> str:
        """The release that takes traffic, "" when none does."""
        return _link(self.layout.active)

    def stopped_id(self) -> str:
        """The release that was serving when the operator stopped the service, "" otherwise."""
        return _link(self.layout.stopped)

    def active(self) -> Release | None:
        name = self.active_id()
        return self.get(name) if name else None

    def previous(self, of: Release) -> Release | None:
        """The newest older release made of something else; a restart's copy is not worth going back to."""
        for release in self.releases():
            if release.id < of.id and (release.fingerprint != of.fingerprint):
                return release
        return None

    def wanted(self) -> frozenset[str]:
        return frozenset(n for n in _names(self.layout.wants) if not n.endswith(".drain"))

    def draining(self) -> frozenset[str]:
        return frozenset(n.removesuffix(".drain") for n in _names(self.layout.wants) if n.endswith(".drain"))

    def supervisor(self) -> Supervisor:
        raw = _status(self.layout.supervisor_status) or {}
        alive = _locked(self.layout.supervisor_lock)
        releases = {
            name: Supervised(**{k: v for k, v in entry.items() if k in {f.name for f in fields(Supervised)}})
            for name, entry in raw.get("releases", {}).items()
        }
        return Supervisor(
            alive=alive,
            pid=raw.get("pid", 0) if alive else 0,
            standby=raw.get("standby", 0) if alive else 0,
            version=raw.get("version", ""),
            started_at=raw.get("started_at", ""),
            listening=tuple(raw.get("listening", ())) if alive else (),
            releases=releases if alive else {},
        )

    def private(self, release: str) -> Endpoint:
        """The release's own socket, which probes use."""
        return Endpoint(unix=self.layout.socket(release))

    def public(self, release: Release) -> Endpoint:
        """The address clients use; every address counts as this machine's own loopback when asked from here."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(release.host, release.host)  # noqa: S104 - compared, not bound
        return Endpoint(host=host, port=release.port)


def _json(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return None
    except ValueError as error:
        raise Configuration(
            f"{path} is damaged: {error}.", hint="Restore a backup with `decodeat-ops restore`."
        ) from error
    if not isinstance(data, dict):
        raise Configuration(f"{path} is damaged: not a JSON object.", hint="Restore a backup.")
    return data


def _status(path: Path) -> dict[str, Any] | None:
    """The supervisor overwrites its status in place (that needs no disk space), so a read may be torn: try again."""
    for _ in range(20):
        try:
            data = json.loads(path.read_bytes().rstrip(b"\0 \n") or b"{}")
        except FileNotFoundError:
            return None
        except ValueError:
            continue
        return data if isinstance(data, dict) else None
    return None


def _link(path: Path) -> str:
    try:
        return path.readlink().name
    except OSError:
        return ""


def _names(directory: Path) -> Iterator[str]:
    if directory.is_dir():
        yield from (p.name for p in directory.iterdir() if not p.name.startswith("."))


def _locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
