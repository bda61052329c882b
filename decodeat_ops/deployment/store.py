"""Read what is on disk of one deployment: releases, which one serves, what the supervisor says of them."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from decodeat_ops import __version__
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.layout import STATE_FORMAT, Layout, is_id
from decodeat_ops.core.ports import Endpoint
from decodeat_ops.deployment import files, manifest
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.supervisor import account
from decodeat_ops.supervisor.process import adopt, stopped

SILENT_SECONDS = 10.0  # a supervisor writes its status every second; later on an extremely busy machine
FORMAT_HINT = (
    "Remove that file and deploy: it is written anew, and as digests of secrets then differ, a new release is made."
)


@dataclass(frozen=True)
class Supervised:
    """Hold the supervisor's status of one release. `since` is ISO 8601; `restarts` counts crashes that it has seen."""

    state: str  # starting, blocked, running, backing-off, draining, stopping
    pid: int = 0
    since: str = ""
    restarts: int = 0
    last_exit: str = ""
    problem: str = ""
    no_port: bool = False  # the problem is that its address can't be listened on


@dataclass(frozen=True)
class Supervisor:
    """Hold the supervisor's own status.

    `alive`: it holds its lock, works for this directory and has written its status lately. `stuck`: it holds the lock,
    so that no other can start beside it, but is not `alive`. `older`: it is of an earlier version than this tool, and
    the next change replaces it.
    """

    alive: bool
    stuck: bool = False
    older: bool = False
    pid: int = 0
    standby: int = 0
    version: str = ""
    started_at: str = ""
    listening: tuple[str, ...] = ()
    releases: dict[str, Supervised] = field(default_factory=dict)


