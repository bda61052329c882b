"""Tell what each machine of a deployment serves and has: colours, the edge, its certificate, room."""

from dataclasses import dataclass, field
from typing import Any

from decodeat_ops.core import certificate
from decodeat_ops.core.certificate import Certificate
from decodeat_ops.core.outcome import Cell
from decodeat_ops.core.view import Details
from decodeat_ops.settings.vm import Vm
from decodeat_ops.targets.vm.names import COLOURS
from decodeat_ops.targets.vm.observed import Container, Seen, VmObserved
from decodeat_ops.targets.vm.observing import ended
from decodeat_ops.targets.vm.seen import release_of
from decodeat_ops.targets.vm.way import stands

GIB = 1024**3
LOW_BYTES = 2 * GIB
SOON_DAYS, LATE_DAYS = 21, 7  # before a certificate ends: it should have been renewed by then, and it must be


def details(vm: Vm, observed: VmObserved) -> Details:
    """Return rows for each machine, what is wrong there, and the commands that mend it."""
    report = _Report(vm)
    for seen in observed.hosts:
        report.machine(seen)
    if observed.mixed:
        report.mixed(observed)
    mend = _mend(observed, whole=all(stands(one, vm) for one in observed.hosts))
    return Details(_since(observed), tuple(report.rows), {"hosts": report.hosts}, tuple(report.wrong), mend)


def _since(observed: VmObserved) -> str:
    """Return when the first machine's clients got to the release that serves, "" when it does not run."""
    seen = next((one for one in observed.hosts if one.active_id and one.active_id == observed.active_id), None)
    container = seen.containers.get(seen.active) if seen and seen.active else None
    if seen is None or container is None or not container.up:
        return ""
    return max(seen.switched, container.since)  # it may have been started again since


def _mend(observed: VmObserved, *, whole: bool) -> tuple[str, ...]:
    """Return the commands that help: what was stopped is started, machines apart from the rest get what serves.

    `whole` is whether all that stands beside the release runs. None of them helps while a machine is silent: a change
    needs them all.
    """
    if observed.silent:
        return ("decodeat-ops doctor",)
    if observed.stopped is not None:
        return ("decodeat-ops start",)
    if observed.active is not None and (observed.mixed or not observed.serving or not whole):
        return ("decodeat-ops start", "decodeat-ops deploy")
    return ()


def read(pem: str) -> Certificate | None:
    """Return the certificate that nginx is given, None when there is none that can be read."""
    try:
        return certificate.of_pem(pem)
    except ValueError:
        return None


