"""A target in memory: a platform that refuses whatever a real one could not do, and the ports to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.lists import GATES
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import StepFailed, Unreachable
from decodeat_ops.core.migration import Migration, Revision
from decodeat_ops.core.outcome import Lines
from decodeat_ops.core.plan import Action, Params, Step
from decodeat_ops.core.ports import Completed, Endpoint, Response
from decodeat_ops.core.release import Release
from decodeat_ops.core.target import (
    Aftermath,
    Candidate,
    Facts,
    Instance,
    Lack,
    Move,
    Observed,
    Origin,
    Removal,
    Steps,
)
from decodeat_ops.core.view import Details, LogLine, Side
from decodeat_ops.engine.executor import Context, Do, Results

KEPT = 3  # releases


@dataclass
class Source:
    """What an operator would deploy: changed by the tests."""

    code: str = "a"
    secrets: str = "s1"
    configuration: str = "c1"
    knows: tuple[str, ...] = ("0001",)


@dataclass
class Platform:
    """What is there between two commands. Each method is one request to it, and is refused like one."""

    releases: dict[str, Release] = field(default_factory=dict)
    running: dict[str, str] = field(default_factory=dict)  # digest of the secrets that a release runs with, by its id
    draining: set[str] = field(default_factory=set)
    data: dict[str, str] = field(default_factory=dict)  # revision by generation
    traffic: str = ""
    stopped: str = ""
    writes: int = 0

    def publish(self, release: Release) -> None:
        known = self.releases.get(release.id)
        if known is not None and known != release:
            raise StepFailed(f"there is another release {release.id}")
        self.releases[release.id] = release
        self.writes += known is None

    def unpublish(self, name: str) -> None:
        if name in self.running:
            raise StepFailed(f"{name} runs")
        self.writes += self.releases.pop(name, None) is not None

    def start(self, name: str, secrets: str) -> None:
        if name not in self.releases:
            raise StepFailed(f"there is no release {name}")
        if self.running.get(name, secrets) != secrets:
            raise StepFailed(f"{name} runs with other secrets")
        self.writes += name not in self.running
        self.draining.discard(name)
        self.running[name] = secrets
        self.releases[name] = replace(self.releases[name], secrets=secrets)

    def end(self, name: str) -> None:
        if self.traffic == name:
            raise StepFailed(f"clients use {name}")
        self.writes += self.running.pop(name, None) is not None
        self.draining.discard(name)

    def route(self, name: str) -> None:
        if name and name not in self.running:
            raise StepFailed(f"{name} does not run")
        self.writes += self.traffic != name
        self.traffic = name

    def drain(self, name: str) -> None:
        if self.traffic == name:
            raise StepFailed(f"clients use {name}")
        if name in self.running:
            self.draining.add(name)
            self.writes += 1


Act = Callable[[Platform, Context, Params], Results | None]


def _publish(platform: Platform, context: Context, params: Params) -> None:
    release = Release(**params["release"])
    platform.data.setdefault(release.data, "")
    platform.publish(release)


def _unpublish(platform: Platform, context: Context, params: Params) -> None:
    release = Release(**params["release"])
    platform.unpublish(release.id)
    if release.data == release.id and not any(one.data == release.data for one in platform.releases.values()):
        platform.data.pop(release.data, None)


def _serve(platform: Platform, context: Context, params: Params) -> None:
    known = platform.releases[params["release"]]
    platform.releases[known.id] = replace(known, data=params["data"])


def _wait(platform: Platform, context: Context, params: Params) -> None:
    for name in params["releases"]:
        platform.end(name)


def _migrate(platform: Platform, context: Context, params: Params) -> Results:
    before = platform.data[params["data"]]
    platform.data[params["data"]] = max(before, params["to"])
    return {"before": before}


def _start(platform: Platform, context: Context, params: Params) -> None:
    platform.start(params["release"], params["secrets"])


def _unstart(platform: Platform, context: Context, params: Params) -> None:
    if params["draining"]:
        platform.drain(params["release"])
    elif params["release"] in platform.releases:
        platform.end(params["release"])


def _probe(platform: Platform, context: Context, params: Params) -> Results:
    if params["release"] not in platform.running:
        raise StepFailed(f"{params['release']} does not answer")
    return {"seconds": 0.0}


def _route(platform: Platform, context: Context, params: Params) -> None:
    platform.route(params["release"])
    platform.stopped = params.get("stopped", "")


def _drain(platform: Platform, context: Context, params: Params) -> None:
    for name in params["releases"]:
        platform.drain(name)


def _prune(platform: Platform, context: Context, params: Params) -> None:
    for name in params["releases"]:
        platform.end(name)
        platform.unpublish(name)


def _delete(platform: Platform, context: Context, params: Params) -> Results:
    for name in [*platform.releases]:
        platform.end(name)
        platform.unpublish(name)
    platform.stopped = ""
    if not params["data"]:
        platform.data.clear()
    return {"stays": "its data" if platform.data else ""}


ACTS: Mapping[str, Act] = {
    "publish": _publish,
    "unpublish": _unpublish,
    "serve-data": _serve,
    "wait": _wait,
    "migrate": _migrate,
    "start": _start,
    "unstart": _unstart,
    "probe": _probe,
    "route": _route,
    "drain": _drain,
    "prune": _prune,
    "delete": _delete,
    "nothing": lambda platform, context, params: None,
}


def _step(name: str, do: str, undo: Action | None = None, *, after_commit: bool = False, **params: Any) -> Step:
    return Step(name, name, Action(do, params), undo, after_commit=after_commit)


@dataclass(frozen=True)
class MemoryTarget:
    """Say how releases get into service on that platform."""

    platform: Platform
    source: Source
    name: str = "memory"
    place: str = "memory"
    release_type: type[Release] = Release

    @property
    def actions(self) -> Mapping[str, Do]:
        return {name: partial(act, self.platform) for name, act in ACTS.items()}

    def observe(self) -> Observed[Release]:
        platform = self.platform
        active = platform.releases.get(platform.traffic)
        return Observed(
            active=active,
            stopped=platform.releases.get(platform.stopped) if not active else None,
            releases=tuple(sorted(platform.releases.values(), key=lambda one: one.order, reverse=True)),
            draining=frozenset(platform.draining),
            instances=tuple(
                Instance(name, "draining" if name in platform.draining else "running") for name in platform.running
            ),
            running=frozenset(platform.running),
            left="" if platform.releases else next(iter(sorted(platform.data, reverse=True)), ""),
        )

    def secrets_digest(self) -> str:
        return self.source.secrets

    def candidate(self) -> Candidate[Release]:
        source = self.source
        release = Release(
            id="",
            fingerprint=f"{source.code}{source.configuration}".encode().hex().ljust(7, "0"),
            code=source.code,
            lock="l",
            secrets=source.secrets,
            revision="",
            created_at="",
            created_by="",
            origin="",
            data="",
        )
        return Candidate(release, Origin("built", Path("/source")))

    def verify(self, release: Release, origin: Origin, observed: Observed[Release]) -> Facts:
        return ()

    def move(self, release: Release, origin: Origin | None, observed: Observed[Release]) -> Move:
        old, name = observed.active_id, release.id
        if origin is None and old == name and observed.serving:
            return Move()
        recorded = origin.of if origin is not None and origin.how == "kept" else None
        back = recorded is not None and recorded.secrets == release.secrets and name in observed.draining
        others = sorted(observed.draining - ({name} if back else set()))
        return Move(
            prepare=self._prepare(release, origin),
            clear=(_step("wait", "wait", releases=others),) if others else (),
            start=(
                _step(
                    "start",
                    "start",
                    Action("unstart", {"release": name, "draining": back}),
                    release=name,
                    secrets=release.secrets,
                ),
                _step("probe", "probe", release=name),
            ),
            admit=(
                _step(
                    "route",
                    "route",
                    Action("route", {"release": old, "stopped": observed.stopped.id if observed.stopped else ""}),
                    release=name,
                ),
            ),
            retire=(
                *((_step("drain", "drain", releases=[old], after_commit=True),) if old and old != name else ()),
                _step("prune", "prune", releases=self._beyond(release, observed), after_commit=True),
            ),
            private="memory",
        )

    def _prepare(self, release: Release, origin: Origin | None) -> Steps:
        if origin is None:
            return ()
        if origin.how == "kept" and origin.of is not None:
            before = Action("serve-data", {"release": release.id, "data": origin.of.data})
            return (_step("data", "serve-data", before, release=release.id, data=release.data),)
        made = release.as_json()
        return (_step("publish", "publish", Action("unpublish", {"release": made}), release=made),)

    def _beyond(self, release: Release, observed: Observed[Release]) -> list[str]:
        safe = {release.id, observed.active_id, *observed.draining}
        newest = sorted({one.id: one for one in (release, *observed.releases)}.values(), key=lambda one: one.order)
        return [one.id for one in newest[:-KEPT] if one.id not in safe]

    def settle(self, release: Release) -> Release:
        return release

    def lacking(self, observed: Observed[Release]) -> Lack:
        return Lack()

    def halt(self, observed: Observed[Release]) -> Steps:
        active = observed.active
        if active is None:
            return ()
        back = Action("route", {"release": active.id})
        return (
            _step("unroute", "route", back, release="", stopped=active.id),
            _step("end", "wait", releases=sorted(observed.running), after_commit=True),
        )

    def after_deploy(self, results: Mapping[str, Mapping[str, Any]]) -> Aftermath:
        return Aftermath(blocks=(Lines(()),))

    def remove(self, observed: Observed[Release], keep: frozenset[str]) -> Removal:
        if not observed.releases and ("data" in keep or not observed.left):
            return Removal()
        steps = (*self.halt(observed), _step("delete", "delete", data="data" in keep, after_commit=True))
        return Removal(steps)


@dataclass(frozen=True)
class MemoryData:
    """Data that is nothing but its revision."""

    platform: Platform
    source: Source
    archives: Path
    keeper: str = ""

    def revision(self, data: str) -> str:
        return self.platform.data.get(data, "")

    def knows(self, release: Release | None) -> frozenset[str]:
        return frozenset(self.source.knows)

    def known(self, release: Release | None) -> tuple[Revision, ...]:
        return tuple(Revision(one, "", reversible=True, lossless=True) for one in self.source.knows)

    def place(self, data: str) -> str:
        return data

    def room(self) -> int:
        return 2**40

    def require_room_to_save(self, release: Release | None, before: str = "") -> None:
        """There is always room."""

    def require_room_to_restore(self, release: Release | None, size: int, before: Release | None) -> None:
        """There is always room."""

    def save(self, release: Release, snapshot: str, prefix: str = "", *, stays: bool = False) -> Steps:
        return (_step(f"{prefix}archive", "nothing"),)

    def migrate(self, release: Release, migration: Migration) -> Steps:
        newest = max(self.source.knows)
        return (_step("migrate", "migrate", Action("nothing"), data=release.data, to=newest),)

    def lay_out(self, release: Release, place: str, serving: str) -> Steps:
        return ()

    def carry(self, release: Release, serving: Release | None, data: str, snapshot: str) -> Steps:
        return ()


class NoHttp:
    """Nothing here speaks HTTP; the checks ask the platform."""

    def request(
        self,
        endpoint: Endpoint,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> Response:
        raise Unreachable("memory has no HTTP")


@dataclass(frozen=True)
class NoLog:
    """A log without lines."""

    place: str = "memory"

    def last(self, count: int) -> Sequence[LogLine]:
        return ()

    def follow(self, count: int, switched: Callable[[str], None]) -> Any:
        yield from ()


@dataclass(frozen=True)
class MemoryView:
    """Look at the platform."""

    platform: Platform
    http: NoHttp = field(default_factory=NoHttp)
    salt: str = "salt"
    doctor: tuple[str, ...] = ()
    doctor_asks: bool = True

    @property
    def checks(self) -> Mapping[str, Check]:
        return {
            name: Check(name, partial(self._runs, name)) for name in (*GATES.before, *GATES.candidate, *GATES.after)
        }

    @property
    def proves(self) -> Mapping[str, tuple[str, ...]]:
        return {}

    def _runs(self, check: str, subject: Subject) -> Finding:
        release = subject.release
        wrong = release is None or release.id not in self.platform.releases
        if subject.endpoint is not None and release is not None:
            wrong = release.id not in self.platform.running
        return answer(
            check, Status.FAIL if wrong else Status.PASS, "release.none" if wrong else "disk.room", free=1, inodes=1
        )

    def current_id(self) -> str:
        return self.platform.traffic or self.platform.stopped

    def active(self) -> Release | None:
        return self.platform.releases.get(self.platform.traffic)

    def release(self, name: str) -> Release | None:
        return self.platform.releases.get(name)

    def endpoint(self, release: Release, side: Side) -> Endpoint | None:
        return Endpoint(port=1)

    def headers(self, release: Release) -> Mapping[str, str] | None:
        return {}

    def variables(self, release: Release | None) -> Mapping[str, str]:
        return {}

    def service(self, release: Release | None, *words: str, bare: bool = False) -> Completed | None:
        return None

    def log(self, release: str, part: str = "") -> NoLog:
        return NoLog()

    def files(self, release: str) -> Mapping[str, str]:
        return {}

    def details(self, observed: Observed[Release]) -> Details:
        return Details(next=("decodeat-ops start",) if observed.active is None else ())
