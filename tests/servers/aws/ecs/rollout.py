"""Advance a rolling deployment by one step: tasks start, run or fail, old ones end, the deployment completes."""

import copy
from typing import TYPE_CHECKING

from tests.servers.aws.ecs import launching
from tests.servers.aws.ecs.ending import count, drain, end, end_others
from tests.servers.aws.ecs.failing import fail, forget_failed
from tests.servers.aws.ecs.scaling import alive, scale_up
from tests.servers.aws.ecs.state import (
    ACTIVE,
    COMPLETED,
    DRAINING,
    FAILED,
    IN_PROGRESS,
    PRIMARY,
    Deployment,
    Revision,
    Service,
    ServiceDeployment,
    TaskDefinition,
)

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws

LATEST = "1.4.0"  # the platform version of Fargate that ECS takes for the word


def begin(aws: "Aws", service: Service, definition: TaskDefinition) -> Deployment:
    """Begin a deployment of a service; one that was under way is superseded."""
    now = aws.account.now()
    before = service.primary
    for one in service.deployments:
        one.status = ACTIVE
    current = service.current
    if current is not None and current.status in {"PENDING", IN_PROGRESS, "ROLLBACK_IN_PROGRESS"}:
        current.status, current.finished = "STOPPED", now
        current.reason = "Service deployment stopped because of a new service deployment."
    if before is not None and before.state == IN_PROGRESS:
        before.reason = f"ECS deployment {before.id} in progress."
    deployment = _made(aws, service, definition)
    deployment.reason = f"ECS deployment {deployment.id} in progress."
    return deployment


def _made(aws: "Aws", service: Service, definition: TaskDefinition) -> Deployment:
    now, place = aws.account.now(), f"{service.cluster.name}/{service.name}"
    revision = Revision(
        aws.account.arn("ecs", f"service-revision/{place}/{aws.account.number()}"),
        service,
        definition,
        copy.deepcopy(service.document),
        now,
    )
    aws.ecs.revisions[revision.arn] = revision
    network = service.document["networkConfiguration"]["awsvpcConfiguration"]
    platform = service.document["platformVersion"]
    deployment = Deployment(
        id=f"ecs-svc/{aws.account.number()}",
        status=PRIMARY,
        definition=definition,
        desired=service.desired,
        created=now,
        updated=now,
        revision=revision.arn,
        network=copy.deepcopy(network),
        platform=LATEST if platform == "LATEST" else platform,
    )
    sources = [one.revision for one in service.deployments if one.running]
    attempt = ServiceDeployment(
        aws.account.arn("ecs", f"service-deployment/{place}/{aws.account.unique(21)}"),
        revision.arn,
        sources,
        copy.deepcopy(service.document.get("deploymentConfiguration", {})),
        now,
        stage="RECONCILE_SERVICE" if service.strategy != "ROLLING" else "",
    )
    service.history.append(attempt)
    service.deployments.insert(0, deployment)
    return deployment


def advance(aws: "Aws", service: Service) -> None:
    """Advance everything of a service by one step."""
    if aws.ecs.paused:
        return
    forget_failed(aws, service)
    primary = service.primary
    if service.status == DRAINING:
        drain(aws, service)
    elif primary is not None and primary.state == IN_PROGRESS:
        step(aws, service, primary)
    elif primary is not None and primary.state == COMPLETED:
        keep_count(aws, service, primary)


def step(aws: "Aws", service: Service, primary: Deployment) -> None:
    """Advance the deployment that is under way."""
    ringing = _ringing(aws, service)
    if ringing and not primary.ever_completed:
        fail(
            aws,
            service,
            primary,
            f"alarm(s) detected: {', '.join(ringing)}.",
            "ECS deployment failed: alarm(s) detected.",
        )
    elif alive(aws, primary) < primary.desired or primary.pending:
        scale_up(aws, service, primary)
    elif any(one.running for one in service.deployments if one is not primary):
        end_others(aws, service, primary)
    else:
        complete(aws, service, primary)


def _ringing(aws: "Aws", service: Service) -> list[str]:
    alarms = service.document.get("deploymentConfiguration", {}).get("alarms", {})
    return aws.monitoring.ringing(alarms.get("alarmNames", [])) if alarms.get("enable") else []


def complete(aws: "Aws", service: Service, primary: Deployment) -> None:
    """Complete the primary deployment; the others are gone, unless they failed a moment ago."""
    primary.state, primary.ever_completed = COMPLETED, True
    primary.reason = f"ECS deployment {primary.id} completed."
    primary.updated = aws.account.now()
    service.deployments = [one for one in service.deployments if one is primary or one.state == FAILED]
    attempt = service.current
    if attempt is not None and attempt.finished is None:
        attempt.status = "ROLLBACK_SUCCESSFUL" if attempt.status.startswith("ROLLBACK") else "SUCCESSFUL"
        attempt.finished = aws.account.now()
        attempt.reason = attempt.reason or "Service deployment completed."
    launching.event(aws, service, f"(deployment {primary.id}) deployment completed.")
    launching.event(aws, service, "has reached a steady state.")


def keep_count(aws: "Aws", service: Service, primary: Deployment) -> None:
    """Bring a settled deployment to its count: tasks that ended are replaced, and a new count takes effect."""
    primary.desired = service.desired
    running = aws.ecs.tasks_of(primary.id, "RUNNING", "PROVISIONING")
    if len(running) > primary.desired:
        end(aws, service, primary, running[primary.desired :])
    elif len(running) < primary.desired or primary.pending:
        scale_up(aws, service, primary)
    count(aws, service, primary)
