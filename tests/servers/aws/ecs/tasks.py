"""Answer ECS about tasks: run one by itself, list, describe and stop, and open a session in one."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.servers.aws.ecs import clusters, definitions, launching, shapes, starting
from tests.servers.aws.ecs.state import Task
from tests.servers.aws.errors import Answer, Params, Refused, client, invalid
from tests.servers.aws.paging import ECS, page

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws

KEPT = timedelta(hours=1)  # a stopped task is described for as long


def run_task(aws: "Aws", params: Params) -> Answer:
    cluster = clusters.found(aws, params.get("cluster"))
    definition = definitions.found(aws, params["taskDefinition"], usable=True)
    network = params.get("networkConfiguration", {}).get("awsvpcConfiguration")
    if network is None:
        raise invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    shapes.check_network(aws, network)
    if len(params.get("startedBy", "")) > 128:
        raise invalid("startedBy is too long.")
    names = {one["name"] for one in definition.document["containerDefinitions"]}
    overrides = params.get("overrides", {})
    wrong = [one["name"] for one in overrides.get("containerOverrides", ()) if one.get("name") not in names]
    if wrong:
        raise invalid(f"Override for container named {wrong[0]} is not a container in the TaskDefinition.")
    document, command = launching.overridden(definition.document, overrides)
    for key in ("executionRoleArn", "taskRoleArn"):
        problem = starting.unusable_role(aws, document.get(key, ""))
        if problem:
            raise client(problem)
    known = [
        one
        for one in aws.ecs.tasks.values()
        if params.get("clientToken") and one.tags.get(":token") == params["clientToken"]
    ]
    if known:
        return {"tasks": [shown(one, tags=True) for one in known], "failures": []}
    made = []
    for _ in range(params.get("count", 1)):
        group = params.get("group") or f"family:{definition.family}"
        task = launching.launch(aws, cluster, definition, network, group=group, started_by=params.get("startedBy", ""))
        task.overrides = copy.deepcopy(overrides)
        task.tags = {one["key"]: one.get("value", "") for one in params.get("tags", ())}
        task.ends = aws.ecs.runs(document, command)
        task.exec = params.get("enableExecuteCommand", False)
        if params.get("clientToken"):
            task.tags[":token"] = params["clientToken"]
        made.append(task)
    return {"tasks": [shown(one, tags=True) for one in made], "failures": []}


def advance(aws: "Aws", task: Task) -> None:
    """Advance a task that was run by itself by one step."""
    if task.ends is None or task.status == "STOPPED" or aws.ecs.paused:
        return
    if task.status == "PROVISIONING":
        document, _ = launching.overridden(task.definition.document, task.overrides)
        why = launching.why_not(aws, document)
        if why:
            launching.stop(aws, task, "TaskFailedToStart", why, container=why if why.startswith("CannotPull") else "")
        else:
            launching.run(aws, task, task.ends.lines)
        return
    left = task.ends.looks - 1
    task.ends = replace(task.ends, looks=left)
    if left <= 0 and task.ends.exit_code is not None:
        reason = "Essential container in task exited"
        launching.stop(aws, task, "EssentialContainerExited", reason, task.ends.exit_code)


def _found(aws: "Aws", params: Params, named: str) -> Task | None:
    cluster = clusters.found(aws, params.get("cluster"))
    task = aws.ecs.tasks.get(named.rpartition("/")[2])
    gone = task is not None and task.stopped is not None and aws.account.now() - task.stopped > KEPT
    return task if task is not None and task.cluster is cluster and not gone else None


def describe_tasks(aws: "Aws", params: Params) -> Answer:
    if not 0 < len(params["tasks"]) <= 100:
        raise invalid("Tasks must have between 1 and 100 entries.")
    tasks, failures = [], []
    for named in params["tasks"]:
        task = _found(aws, params, named)
        if task is None:
            failures.append({"arn": named, "reason": "MISSING"})
            continue
        advance(aws, task)
        tasks.append(shown(task, tags="TAGS" in params.get("include", ())))
    return {"tasks": tasks, "failures": failures}


def list_tasks(aws: "Aws", params: Params) -> Answer:
    cluster = clusters.found(aws, params.get("cluster"))
    wanted, service = params.get("desiredStatus", "RUNNING"), params.get("serviceName")
    if wanted == "PENDING":
        raise invalid("desiredStatus PENDING filters on nothing: ECS never sets it.")
    if service is not None:
        service = service.rpartition("/")[2]
        if aws.account.arn("ecs", f"service/{cluster.name}/{service}") not in aws.ecs.services:
            raise Refused("ServiceNotFoundException", "Service not found.")
    held = [
        one.arn
        for one in aws.ecs.tasks.values()
        if _found(aws, params, one.id) is not None
        and one.desired == wanted
        and service in {None, one.group.removeprefix("service:")}
        and params.get("family", one.definition.family) == one.definition.family
        and params.get("startedBy", one.started_by) == one.started_by
    ]
    arns, more = page(held, params, ECS, aws.switches, "InvalidParameterException")
    return {"taskArns": arns, **more}


def stop_task(aws: "Aws", params: Params) -> Answer:
    task = _found(aws, params, params["task"])
    if task is None:
        raise invalid("The referenced task was not found.")
    launching.stop(aws, task, "UserInitiated", params.get("reason") or "Task stopped by user", 143)
    return {"task": shown(task, tags=False)}


def execute_command(aws: "Aws", params: Params) -> Answer:
    task = _found(aws, params, params["task"])
    if task is None:
        raise invalid("The referenced task was not found.")
    if not task.exec or task.status != "RUNNING":
        raise invalid(
            "The execute command failed because execute command was not enabled when the task was run or the execute "
            "command agent isn't running. Wait and try again or run a new task with execute command enabled and try "
            "again."
        )
    if not params["interactive"]:
        raise invalid("Interactive is the only mode supported currently.")
    session = f"ecs-execute-command-{aws.account.unique(17)}"
    url = f"wss://ssmmessages.{aws.account.region}.amazonaws.com/v1/data-channel/{session}"
    container = task.definition.document["containerDefinitions"][0]["name"]
    return {
        "clusterArn": task.cluster.arn,
        "containerArn": f"{task.arn}/{container}",
        "containerName": container,
        "interactive": True,
        "session": {"sessionId": session, "streamUrl": url, "tokenValue": aws.account.unique(64)},
        "taskArn": task.arn,
    }


def shown(task: Task, *, tags: bool) -> Answer:
    """Return a task as it is described."""
    details = [
        {"name": "subnetId", "value": task.subnet},
        {"name": "networkInterfaceId", "value": task.interface},
        {"name": "privateIPv4Address", "value": task.address},
    ]
    told: Answer = {
        "attachments": [
            {"id": task.interface, "type": "ElasticNetworkInterface", "status": "ATTACHED", "details": details}
        ],
        "clusterArn": task.cluster.arn,
        "containers": [_container(task, one) for one in task.definition.document["containerDefinitions"]],
        "cpu": task.definition.document.get("cpu", "256"),
        "createdAt": task.created,
        "desiredStatus": task.desired,
        "enableExecuteCommand": task.exec,
        "group": task.group,
        "healthStatus": task.health,
        "lastStatus": task.status,
        "launchType": "FARGATE",
        "memory": task.definition.document.get("memory", "512"),
        "overrides": copy.deepcopy(task.overrides),
        "platformVersion": "1.4.0",
        "tags": definitions.listed({k: v for k, v in task.tags.items() if k != ":token"}) if tags else [],
        "taskArn": task.arn,
        "taskDefinitionArn": task.definition.arn,
        "version": 1,
    }
    given = {
        "startedBy": task.started_by,
        "startedAt": task.started,
        "stoppedAt": task.stopped,
        "stopCode": task.stop_code,
        "stoppedReason": task.stopped_reason,
    }
    return told | {key: value for key, value in given.items() if value}


def _container(task: Task, document: Answer) -> Answer:
    told: Answer = {
        "containerArn": f"{task.arn}/{document['name']}",
        "taskArn": task.arn,
        "name": document["name"],
        "image": document["image"],
        "lastStatus": "PENDING" if task.status == "PROVISIONING" else task.status,
        "healthStatus": task.health,
        "networkInterfaces": [{"attachmentId": task.interface, "privateIpv4Address": task.address}],
        "cpu": str(document.get("cpu", 0)),
    }
    told |= {"imageDigest": document["image"].rpartition("@")[2]} if "@" in document["image"] else {}
    told |= {"exitCode": task.exit_code} if task.exit_code is not None else {}
    told |= {"reason": task.container_reason} if task.container_reason else {}
    if task.exec and task.status == "RUNNING":
        told["managedAgents"] = [
            {"name": "ExecuteCommandAgent", "lastStatus": "RUNNING", "lastStartedAt": task.started}
        ]
    return told


OPERATIONS: dict[str, Callable[["Aws", Params], Answer]] = {
    "RunTask": run_task,
    "DescribeTasks": describe_tasks,
    "ListTasks": list_tasks,
    "StopTask": stop_task,
    "ExecuteCommand": execute_command,
}
