"""Read what ECS has of a deployment: the service, and the releases that its task definitions are."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.target import Instance
from decodeat_ops.targets.ecs import documents, identity, revisions, shift
from decodeat_ops.targets.ecs.names import DEPLOYMENT
from decodeat_ops.targets.ecs.observed import (
    FAILED,
    IN_PROGRESS,
    PRIMARY,
    Deployment,
    EcsObserved,
    Event,
    ServiceState,
)
from decodeat_ops.targets.ecs.ours import label
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease

GONE = "INACTIVE"  # status of a service for some minutes after it was deleted


def observe(place: Place) -> EcsObserved:
    """Read service and releases. Raises `Configuration` when the account is another one, or a record is damaged."""
    identity.who(place)
    service = judged(place, service_state(place))
    runs = (
        {one.task_definition: revisions.recorded(place, one.task_definition) for one in service.deployments}
        if service
        else {}
    )
    kept = records(place)
    known = service.task_definition if service else ""
    current = runs.get(known) or (revisions.recorded(place, known) if known else None)
    wanted = service is not None and service.desired > 0
    return EcsObserved(
        active=current if wanted else None,
        stopped=None if wanted else current,
        releases=_newest_first([*kept, *_used(service, runs)], current),
        draining=frozenset(_ids(service, runs, primary=False)),
        instances=_instances(service, runs),
        running=frozenset((*_ids(service, runs, primary=True), *_ids(service, runs, primary=False))),
        stranger=_stranger(service, runs),
        service=service,
        guard=service.guard if service else (),
        edited=_edited(place, known, current),
        reached=runs[service.reached.task_definition] if service and wanted and service.reached else None,
    )


def service_state(place: Place) -> ServiceState | None:
    """Return the service as it is now, None when there is none."""
    names = place.names
    try:
        answer = place.aws.call(
            "ecs", "DescribeServices", cluster=names.cluster, services=[names.service], include=["TAGS"]
        )
    except AwsRefused as error:
        if error.error == "ClusterNotFoundException":
            return None
        raise
    found = [one for one in answer.get("services", ()) if one.get("status") != GONE]
    return _service(found[0], names.deployment) if found else None


def judged(place: Place, service: ServiceState | None) -> ServiceState | None:
    """Return the service with the state of its primary deployment, which ECS tells elsewhere of a shift."""
    primary = service.primary if service else None
    if service is None or primary is None or primary.rollout_state:
        return service
    told = replace(primary, rollout_state=shift.rollout_state(place, primary))
    return replace(service, deployments=tuple(told if one is primary else one for one in service.deployments))


def records(place: Place) -> tuple[EcsRelease, ...]:
    """Return the releases among the newest registered task definitions, newest first.

    Raises `Configuration` when the record of one is damaged.
    """
    found = (revisions.recorded(place, arn) for arn in revisions.newest(place))
    return _newest_first([one for one in found if one is not None])


def _used(service: ServiceState | None, runs: Mapping[str, EcsRelease | None]) -> list[EcsRelease]:
    """Return the releases that the service needs: not those of deployments that are over and still listed."""
    found = (runs[one.task_definition] for one in (service.needed if service else ()))
    return [one for one in found if one is not None]


def _newest_first(found: Iterable[EcsRelease], current: EcsRelease | None = None) -> tuple[EcsRelease, ...]:
    """Return each release once: in the revision that runs, else in its last one.

    A rollback registers a release again when secrets were rotated since; it has served when one of its revisions has.
    """
    ordered = sorted(found, key=_number)
    served = {one.id for one in ordered if one.served}
    once = {one.id: one for one in ordered}
    if current is not None:
        once[current.id] = current
    told = (replace(one, served=one.id in served) for one in once.values())
    return tuple(sorted(told, key=lambda one: one.order, reverse=True))


def _number(release: EcsRelease) -> int:
    return int(release.task_definition.rpartition(":")[2])


def _edited(place: Place, task_definition: str, current: EcsRelease | None) -> str:
    """Return why what runs isn't what its record says, "" when it is, or nothing runs."""
    if not task_definition:
        return ""
    name = label(task_definition)
    if current is None:
        return f"{name} is no release of {place.names.deployment}: somebody else registered it"
    found = revisions.revision(place, task_definition)
    if current.document and documents.digest(found.definition) != current.document:
        return f"{name} has the record of release {current.id} and is something else: somebody registered it by hand"
    return ""


