"""Start and stop the tasks of ECS: addresses, targets, log lines and why a task stopped."""

import copy
import json
from typing import TYPE_CHECKING, Any

from tests.servers.aws.ecs import starting
from tests.servers.aws.ecs.behaviour import Document, release
from tests.servers.aws.ecs.state import Cluster, Deployment, Service, Task, TaskDefinition

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws


def launch(
    aws: "Aws", cluster: Cluster, definition: TaskDefinition, network: Document, *, group: str, started_by: str
) -> Task:
    """Make a task that is being provisioned."""
    identifier = aws.account.unique(32)
    number = len(aws.ecs.tasks) + 1
    subnet = network["subnets"][number % len(network["subnets"])]
    address = f"10.0.{number // 250}.{number % 250 + 4}"
    public = network.get("assignPublicIp") == "ENABLED"
    task = Task(
        id=identifier,
        arn=aws.account.arn("ecs", f"task/{cluster.name}/{identifier}"),
        cluster=cluster,
        definition=definition,
        group=group,
        started_by=started_by,
        deployment="",
        address=address,
        interface=aws.network.attach(subnet, address, public=public),
        subnet=subnet,
        created=aws.account.now(),
    )
    aws.ecs.tasks[identifier] = task
    return task


def launch_for(aws: "Aws", service: Service, deployment: Deployment) -> Task:
    """Make a task of a service's deployment."""
    group = f"service:{service.name}"
    network = deployment.network
    task = launch(aws, service.cluster, deployment.definition, network, group=group, started_by=deployment.id)
    task.deployment = deployment.id
    task.exec = bool(service.document.get("enableExecuteCommand"))
    return task


def run(aws: "Aws", task: Task, lines: tuple[str, ...] = ()) -> None:
    """Let a task run, and write what it says at its start."""
    task.status, task.health, task.started = "RUNNING", "HEALTHY", aws.account.now()
    say(aws, task, *lines)


def say(aws: "Aws", task: Task, *lines: str) -> None:
    """Write lines to a task's log, if it has one."""
    log = aws.ecs.log(task)
    if log is not None and log[0] in aws.logs.groups:
        aws.logs.write(*log, *lines)


def stop(aws: "Aws", task: Task, code: str, reason: str, exit_code: int | None = None, container: str = "") -> None:
    """Let a task stop; what it did as a target ends too."""
    if task.status == "STOPPED":
        return
    task.status = task.desired = "STOPPED"
    task.stop_code, task.stopped_reason = code, reason
    task.exit_code, task.container_reason = exit_code, container
    task.stopped = aws.account.now()
    for group in aws.balancing.targets.values():
        group.health.pop(task.address, None)
    aws.network.interfaces.pop(task.interface, None)


def event(aws: "Aws", service: Service, message: str) -> None:
    """Tell something of a service; the newest comes first, and 100 are kept."""
    told = {
        "id": aws.account.unique(36),
        "createdAt": aws.account.now(),
        "message": f"(service {service.name}) {message}",
    }
    service.events.insert(0, told)
    del service.events[100:]


def named(tasks: list[Task]) -> str:
    return " ".join(f"(task {task.id})" for task in tasks)


def boot_line(document: Document) -> str:
    """Return the line that the service writes at its start."""
    return json.dumps({"event": "started", "release": release(document)})


def overridden(document: Document, overrides: Document) -> tuple[Document, list[str]]:
    """Return the definition and command of a one-off task with what it was run with."""
    told = copy.deepcopy(document)
    told |= {key: overrides[key] for key in ("executionRoleArn", "taskRoleArn", "cpu", "memory") if key in overrides}
    command: list[str] = list(told["containerDefinitions"][0].get("command", ()))
    for one in overrides.get("containerOverrides", ()):
        container: dict[str, Any] = next(held for held in told["containerDefinitions"] if held["name"] == one["name"])
        if "command" in one:
            container["command"] = command = list(one["command"])
        variables = {held["name"]: held["value"] for held in [*container["environment"], *one.get("environment", ())]}
        container["environment"] = [{"name": name, "value": value} for name, value in variables.items()]
    return told, command


def why_not(aws: "Aws", document: Document) -> str:
    """Return why a task can't start, "" when it can."""
    return starting.why_not(aws, document)
