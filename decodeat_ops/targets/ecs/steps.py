"""Describe the steps of ECS as data: from an image to a release that serves, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from decodeat_ops.core.migration import Migration, Revision
from decodeat_ops.core.plan import Action, Step
from decodeat_ops.core.target import Origin
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.ecs import shift
from decodeat_ops.targets.ecs.names import Names
from decodeat_ops.targets.ecs.observed import FAILED, Deployment, EcsObserved, ServiceState
from decodeat_ops.targets.ecs.ours import ACTIVE, label, shape
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.retention import beyond_retention
from decodeat_ops.targets.ecs.waiting import duration

SECRETS, REGISTER, SETTLE, UPDATE, FOLLOW, MIGRATE = "secrets", "register", "settle", "update", "follow", "migrate"
DESIRED = "decodeat-ops:desired"  # the service's tag with the count that `start` brings back


@dataclass(frozen=True)
class Way:
    """Hold what the steps of one move are made of. `registers` says that it makes a new task definition.

    `superseded` is the one that it takes the place of for the same release, "" for none.
    """

    loaded: Loaded
    names: Names
    release: EcsRelease
    observed: EcsObserved
    registers: bool
    superseded: str = ""

    @property
    def service(self) -> ServiceState | None:
        """Return the service that is there; one that was deleted counts as none."""
        service = self.observed.service
        return service if service is not None and service.status == ACTIVE else None

    @property
    def guard(self) -> list[str]:
        return sorted(self.observed.guard) if self.service else []

    @property
    def known(self) -> str:
        """Return the task definition that the release has already, "" when one is registered first."""
        return "" if self.registers else self.release.task_definition

    @property
    def named(self) -> dict[str, Any]:
        """Return what identifies the release's task definition, also where its ARN is not known yet."""
        return {"task_definition": self.known, "release": self.release.id, "secrets": self.release.secrets}

    @property
    def shown(self) -> str:
        return label(self.known) if self.known else f"the new revision of {self.names.family}"

    @property
    def limit(self) -> float:
        """Return how many seconds a deployment may take, with the time of the shift itself."""
        return 60 * (self.loaded.settings.ecs.deploy_minutes + shift.minutes(self.loaded))


def secrets(names: Names, variables: Sequence[str], version: str) -> Step:
    """Return the step that stores values of the operator's machine in AWS, where `version` will name them."""
    return Step(
        id=SECRETS,
        title="Store the secrets' values",
        do=Action("write-secrets", {"version": version}),
        undo=Action("unwrite-secrets", {"version": version}),
        produces=("version",),
        preview=(f"PutSecretValue {names.secret}: {', '.join(variables)}, unless it holds these values already",),
    )


def register(way: Way, origin: Origin) -> Step:
    """Return the step that registers a task definition: of what was built, or another one with today's secrets.

    `kept` is the one that the undo must never take away.
    """
    release, names = way.release, way.names
    source = origin.of
    kept = source.task_definition if isinstance(source, EcsRelease) else ""
    about: dict[str, Any] = {"release": release.as_json(), "from": kept}
    title = f"Register the task definition of {release.id}"
    if kept:
        preview = [f"RegisterTaskDefinition {names.family}: {label(kept)} with today's secrets"]
        if source is not None and source.id != release.id:
            preview = [f"RegisterTaskDefinition {names.family}: a copy of {label(kept)} with today's secrets"]
    else:
        ecs = way.loaded.settings.ecs
        preview = [f"RegisterTaskDefinition {names.family}: {ecs.cpu} CPU units, {ecs.memory} MiB, image by its digest"]
    preview.append("secrets as valueFrom, each with its version; the release's record in tags")
    return Step(
        id=REGISTER,
        title=title,
        do=Action("register", about),
        undo=Action("deregister", {"release": release.id, "secrets": release.secrets, "kept": kept}),
        produces=("task_definition",),
        preview=tuple(preview),
    )