@dataclass
class _Report:
    """Collect rows for people, JSON for programs, and what is wrong."""

    vm: Vm
    rows: list[tuple[str, Cell]] = field(default_factory=list)
    hosts: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def machine(self, seen: Seen) -> None:
        if seen.silent or seen.problem:
            self.rows.append((seen.host, (seen.problem, "bad")))
            self.wrong.append(f"{seen.host}: {seen.problem}")
            if seen.silent:
                self.hosts.append({"host": seen.host, "problem": seen.problem, "silent": True})
                return
        self.rows.append((seen.host, self._serves(seen)))
        self._colours(seen)
        self._edge(seen)
        self._certificate(seen)
        self.rows.append(("  room", _room(seen)))
        for path, why in seen.damaged.items():
            self.rows.append(("  damaged", (f"{path}: {why}", "warn")))
            self.wrong.append(f"{path} on {seen.host} is damaged: {why}")
        self.hosts.append(as_json(seen))

    def _serves(self, seen: Seen) -> Cell:
        if seen.engine_problem:
            self.wrong.append(f"{seen.host}: {seen.engine_problem}")
            return seen.engine_problem, "bad"
        if seen.maintenance:
            self.wrong.append(f"{seen.host} is in maintenance")
            return f"{seen.active_id or 'nothing'}, and maintenance is on: clients get 503", "warn"
        if not seen.active_id:
            return (f"{seen.stopped}, stopped", "warn") if seen.stopped else ("nothing", "warn")
        since = f", since {seen.switched}" if seen.switched else ""
        return f"{seen.active_id} in {seen.active}{since}", "good"

    def _colours(self, seen: Seen) -> None:
        for colour in COLOURS:
            container = seen.containers.get(colour)
            if container is None:
                continue
            active = colour == seen.active
            if active or container.up:
                self.rows.append((f"  {colour}", _shown(container, active=active)))
            if active and (not container.up or container.state == "restarting"):
                self.wrong.append(f"{colour} on {seen.host}, which clients reach, is {container.state}")
            elif active and container.health == "unhealthy":
                self.wrong.append(f"{colour} on {seen.host}, which clients reach, is unhealthy")
        if seen.active and seen.active not in seen.containers and not seen.engine_problem:
            self.wrong.append(f"{seen.active} on {seen.host}, which clients reach, has no container")

    def _edge(self, seen: Seen) -> None:
        if not seen.active_id and not seen.stopped:
            return
        parts = ("nginx", *(("redis",) if self.vm.redis else ()), *(("postgres",) if self.vm.postgres else ()))
        said, tone = [], "good"
        for part in parts:
            container = seen.containers.get(part)
            state = (container.health or container.state) if container else "missing"
            said.append(f"{part} {state}")
            if container is None or container.state != "running" or container.health == "unhealthy":
                tone = "bad"
                self.wrong.append(f"{part} on {seen.host} is {state}")
        self.rows.append(("  edge", (", ".join(said) + (f", {seen.edge}" if seen.edge else ""), tone)))

    def _certificate(self, seen: Seen) -> None:
        if not seen.certificate:
            return
        found = read(seen.certificate)
        if found is None:
            self.rows.append(("  certificate", ("it can't be read", "bad")))
            self.wrong.append(f"the certificate on {seen.host} can't be read")
            return
        days = found.days_left()
        by = "self-signed" if found.self_signed else f"by {found.issuer}"
        tone = "bad" if days < LATE_DAYS else ("warn" if days < SOON_DAYS else "good")
        self.rows.append(("  certificate", (f"{', '.join(found.names)}, {by}, {days:.0f} days left", tone)))
        if days < LATE_DAYS:
            self.wrong.append(f"the certificate on {seen.host} ends in {max(0.0, days):.0f} days")

    def mixed(self, observed: VmObserved) -> None:
        apart = [one for one in observed.hosts if not one.silent and one.active_id != observed.active_id]
        told = ", ".join(f"{one.host} {one.active_id or 'nothing'}" for one in apart)
        self.wrong.append(f"machines serve different things: {told}")


def _room(seen: Seen) -> Cell:
    if seen.free_bytes < 0:
        return "unknown: it does not tell what is free", "warn"
    return f"{seen.free_bytes / GIB:.1f} GiB free", "warn" if seen.free_bytes < LOW_BYTES else "muted"


def _shown(container: Container, *, active: bool) -> Cell:
    state = container.state if active or not container.up else "draining"
    text = f"{container.release}, {state}" if not active else state
    text += f", {container.health}" if container.health else ""
    text += f" since {container.since}" if container.since else ""
    if container.restarts:
        text += f", {container.restarts} restarts" + (f" (last: {last})" if (last := ended(container)) else "")
    sick = container.state != "running" or container.health == "unhealthy"
    if not active:
        return text, "warn"
    return text, "bad" if sick else ("warn" if container.restarts else "good")


def as_json(seen: Seen) -> dict[str, Any]:
    """Return what a machine has as JSON; no secret and no variable is in it."""
    found = read(seen.certificate) if seen.certificate else None
    return {
        "host": seen.host,
        "problem": seen.problem or seen.engine_problem,
        "silent": False,
        "release": seen.active_id or None,
        "active": seen.active,
        "since": seen.switched,
        "stopped": seen.stopped or None,
        "colours": {colour: release_of(seen, colour) for colour in COLOURS if release_of(seen, colour)},
        "containers": {
            part: {
                "state": one.state, "health": one.health, "release": one.release, "image": one.image,
                "since": one.since, "restarts": one.restarts, "last_exit": ended(one),
            }
            for part, one in seen.containers.items()
        },
        "edge": seen.edge,
        "maintenance": seen.maintenance,
        "certificate": {
            "names": list(found.names), "ends": found.ends.isoformat(), "issuer": found.issuer,
            "serial": found.serial, "fingerprint": found.fingerprint,
        } if found else None,
        "free_bytes": seen.free_bytes if seen.free_bytes >= 0 else None,
        "engine": seen.engine,
        "compose": seen.compose,
        "damaged": dict(seen.damaged),
    }  # fmt: skip
