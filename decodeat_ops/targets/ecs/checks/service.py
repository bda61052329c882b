"""Check the service as ECS, the load balancer and CloudWatch see it: its deployment, targets and alarms."""

from decodeat_ops.checks.answer import answer, nothing_serves
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.targets.ecs.alarms import QUIET, RINGS, alarms
from decodeat_ops.targets.ecs.observed import COMPLETED, FAILED
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.ours import label
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.revisions import id_of
from decodeat_ops.targets.ecs.target_health import HEALTHY, STARTING, groups, target_health

DEPLOYMENT, TARGETS, ALARMS, REACH = "ecs.deployment", "ecs.targets", "ecs.alarms", "alerts.reach"


def deployment(place: Place, subject: Subject) -> Finding:
    """Check that the service has one deployment, which is complete and of the release in question."""
    service = service_state(place)
    primary = service.primary if service else None
    if subject.release is None or service is None or primary is None:
        return nothing_serves(DEPLOYMENT)
    runs = id_of(place, primary.task_definition) or label(primary.task_definition)
    seen = {"deployment": primary.id, "runs": runs, "running": service.running, "desired": service.desired}
    if primary.rollout_state == FAILED:
        return answer(DEPLOYMENT, Status.FAIL, "ecs.failed", why=primary.rollout_reason or "-", **seen)
    if not service.settled or primary.rollout_state not in {COMPLETED, ""}:
        return answer(DEPLOYMENT, Status.FAIL, "ecs.under_way", count=len(service.deployments), **seen)
    if runs != subject.release.id:
        return answer(DEPLOYMENT, Status.FAIL, "ecs.other_release", release=subject.release.id, **seen)
    if service.running < service.desired:
        return answer(DEPLOYMENT, Status.FAIL, "ecs.too_few", **seen)
    return answer(DEPLOYMENT, Status.PASS, "ecs.complete", **seen)


def targets(place: Place, subject: Subject) -> Finding:
    """Check that the load balancer finds every target healthy."""
    service = service_state(place)
    if not groups(place, service):
        return answer(TARGETS, Status.SKIP, "ecs.no_balancer")
    try:
        found = target_health(place, service)
    except AwsRefused as error:
        return denied(TARGETS, error)
    sick = [one for one in found if one.state != HEALTHY]
    count, healthy = len(found), len(found) - len(sick)
    if not healthy or any(one.state != STARTING for one in sick):
        return answer(
            TARGETS, Status.FAIL, "ecs.sick", healthy=healthy, count=count, sick=[str(one) for one in sick] or ["-"]
        )
    if sick:
        return answer(TARGETS, Status.WARN, "ecs.starting", healthy=healthy, count=count)
    return answer(TARGETS, Status.PASS, "ecs.healthy", count=count)


def denied(check: str, error: AwsRefused) -> Finding:
    """Return WARN for a permission that is missing: it says nothing of the release. Raises what else was refused."""
    if not error.denied:
        raise error
    return answer(check, Status.WARN, "ecs.denied", operation=error.operation)


def rings(place: Place, subject: Subject) -> Finding:
    """Check that no alarm of those that are to end a deployment rings."""
    wanted = place.loaded.settings.ecs.alarms
    if not wanted:
        return answer(ALARMS, Status.SKIP, "ecs.no_alarms")
    try:
        found = alarms(place)
    except AwsRefused as error:
        return denied(ALARMS, error)
    missing = sorted(set(wanted) - {one.name for one in found})
    if missing:
        return answer(ALARMS, Status.FAIL, "ecs.alarm_missing", names=missing)
    ring = [one for one in found if one.state == RINGS]
    if ring:
        return answer(ALARMS, Status.FAIL, "ecs.alarm_rings", names=[one.name for one in ring], why=ring[0].reason)
    blind = [one.name for one in found if one.state != QUIET]
    if blind:
        return answer(ALARMS, Status.WARN, "ecs.alarm_blind", names=blind)
    return answer(ALARMS, Status.PASS, "ecs.alarms_quiet", count=len(found))


def reach(place: Place, subject: Subject) -> Finding:
    """Check that each alarm has somebody to tell. Whether a message arrives only its receiver knows."""
    if not place.loaded.settings.ecs.alarms:
        return answer(REACH, Status.SKIP, "ecs.no_alarms")
    try:
        found = alarms(place)
    except AwsRefused as error:
        return denied(REACH, error)
    mute = [one.name for one in found if not one.receivers]
    if mute or not found:
        return answer(REACH, Status.WARN, "ecs.alarm_mute", names=mute or place.loaded.settings.ecs.alarms)
    return answer(REACH, Status.PASS, "ecs.alarms_told", count=len(found))


CHECKS = (Check(DEPLOYMENT, deployment, gate=True), Check(TARGETS, targets, gate=True), Check(ALARMS, rings),
          Check(REACH, reach))  # fmt: skip