class Store:
    """Read one deployment's state directory. `check_format` refuses one that a newer version wrote."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def check_place(self) -> None:
        """Raise `Configuration` when the place can't hold a state directory, or this user may not read it."""
        root = self.layout.root
        above = next(path for path in (root, *root.parents) if os.path.lexists(path))
        if not above.is_dir():
            raise Configuration(
                f"The state can't lie in {root}: {above} is not a directory.",
                hint="Set local.state_dir to a directory of its own, or move that file away.",
                where=str(above),
            )
        if above == root and not os.access(root, os.R_OK | os.X_OK):
            raise Configuration(
                f"The state in {root} belongs to another user: you may not read it.",
                hint="Run decodeat-ops as the user who deployed it, or set local.state_dir to a directory of your own.",
                where=str(root),
            )

    def check_format(self) -> None:
        """Raise `Configuration` for state of a newer version, before anything else is read or written."""
        path = self.layout.format_file
        found = manifest.read_json(path, FORMAT_HINT)
        if found is not None and manifest.format_of(found, path, FORMAT_HINT) > STATE_FORMAT:
            raise Configuration(
                f"The state in {self.layout.root} was written by a newer version of decodeat-ops "
                f"(format {found['format']}, this one knows {STATE_FORMAT}).",
                hint="Use that version or a later one.",
                where=str(path),
            )

    def get(self, release: str) -> LocalRelease | None:
        """Return a release, None when it is not there. Raises `Configuration` when its manifest is damaged or newer."""
        serves = release in (self.active_id(), self.stopped_id())
        return manifest.read_release(self.layout.manifest(release), serves=serves)

    def releases(self) -> tuple[LocalRelease, ...]:
        """Return every whole release, newest first, without copies of a release under another name."""
        if not self.layout.releases.is_dir():
            return ()
        found = ((name, self.get(name)) for name in _names(self.layout.releases) if is_id(name))
        whole = (release for name, release in found if release is not None and release.id == name)
        return tuple(sorted(whole, key=lambda release: release.order, reverse=True))

    def active_id(self) -> str:
        """Return the id of the release that takes traffic, "" when none does."""
        return _link(self.layout.active)

    def stopped_id(self) -> str:
        """Return the id of the release that served when the operator stopped the service, else ""."""
        return _link(self.layout.stopped)

    def active(self) -> LocalRelease | None:
        """Return the release that takes traffic, None without one. Raises `Configuration` when it has no manifest."""
        return self._linked(self.active_id())

    def stopped(self) -> LocalRelease | None:
        """Return the release that `start` brings back, None without one. Raises `Configuration` as `active` does."""
        return self._linked(self.stopped_id())

    def _linked(self, name: str) -> LocalRelease | None:
        if not name:
            return None
        release = self.get(name)
        if release is None:
            raise manifest.missing(self.layout.manifest(name))
        return release

    def generations(self) -> tuple[str, ...]:
        """Return the names of the data generations on disk, newest first."""
        return tuple(sorted(_names(self.layout.data), reverse=True))

    def left(self) -> str:
        """Return the generation that a removed deployment served last, else the newest by name, else ""."""
        generations = self.generations()
        served = _link(self.layout.served)
        return served if served in generations else next(iter(generations), "")

    def wanted(self) -> frozenset[str]:
        return frozenset(filter(is_id, _names(self.layout.wants)))

    def draining(self) -> frozenset[str]:
        names = (n.removesuffix(".drain") for n in _names(self.layout.wants) if n.endswith(".drain"))
        return frozenset(filter(is_id, names))

    def supervisor(self) -> Supervisor:
        held = files.is_locked(self.layout.supervisor_lock)
        try:
            return self._told(_status(self.layout.supervisor_status) or {}, held)
        except (AttributeError, TypeError, ValueError):
            return self._told({}, held)  # damaged: treated as if nothing had been written

    def _told(self, raw: dict[str, Any], held: bool) -> Supervisor:
        alive = held and self._answers(raw)
        releases = {
            name: Supervised(**{k: v for k, v in entry.items() if k in {f.name for f in fields(Supervised)}})
            for name, entry in raw.get("releases", {}).items()
        }
        return Supervisor(
            alive=alive,
            stuck=held and not alive,
            older=alive and _age(raw) < (account.FORMAT, _numbers(__version__)),
            pid=raw.get("pid", 0) if held else 0,
            standby=raw.get("standby", 0) if alive else 0,
            version=raw.get("version", ""),
            started_at=raw.get("started_at", ""),
            listening=tuple(raw.get("listening", ())) if alive else (),
            releases=releases if alive else {},
        )

    def _answers(self, raw: dict[str, Any]) -> bool:
        """Return whether a status is up to date and of this directory, which can be moved while its lock is held."""
        if not raw or raw.get("root", str(self.layout.root)) != str(self.layout.root):
            return False
        if "beat" in raw:
            return 0 <= time.monotonic() - float(raw["beat"]) < SILENT_SECONDS
        # Written by a version without `beat`: whether the process is stopped is all that can be seen from outside.
        return not stopped(int(raw.get("pid", 0)))

    def running(self, supervisor: Supervisor) -> frozenset[str]:
        """Return the releases whose process runs, from the supervisor or, if none answers, from the process table."""
        if supervisor.alive:
            return frozenset(name for name, known in supervisor.releases.items() if known.pid)
        found = adopt(self.layout)
        for process in found.values():
            process.close()
        return frozenset(found)

    def private(self, release: str) -> Endpoint:
        """Return the release's private socket, which probes use."""
        return Endpoint(unix=self.layout.socket(release))

    def public(self, release: LocalRelease) -> Endpoint:
        """Return the address that clients use as seen from this machine: a wildcard address becomes the loopback."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(release.host, release.host)  # noqa: S104 - compared, not bound
        return Endpoint(host=host, port=release.port)


def _age(raw: dict[str, Any]) -> tuple[int, tuple[int, ...]]:
    """Return the sort key of supervisors: format of their status file, then version."""
    return int(raw.get("format", account.FORMAT)), _numbers(str(raw.get("version", "")))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _status(path: Path) -> dict[str, Any] | None:
    """Read the supervisor's status. It is overwritten in place, to need no disk space: a torn read is tried again."""
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
    """Return the name that a link leads to, "" when it is missing. Raises `Configuration` when it is no link."""
    try:
        return path.readlink().name
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise Configuration(
            f"{path} can't be read as a link: {error.strerror}.",
            hint="What serves goes on. Look at what is there, then put the link back: "
            f"`ln -sfn releases/RELEASE {path}`.",
            where=str(path),
        ) from error


def _names(directory: Path) -> Iterator[str]:
    if directory.is_dir():
        yield from (p.name for p in directory.iterdir() if not p.name.startswith("."))
