"""Start the tasks of a deployment, and find out what becomes of them."""

from typing import TYPE_CHECKING

from tests.servers.aws.ecs import launching, starting
from tests.servers.aws.ecs.behaviour import Behaviour
from tests.servers.aws.ecs.ending import count
from tests.servers.aws.ecs.failing import break_circuit
from tests.servers.aws.ecs.state import Deployment, Service, Task

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws


def alive(aws: "Aws", deployment: Deployment) -> int:
    return len(aws.ecs.tasks_of(deployment.id, "PROVISIONING", "RUNNING"))


def scale_up(aws: "Aws", service: Service, deployment: Deployment) -> None:
    """Start the tasks that are missing, or find out what became of those that were started."""
    pending = aws.ecs.tasks_of(deployment.id, "PROVISIONING")
    behaviour = aws.ecs.behaves(deployment.definition.document)
    if not pending:
        _start_missing(aws, service, deployment, behaviour)
        return
    why = launching.why_not(aws, deployment.definition.document)
    failures = sum(not _begun(aws, service, task, behaviour, why) for task in pending)
    deployment.failed += failures
    count(aws, service, deployment)
    if failures:
        break_circuit(aws, service, deployment)
    elif service.document.get("loadBalancers"):
        launching.event(aws, service, f"registered {len(pending)} targets in (target-group {_group(service)})")


def _start_missing(aws: "Aws", service: Service, deployment: Deployment, behaviour: Behaviour) -> None:
    document = deployment.definition.document
    refused = starting.unusable_role(aws, document.get("executionRoleArn", ""))
    if refused:
        launching.event(aws, service, f"failed to launch a task with (error {refused}).")
        deployment.failed += deployment.desired
        break_circuit(aws, service, deployment)
        return
    if behaviour.kind == "unplaced":
        why = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
        launching.event(aws, service, f"was unable to place a task. Reason: {why}.")
        return
    missing = deployment.desired - alive(aws, deployment)
    wanted = min(missing, aws.ecs.pace or missing)
    started = [launching.launch_for(aws, service, deployment) for _ in range(wanted)]
    launching.event(aws, service, f"has started {len(started)} tasks: {launching.named(started)}.")
    count(aws, service, deployment)


def _begun(aws: "Aws", service: Service, task: Task, behaviour: Behaviour, why: str) -> bool:
    """Let a task run or fail, and return whether it runs."""
    if why:
        launching.stop(aws, task, "TaskFailedToStart", why, container=why if why.startswith("CannotPull") else "")
        return False
    launching.say(aws, task, *behaviour.lines)
    if behaviour.kind == "crashes":
        launching.stop(aws, task, "EssentialContainerExited", "Essential container in task exited", behaviour.exit_code)
        return False
    if behaviour.kind == "unhealthy":
        group = _group(service)
        why = (
            f"Task failed ELB health checks in (target-group {group})"
            if group
            else "Task failed container health checks"
        )
        launching.event(aws, service, f"(task {task.id}) failed {'ELB' if group else 'container'} health checks.")
        launching.stop(aws, task, "ServiceSchedulerInitiated", why, 137)
        return False
    launching.run(aws, task, (launching.boot_line(task.definition.document),))
    group = _group(service)
    if group in aws.balancing.targets:
        aws.balancing.targets[group].health[task.address] = "healthy"
    return True


def _group(service: Service) -> str:
    balancers = service.document.get("loadBalancers", ())
    return str(balancers[0].get("targetGroupArn", "")) if balancers else ""
