"""Tell what a service on ECS consists of: deployments, tasks, targets and alarms, and who asks."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.outcome import Cell
from decodeat_ops.core.view import Details
from decodeat_ops.targets.ecs import identity, revisions, shift
from decodeat_ops.targets.ecs.alarms import RINGS, alarms
from decodeat_ops.targets.ecs.observed import COMPLETED, FAILED, PRIMARY, Deployment, EcsObserved, ServiceState
from decodeat_ops.targets.ecs.ours import ACTIVE, label
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.target_health import HEALTHY, target_health
from decodeat_ops.targets.ecs.tasks import Task, tasks

ENDED = 3  # tasks that have stopped, the newest, that are shown
CRASHES = frozenset({"EssentialContainerExited", "TaskFailedToStart"})
T = TypeVar("T")


def details(place: Place, observed: EcsObserved) -> Details:
    """Return the service and what it consists of. What may not be read is said, and hides nothing else."""
    service = observed.service
    if service is None:
        return Details(next=("decodeat-ops deploy",))
    report = _Report(place)
    report.service(service, observed)
    report.deployments(service)
    report.tasks()
    report.targets(service)
    report.alarms()
    serves = service.reached or service.primary
    since = serves.created_at if serves and (observed.reached or observed.active) and service.running else ""
    return Details(since, tuple(report.rows), report.told, tuple(report.wrong), _mend(observed))


def _mend(observed: EcsObserved) -> tuple[str, ...]:
    """Return the commands that help: what was stopped is started, what is nobody's release is replaced."""
    if observed.stopped is not None:
        return ("decodeat-ops start",)
    if observed.active is not None:
        return ()
    back = ("decodeat-ops rollback",) if observed.releases else ()
    return (*back, "decodeat-ops deploy")


@dataclass
class _Report:
    """Collect rows for people, JSON for programs, and what is wrong."""

    place: Place
    rows: list[tuple[str, Cell]] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def ask(self, what: str, read: Callable[[], T]) -> T | None:
        """Return what was read, None when that is refused, which becomes a row."""
        try:
            return read()
        except AwsRefused as error:
            self.rows.append((what, (f"can't be read: {error.advice.what}", "warn")))
            self.told[what] = None
            return None

    def service(self, service: ServiceState, observed: EcsObserved) -> None:
        names, caller = self.place.names, identity.who(self.place)
        self.rows += [("service", names.place), ("asked by", caller.shown)]
        self.told |= {
            "service": {"arn": service.arn, "status": service.status, "strategy": service.strategy},
            "account": names.account, "region": names.region, "caller": caller.arn,
        }  # fmt: skip
        if service.status != ACTIVE:
            self.wrong.append(f"the service is {service.status}")
        if observed.edited:
            self.rows.append(("changed by hand", (observed.edited, "bad")))
            self.wrong.append(observed.edited)
        if self.place.loaded.settings.ecs.endpoint:
            self.rows.append(("endpoint", (f"{self.place.loaded.settings.ecs.endpoint}, not AWS itself", "warn")))

    def deployments(self, service: ServiceState) -> None:
        told = []
        for one in service.deployments:
            release = revisions.id_of(self.place, one.task_definition)
            told.append({**asdict(one), "release": release})
            self.rows.append(("deployment" if one.status == PRIMARY else "before it", _deployment(one, release)))
        self.told["deployments"] = told
        primary = service.primary
        if primary and primary.rollout_state == FAILED:
            self.wrong.append(f"the deployment of {label(primary.task_definition)} failed: {primary.rollout_reason}")
        elif not service.settled:
            self.wrong.append("a deployment is under way")
            self._shift(service)
        if service.running < service.desired:
            self.wrong.append(f"{service.running} of {service.desired} tasks run")

    def _shift(self, service: ServiceState) -> None:
        primary = service.primary
        if primary is None or not shift.is_of(service):
            return
        found = self.ask("shift", lambda: shift.find(self.place, primary.task_definition, primary.created_at))
        if found is not None:
            self.rows.append(("shift", (found.text, "warn")))
            self.told["shift"] = asdict(found)

    def tasks(self) -> None:
        running = self.ask("tasks", lambda: tasks(self.place))
        if running is None:
            return
        self.rows += [(f"task {one.short}", _running(one)) for one in running]
        self.told["tasks"] = [_as_json(self.place, one) for one in running]
        ended = self.ask("stopped tasks", lambda: tasks(self.place, "STOPPED")) or ()
        crashed = sorted((one for one in ended if one.code in CRASHES), key=lambda one: one.stopped, reverse=True)
        self.told["crashed"] = [_as_json(self.place, one) for one in crashed]
        self.rows += [(f"ended {one.short}", (f"{one.ended} at {one.stopped}", "bad")) for one in crashed[:ENDED]]

    def targets(self, service: ServiceState) -> None:
        found = self.ask("targets", lambda: target_health(self.place, service))
        if not found:
            return
        sick = [one for one in found if one.state != HEALTHY]
        self.rows.append(("targets", (f"{len(found) - len(sick)} of {len(found)} healthy", "bad" if sick else "good")))
        self.told["targets"] = [asdict(one) for one in found]
        if sick:
            self.wrong.append(f"the load balancer sends nothing to {', '.join(map(str, sick))}")

    def alarms(self) -> None:
        found = self.ask("alarms", lambda: alarms(self.place))
        if not found:
            return
        ring = [one for one in found if one.state == RINGS]
        text = ", ".join(f"{one.name} {one.state}" for one in found)
        self.rows.append(("alarms", (text, "bad" if ring else "good")))
        self.told["alarms"] = [asdict(one) for one in found]
        self.wrong += [f"the alarm {one.name} rings: {one.reason}" for one in ring]


def _deployment(one: Deployment, release: str) -> Cell:
    state = (one.rollout_state or one.status).lower().replace("_", " ")
    counts = [f"{one.running} of {one.desired} tasks run"]
    counts += [f"{one.pending} pending"] if one.pending else []
    counts += [f"{one.failed} failed to start"] if one.failed else []
    tone = {COMPLETED: "good", FAILED: "bad"}.get(one.rollout_state, "warn")
    return f"{state}, {', '.join(counts)}, {label(one.task_definition)}" + (f" ({release})" if release else ""), tone


def _running(one: Task) -> Cell:
    health = "" if one.health == "UNKNOWN" else f", {one.health.lower()}"
    since = f" since {one.started}" if one.started else ""
    tone = "bad" if one.health == "UNHEALTHY" else ("good" if one.status == "RUNNING" else "warn")
    where = f", {one.zone}" if one.zone else ""
    return f"{one.status.lower()}{health}{since}{where}, {label(one.task_definition)}", tone


def _as_json(place: Place, one: Task) -> dict[str, Any]:
    codes = {container.name: container.exit_code for container in one.containers}
    return {
        "id": one.id, "release": revisions.id_of(place, one.task_definition), "task_definition": one.task_definition,
        "status": one.status, "health": one.health, "started": one.started, "stopped": one.stopped,
        "ended": one.ended, "exit_codes": codes, "zone": one.zone,
    }  # fmt: skip
