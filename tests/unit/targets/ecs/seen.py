"""A service on ECS as the views see it: its state is data that a test sets, asked through AWS's own models."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from decodeat_ops.core.ports import Completed, Endpoint, Response
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease, tags
from tests.support.aws import ACCOUNT, IDENTITY, REGION, SETTINGS, PassingClock, Recorded, placed, refused

FAMILY = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/demo-production"
CLUSTER = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/demo-production"
GROUP = "/ecs/demo-production"
BEGAN = datetime(2026, 11, 29, 10, tzinfo=UTC)
MOMENT = int(BEGAN.timestamp() * 1000)  # ms since 1970
DIGEST = "sha256:" + "0" * 64


def release(number: int, **more: Any) -> EcsRelease:
    made = EcsRelease(
        id=f"2026112{number}T020000Z-abcdef{number}",
        fingerprint=f"f{number}",
        code="c",
        lock="l",
        secrets="s",
        revision="",
        created_at=f"2026-11-2{number}T02:00:00+00:00",
        created_by="ann",
        origin="deploy",
        data="first",
        sequence=number,
        image=f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/demo@{DIGEST}",
        task_definition=f"{FAMILY}:{number}",
        served=True,
    )
    return replace(made, **more)


ONE, TWO = release(1), release(2)


def definition(made: EcsRelease, **more: Any) -> dict[str, Any]:
    logs = {"awslogs-group": GROUP, "awslogs-region": REGION, "awslogs-stream-prefix": "decodeat"}
    container = {
        "name": "decodeat",
        "image": made.image,
        "environment": [{"name": "RELEASE_ID", "value": made.id}, {"name": "LOG_LEVEL", "value": "INFO"}],
        "logConfiguration": {"logDriver": "awslogs", "options": logs},
        **more,
    }
    return {
        "taskDefinitionArn": made.task_definition,
        "family": "demo-production",
        "status": "ACTIVE",
        "containerDefinitions": [container],
    }


def deployment(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"ecs-svc/{number}", "status": "PRIMARY", "rolloutState": "COMPLETED", "runningCount": 2,
        "desiredCount": 2, "pendingCount": 0, "failedTasks": 0, "taskDefinition": f"{FAMILY}:{number}",
        "createdAt": BEGAN, **more,
    }  # fmt: skip


def task(name: str, number: int, **more: Any) -> dict[str, Any]:
    """Return a task whose id is `name`, filled up to the length of a real one."""
    return {
        "taskArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/demo-production/{name:0<32}",
        "taskDefinitionArn": f"{FAMILY}:{number}", "lastStatus": "RUNNING", "desiredStatus": "RUNNING",
        "healthStatus": "HEALTHY", "startedAt": BEGAN, "availabilityZone": f"{REGION}a", "containers": [], **more,
    }  # fmt: skip


def said(task_name: str, text: str, at: float, *, arrived: float | None = None, number: int = 0) -> dict[str, Any]:
    """Return one event of a task's stream; times are seconds after `MOMENT`."""
    moment = MOMENT + int(at * 1000)
    return {
        "eventId": f"{moment:020}{task_name}{number}", "logStreamName": f"decodeat/decodeat/{task_name:0<32}",
        "timestamp": moment, "message": text,
        "ingestionTime": MOMENT + int((at if arrived is None else arrived) * 1000),
    }  # fmt: skip


def line(made: EcsRelease, text: str) -> str:
    """Return a line as the service writes it."""
    return json.dumps({"level": "INFO", "message": text, "release": made.id})


@dataclass
class Seen:
    """Hold a service's state; what it is made of may be changed while it is looked at."""

    deployments: list[dict[str, Any]] = field(default_factory=lambda: [deployment(2)])
    releases: tuple[EcsRelease, ...] = (TWO, ONE)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    service: dict[str, Any] | None = field(default_factory=dict)
    container: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    def aws(self) -> Recorded:
        owner = "demo-production"
        described = {
            one.task_definition: {"taskDefinition": definition(one, **self.container), "tags": tags(one, owner)}
            for one in self.releases
        }
        answers: dict[str, Any] = {
            "sts:GetCallerIdentity": IDENTITY,
            "ecs:DescribeServices": lambda params: self._services(),
            "ecs:ListTaskDefinitions": lambda params: {"taskDefinitionArns": list(described)},
            "ecs:DescribeTaskDefinition": lambda params: described[params["taskDefinition"]],
            "ecs:ListTasks": self._listed,
            "ecs:DescribeTasks": self._tasks,
            "logs:FilterLogEvents": self._filtered,
            **self.more,
        }
        return Recorded(answers)

    def _services(self) -> dict[str, Any]:
        if self.service is None:
            return {"services": []}
        running = sum(one["runningCount"] for one in self.deployments)
        plain = {
            "serviceArn": "arn:service", "serviceName": "demo-production", "status": "ACTIVE", "desiredCount": 2,
            "runningCount": running, "pendingCount": 0, "deployments": self.deployments, "events": [],
            "taskDefinition": self.deployments[0]["taskDefinition"],
            "tags": [{"key": "decodeat-ops:deployment", "value": "demo-production"}],
        }  # fmt: skip
        return {"services": [plain | self.service]}

    def _listed(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if self.service is None:
            raise refused("ecs:ListTasks", "ServiceNotFoundException")
        return {"taskArns": [one["taskArn"] for one in self.tasks if one["desiredStatus"] == params["desiredStatus"]]}

    def _tasks(self, params: Mapping[str, Any]) -> dict[str, Any]:
        wanted = {one.rpartition("/")[2] for one in params["tasks"]}
        return {"tasks": [one for one in self.tasks if one["taskArn"].rpartition("/")[2] in wanted]}

    def _filtered(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if params["logGroupName"] != GROUP:
            raise refused("logs:FilterLogEvents", "ResourceNotFoundException")
        pattern = params.get("filterPattern", "").strip('"')
        found = [
            one
            for one in self.events
            if one["logStreamName"].startswith(params.get("logStreamNamePrefix", ""))
            and params.get("startTime", 0) <= one["timestamp"] <= params.get("endTime", one["timestamp"])
            and pattern in one["message"]
        ]
        return {"events": sorted(found, key=lambda one: one["timestamp"])}

    def place(self, home: Path, text: str = SETTINGS, **ports: Any) -> Place:
        return replace(placed(home, self.aws(), text), **ports)


class Ended(Exception):
    """End what would look on for ever."""


class Script(PassingClock):
    """Let things happen while somebody waits: each `do` at its second. Nothing is waited for beyond `until`."""

    def __init__(self, until: float, *doing: tuple[float, Callable[[], None]]) -> None:
        super().__init__()
        self.until = until
        self.doing = sorted(doing, key=lambda one: one[0])

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        while self.doing and self.doing[0][0] <= self.seconds:
            self.doing.pop(0)[1]()
        if self.seconds > self.until:
            raise Ended


@dataclass
class Host:
    """Answer one program, and keep how it was called."""

    answer: Completed
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, argv: Any, **options: Any) -> Completed:
        self.asked.append(tuple(argv))
        return self.answer


@dataclass
class Web:
    """Answer every request with 200, and tell `then` of each."""

    then: Callable[[Mapping[str, str]], None] = lambda headers: None
    asked: list[tuple[Endpoint, str]] = field(default_factory=list)

    def request(self, endpoint: Endpoint, method: str, path: str, **options: Any) -> Response:
        self.asked.append((endpoint, path))
        self.then(options.get("headers") or {})
        return Response(200, {"date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", BEGAN.timetuple())}, b"{}", 0.0)