def settle(way: Way, *, supersede: bool = False) -> Step:
    """Return the step that waits for the deployment under way, or for the end of a service that is being deleted.

    With `supersede` a deployment is not waited for: its place is taken at once.
    """
    service = way.service
    about: dict[str, Any] = {"guard": way.guard, "primary": "", "limit": way.limit, "supersede": supersede}
    title = "Wait for the deployment under way"
    what: tuple[str, ...] = ("the service is being deleted: waits until it is gone",)
    if service is not None and service.primary is not None:
        primary = service.primary
        others = {one.task_definition for one in service.deployments} - {primary.task_definition}
        about |= {"primary": primary.id, "task_definition": primary.task_definition, "since": primary.created_at}
        about |= {"earlier": sorted(others)}
        title = "Supersede the deployment under way" if supersede else title
        what = _settling(way, service, primary, supersede=supersede)
    return Step(id=SETTLE, title=title, do=Action("settle", about), preview=what)


def _settling(way: Way, service: ServiceState, going: Deployment, *, supersede: bool) -> tuple[str, ...]:
    """Return in words what becomes of a deployment that is under way."""
    takes = f"the update takes the place of {going.id} ({label(going.task_definition)})"
    if shift.is_of(service):
        stop = "a shift that still goes on is rolled back first (StopServiceDeployment: ROLLBACK), which is waited for"
        takes = f"{stop}; {takes}"
    elif supersede:
        takes = f"{takes}; its end is not waited for"
    if supersede:
        return (takes,)
    waits = f"{', '.join(way.guard)}: waits until it ends, and refuses when another one has come"
    return waits, f"one that has not ended after {duration(way.limit)} is superseded: {takes}"


def update(way: Way) -> Step:
    """Return the step that makes the service, or brings it to the release by one call."""
    service, ecs = way.service, way.loaded.settings.ecs
    desired: int | None = None  # None leaves it to whoever set it last
    before: dict[str, Any] | None = None
    rules = f"circuit breaker with rollback; {shift.words(way.loaded)}"
    if ecs.alarms:
        rules += f"; alarms {', '.join(ecs.alarms)}"
    if service is None:
        title, call = "Make the service", f"CreateService {way.names.service} in {way.names.cluster}: {way.shown}"
        counts, guarded = f"{ecs.desired} tasks", "refuses when somebody has made a service of that name meanwhile"
        desired = ecs.desired
    else:
        title = "Update the service"
        call = (
            f"UpdateService {way.names.service} in {way.names.cluster}: {label(service.task_definition)} -> {way.shown}"
        )
        counts = f"desired count stays ({service.desired})"
        if service.desired == 0:
            desired = started_with(service, way.loaded)
            counts = f"desired count {service.desired} -> {desired}; where it is autoscaled, within its bounds"
        guarded = f"refuses when another deployment than {', '.join(way.guard)} is there"
        before = before_of(service)
    about: dict[str, Any] = {**way.named, "guard": way.guard, "before": before, "desired": desired}
    return Step(
        id=UPDATE,
        title=title,
        do=Action("update", about),
        undo=Action("update-back", {**about, "limit": way.limit}),
        produces=("deployment", "since"),
        preview=(call, counts, rules, guarded),
    )


def started_with(service: ServiceState, loaded: Loaded) -> int:
    """Return the count that a stopped service had before, else that of a new one."""
    remembered = service.tags.get(DESIRED, "")
    return int(remembered) if remembered.isdecimal() and int(remembered) > 0 else loaded.settings.ecs.desired


def before_of(service: ServiceState) -> dict[str, Any]:
    """Return how a service is now, as an undo brings it back. `failed` says that it could not be brought to work."""
    primary = service.primary
    return {
        "task_definition": service.task_definition,
        "primary": primary.id if primary else "",
        "desired": service.desired,
        "failed": primary is not None and primary.rollout_state == FAILED,
        "shape": shape(service.raw),
    }


