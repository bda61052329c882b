"""Fail a deployment: the circuit breaker, alarms, and the way back to the earlier one."""

import copy
from typing import TYPE_CHECKING

from tests.servers.aws.ecs import launching
from tests.servers.aws.ecs.ending import end
from tests.servers.aws.ecs.state import ACTIVE, COMPLETED, FAILED, IN_PROGRESS, PRIMARY, Deployment, Service

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws


RESTORED = ("taskDefinition", "networkConfiguration", "loadBalancers", "platformVersion")  # what a revision holds


def break_circuit(aws: "Aws", service: Service, deployment: Deployment) -> None:
    """Fail the deployment once its tasks failed too often: half the tasks, at least 3 and at most 200."""
    breaker = service.document.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {})
    threshold = min(200, max(3, -(-deployment.desired // 2)))
    if breaker.get("enable") and deployment.failed >= threshold and not deployment.ever_completed:
        fail(
            aws, service, deployment, "tasks failed to start.", "ECS deployment circuit breaker: tasks failed to start."
        )


def fail(aws: "Aws", service: Service, deployment: Deployment, why: str, reason: str) -> None:
    """Fail a deployment, and roll back where that is configured and something completed before."""
    deployment.state, deployment.reason, deployment.updated = FAILED, reason, aws.account.now()
    launching.event(aws, service, f"(deployment {deployment.id}) deployment failed: {why}")
    end(aws, service, deployment, aws.ecs.tasks_of(deployment.id, "PROVISIONING"))
    configuration = service.document.get("deploymentConfiguration", {})
    section = configuration.get("alarms" if "alarm" in why else "deploymentCircuitBreaker", {})
    earlier = next((one for one in service.deployments if one.ever_completed and one is not deployment), None)
    attempt = service.current
    if section.get("rollback") and earlier is not None:
        roll_back(aws, service, deployment, earlier, why)
    elif attempt is not None and attempt.finished is None:
        attempt.status, attempt.reason = "STOPPED", f"Service deployment failed: {why}"
        attempt.finished = aws.account.now()


def roll_back(aws: "Aws", service: Service, failed: Deployment, earlier: Deployment, why: str) -> None:
    """Make the earlier deployment primary again, under its own id or a new one."""
    failed.status, failed.desired = ACTIVE, 0
    breaker = "ECS deployment circuit breaker: " if "alarm" not in why else ""
    reason = f"{breaker}rolling back to deploymentId {earlier.id}."
    launching.event(aws, service, f"rolling back to deployment {earlier.id}.")
    attempt = service.current
    if attempt is not None:
        attempt.status, attempt.reason = "ROLLBACK_IN_PROGRESS", f"Service deployment rolling back: {why}"
        told = {"reason": attempt.reason, "startedAt": aws.account.now(), "serviceRevisionArn": earlier.revision}
        attempt.rollback, attempt.weight, attempt.test_weight = told, 0.0, 0.0
    if aws.ecs.new_rollback_id:
        old = earlier.id
        service.deployments.remove(earlier)
        earlier = copy.copy(earlier)
        earlier.id, earlier.created = f"ecs-svc/{aws.account.number()}", aws.account.now()
        for task in aws.ecs.tasks_of(old):
            task.deployment = earlier.id
    else:
        service.deployments.remove(earlier)
    earlier.status, earlier.state, earlier.reason = PRIMARY, IN_PROGRESS, reason
    earlier.desired = service.desired
    service.deployments.insert(0, earlier)
    before = aws.ecs.revisions[earlier.revision].document
    service.document |= {name: copy.deepcopy(before[name]) for name in RESTORED if name in before}


def forget_failed(aws: "Aws", service: Service) -> None:
    for one in [*service.deployments]:
        if one.state == FAILED and one.status != PRIMARY:
            one.looks += 1
            if one.looks > aws.ecs.lingers and (service.primary is None or service.primary.state == COMPLETED):
                service.deployments.remove(one)
