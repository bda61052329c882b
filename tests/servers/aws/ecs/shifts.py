"""Advance a native blue/green, linear or canary deployment by one stage of its life."""

from typing import TYPE_CHECKING

from tests.servers.aws.ecs import ending, failing, launching, rollout, scaling
from tests.servers.aws.ecs.state import ACTIVE, FAILED, IN_PROGRESS, Deployment, Service, ServiceDeployment

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws

STAGES = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
)


def advance(aws: "Aws", service: Service) -> None:
    """Advance a service by one step, whatever its strategy; a first deployment has nothing to shift from."""
    primary, attempt = service.primary, service.current
    shifting = (
        primary is not None
        and attempt is not None
        and attempt.status == IN_PROGRESS
        and attempt.configuration.get("strategy", "ROLLING") != "ROLLING"
        and primary.revision == attempt.target
        and primary.state == IN_PROGRESS
    )
    if not aws.ecs.paused and _runs_on(aws, service):
        return
    if aws.ecs.paused or not shifting:
        rollout.advance(aws, service)
        return
    assert primary is not None and attempt is not None
    ringing = aws.monitoring.ringing(attempt.configuration.get("alarms", {}).get("alarmNames", []))
    if ringing and attempt.configuration["alarms"].get("enable"):
        why = f"alarm(s) detected: {', '.join(ringing)}."
        failing.fail(aws, service, primary, why, "ECS deployment failed: alarm(s) detected.")
        _stop_green(aws, service, primary)
    else:
        _stage(aws, service, primary, attempt)


def _runs_on(aws: "Aws", service: Service) -> bool:
    """Return whether tasks of what was rolled back run on: for some looks after that is over, or for ever."""
    attempt, late, fails = service.current, aws.ecs.ends_late, aws.ecs.rollbacks_fail
    if attempt is None or attempt.rollback is None or service.strategy == "ROLLING" or not (late or fails):
        return False
    green = service.deployment(attempt.target)
    if green is None or green is service.primary or not green.running or service.status != ACTIVE:
        return False
    if attempt.finished is None:
        attempt.status, attempt.finished = "ROLLBACK_FAILED" if fails else "ROLLBACK_SUCCESSFUL", aws.account.now()
    green.looks += 1
    return fails or green.looks <= late


def _stage(aws: "Aws", service: Service, primary: Deployment, attempt: ServiceDeployment) -> None:
    match attempt.stage:
        case "SCALE_UP":
            if primary.running < primary.desired:
                scaling.scale_up(aws, service, primary)
                return
        case "TEST_TRAFFIC_SHIFT":
            attempt.test_weight = 100.0
        case "PRODUCTION_TRAFFIC_SHIFT":
            attempt.weight = _next_weight(attempt)
            _weigh(aws, service, attempt.weight)
            if attempt.weight < 100.0:
                return
        case "CLEAN_UP":
            ending.end_others(aws, service, primary)
            rollout.complete(aws, service, primary)
            return
    attempt.stage = _following(service, attempt.stage)


def _following(service: Service, stage: str) -> str:
    following = STAGES[STAGES.index(stage) + 1]
    advanced = (service.document.get("loadBalancers") or [{}])[0].get("advancedConfiguration", {})
    if "TEST_TRAFFIC" in following and "testListenerRule" not in advanced:
        return "PRODUCTION_TRAFFIC_SHIFT"
    return following


def _next_weight(attempt: ServiceDeployment) -> float:
    configuration = attempt.configuration
    if not attempt.sources:
        return 100.0
    match configuration["strategy"]:
        case "LINEAR":
            return min(100.0, attempt.weight + float(configuration["linearConfiguration"]["stepPercent"]))
        case "CANARY":
            return 100.0 if attempt.weight else float(configuration["canaryConfiguration"]["canaryPercent"])
    return 100.0


def _weigh(aws: "Aws", service: Service, green: float) -> None:
    """Show the shift in the listener's rule, as ECS does."""
    balancer = (service.document.get("loadBalancers") or [{}])[0]
    advanced = balancer.get("advancedConfiguration", {})
    rule = aws.balancing.rule(advanced.get("productionListenerRule", ""))
    if rule is not None:
        other = advanced["alternateTargetGroupArn"]
        rule[balancer["targetGroupArn"]], rule[other] = int(100 - green), int(green)


def _stop_green(aws: "Aws", service: Service, green: Deployment) -> None:
    _weigh(aws, service, 0.0)
    if not aws.ecs.ends_late and not aws.ecs.rollbacks_fail:
        ending.end(aws, service, green, aws.ecs.tasks_of(green.id, "RUNNING", "PROVISIONING"))


def stop(aws: "Aws", service: Service, attempt: ServiceDeployment, kind: str) -> None:
    """Stop a service deployment on request: ROLLBACK brings the earlier revision back, ABORT leaves all as it is."""
    primary = service.primary
    earlier = next((one for one in service.deployments if one.ever_completed and one is not primary), None)
    if kind == "ROLLBACK" and primary is not None and earlier is not None:
        failing.roll_back(aws, service, primary, earlier, "stopped by a user.")
        _stop_green(aws, service, primary)
        primary.state = FAILED
        return
    attempt.status, attempt.finished = "STOPPED", aws.account.now()
    attempt.reason = "Service deployment stopped by a user."
    if primary is not None:
        primary.state, primary.reason = FAILED, attempt.reason
    launching.event(aws, service, f"(service deployment {attempt.arn}) stopped by a user.")