def follow(way: Way) -> Step:
    return Step(
        id=FOLLOW,
        title="Wait until the deployment is complete",
        do=Action("follow", {**way.named, "guard": way.guard, "limit": way.limit}),
        produces=("seconds",),
        preview=(
            f"that very deployment, at most {duration(way.limit)}: a rollback by ECS, or somebody else's deployment, "
            "is a failure",
        ),
    )


def confirm(way: Way) -> Step:
    where = way.loaded.settings.ecs.address or "the load balancer's address, else a task's own"
    return Step(
        id="confirm",
        title="Confirm from outside",
        do=Action("confirm", way.named),
        produces=("seconds",),
        preview=(f"GET /health at {where} answers with release {way.release.id}, ten times in a row",),
    )


def prune(way: Way) -> Step:
    """Return the step that deregisters what is beyond retention; it looks itself at what is in use then."""
    keep = way.loaded.settings.ecs.keep_revisions
    doomed = beyond_retention(way.release, way.observed, keep)
    names = [f"{one.id} ({label(one.task_definition)})" for one in doomed]
    old = [way.superseded] if way.superseded else []
    names += [f"{label(one)}, which the new revision replaces" for one in old]
    return Step(
        id="prune",
        title="Deregister what is beyond retention",
        do=Action("prune", {"task_definitions": [*(one.task_definition for one in doomed), *old]}),
        preview=(
            f"DeregisterTaskDefinition {', '.join(names) or 'none'}; keeps {keep}",
            *(("one that a task or a deployment uses by then stays",) if names else ()),
        ),
        after_commit=True,
    )


def migrate(
    release: EcsRelease, migration: Migration, known: Sequence[Revision], guard: Sequence[str], *, registers: bool
) -> Step:
    """Return the step that brings the database to the release's schema by a one-off task of its task definition.

    `known` are the migrations that its code knows. `registers` says that its task definition is made first.
    """
    lines = [f"{one.id} {one.title or '(what it does is known later)'}{_way_back(one)}" for one in migration.lacks]
    if not lines:
        lines = ["migrations that the database lacks, if any: " + (", ".join(one.id for one in known) or "none known")]
    named = {
        "task_definition": "" if registers else release.task_definition,
        "release": release.id,
        "secrets": release.secrets,
        "guard": sorted(guard),
    }
    return Step(
        id=MIGRATE,
        title="Bring the database to its schema",
        do=Action("migrate", named),
        undo=Action(
            "unmigrate",
            {**named, "lossy": [one.id for one in known if not one.lossless], "snapshot": migration.snapshot},
        ),
        produces=("done",),
        preview=("RunTask: python -m decodeat --migrate --json, one task of the release's own", *lines),
    )


def _way_back(step: Revision) -> str:
    if step.reversible:
        return ""
    return "; NOT reversible: older releases can't store results from then on" + (
        "" if step.lossless else ", and taking it back loses data"
    )


def halt(observed: EcsObserved, service: ServiceState, names: Names, *, removing: bool = False) -> Step:
    """Return the step that sets the desired count to 0; where autoscaling would raise it again it refuses."""
    primary = service.primary
    about = {
        "guard": sorted(observed.guard),
        "primary": primary.id if primary else "",
        "desired": service.desired,
        "removing": removing,
    }
    return Step(
        id="stop",
        title="Stop every task",
        do=Action("halt", about),
        undo=Action("unhalt", about),
        preview=(
            f"UpdateService {names.service}: desired count {service.desired} -> 0, remembered in the tag {DESIRED}",
            "a task finishes its requests first",
        ),
    )


def wait_stopped(names: Names, loaded: Loaded, *, after_commit: bool) -> Step:
    limit = 60 * loaded.settings.ecs.deploy_minutes
    return Step(
        id="wait-stopped",
        title="Wait until every task has finished what runs",
        do=Action("wait-stopped", {"limit": limit}),
        preview=(f"{names.service}, at most {duration(limit)}",),
        after_commit=after_commit,
    )
