"""End tasks of a service's deployments."""

from typing import TYPE_CHECKING

from tests.servers.aws.ecs import launching
from tests.servers.aws.ecs.state import INACTIVE, Deployment, Service, Task

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws


def count(aws: "Aws", service: Service, deployment: Deployment) -> None:
    """Count the tasks of a deployment anew."""
    deployment.running = len(aws.ecs.tasks_of(deployment.id, "RUNNING"))
    deployment.pending = len(aws.ecs.tasks_of(deployment.id, "PROVISIONING"))
    deployment.updated = aws.account.now()


def end_others(aws: "Aws", service: Service, primary: Deployment) -> None:
    """End the tasks of all deployments but the primary one."""
    for one in service.deployments:
        if one is not primary:
            end(aws, service, one, aws.ecs.tasks_of(one.id, "PROVISIONING", "RUNNING"))
            one.desired = 0


def end(aws: "Aws", service: Service, deployment: Deployment, tasks: list[Task]) -> None:
    """End tasks of a deployment, as its scheduler does."""
    if tasks and service.document.get("loadBalancers"):
        launching.event(aws, service, f"has begun draining connections on {len(tasks)} tasks.")
    for task in tasks:
        reason = f"Scaling activity initiated by (deployment {deployment.id})"
        launching.stop(aws, task, "ServiceSchedulerInitiated", reason, 0)
    if tasks:
        launching.event(aws, service, f"has stopped {len(tasks)} running tasks: {launching.named(tasks)}.")
    count(aws, service, deployment)


def drain(aws: "Aws", service: Service) -> None:
    """End the tasks of a deleted service; then it is inactive, and is still described for an hour."""
    left = [one for held in service.deployments for one in aws.ecs.tasks_of(held.id, "PROVISIONING", "RUNNING")]
    if left:
        for held in service.deployments:
            end(aws, service, held, aws.ecs.tasks_of(held.id, "PROVISIONING", "RUNNING"))
        return
    service.status = INACTIVE
    service.deployments = []