def _stranger(service: ServiceState | None, runs: Mapping[str, EcsRelease | None]) -> str:
    """Return what runs, or is to run, that is no release of this deployment, for people; "" for nothing."""
    if service is None:
        return ""
    theirs = [
        label(one.task_definition)
        for one in service.deployments
        if runs[one.task_definition] is None
        and (one.running + one.pending > 0 or (one.status == PRIMARY and service.desired > 0))
    ]
    return f"{', '.join(dict.fromkeys(theirs))}, which somebody else registered" if theirs else ""


def _ids(service: ServiceState | None, runs: Mapping[str, EcsRelease | None], *, primary: bool) -> list[str]:
    """Return the ids of the releases that tasks run of, in the primary deployment or in the others."""
    there = [one for one in service.deployments if one.running > 0] if service else []
    found = [runs[one.task_definition] for one in there if (one.status == PRIMARY) is primary]
    return [one.id for one in found if one is not None]


def _instances(service: ServiceState | None, runs: Mapping[str, EcsRelease | None]) -> tuple[Instance, ...]:
    if service is None:
        return ()
    found = []
    for one in service.deployments:
        release = runs[one.task_definition]
        wanted = one.status == PRIMARY and service.desired > 0
        if release is not None and (wanted or one.running + one.pending + one.failed > 0):
            problem = one.rollout_reason if one.rollout_state == FAILED else ""
            found.append(Instance(release.id, _state(one), one.created_at, one.failed, problem=problem))
    return tuple(found)


def _state(deployment: Deployment) -> str:
    if deployment.status != PRIMARY:
        return "draining"
    if deployment.rollout_state == FAILED or (deployment.failed and not deployment.running):
        return "backing-off"
    starts = deployment.rollout_state == IN_PROGRESS or not deployment.running
    return "starting" if starts else "running"


def _service(raw: Mapping[str, Any], deployment: str) -> ServiceState:
    tags = {one["key"]: one.get("value", "") for one in raw.get("tags", ())}
    return ServiceState(
        arn=raw["serviceArn"],
        status=raw["status"],
        desired=raw.get("desiredCount", 0),
        running=raw.get("runningCount", 0),
        pending=raw.get("pendingCount", 0),
        task_definition=raw.get("taskDefinition", ""),
        deployments=tuple(map(_deployment, raw.get("deployments", ()))),
        events=tuple(Event(one["id"], _stamp(one.get("createdAt")), one["message"]) for one in raw.get("events", ())),
        load_balancers=tuple(raw.get("loadBalancers", ())),
        tags=tags,
        created_by_us=tags.get(DEPLOYMENT) == deployment,
        strategy=raw.get("deploymentConfiguration", {}).get("strategy", ""),
        raw=raw,
    )


def _deployment(raw: Mapping[str, Any]) -> Deployment:
    return Deployment(
        id=raw["id"],
        status=raw["status"],
        task_definition=raw["taskDefinition"],
        rollout_state=raw.get("rolloutState", ""),
        rollout_reason=raw.get("rolloutStateReason", ""),
        desired=raw.get("desiredCount", 0),
        running=raw.get("runningCount", 0),
        pending=raw.get("pendingCount", 0),
        failed=raw.get("failedTasks", 0),
        created_at=_stamp(raw.get("createdAt")),
    )


def _stamp(moment: Any) -> str:
    """Return a moment as ISO 8601; the SDK gives a datetime."""
    return moment.isoformat(timespec="seconds") if moment else ""
