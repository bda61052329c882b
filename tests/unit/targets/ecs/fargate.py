"""A small ECS in memory, strict: it checks every call against AWS's own models, and moves one step at each look."""

import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from decodeat_ops.core.aws import Answer, AwsRefused
from decodeat_ops.core.errors import Lost
from tests.support.aws import ACCOUNT, IDENTITY, REGION
from tests.unit.targets.ecs.cloud import checked

ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
BEGAN = datetime(2026, 11, 29, 10, tzinfo=UTC)
DIGEST = "registry.example.com/demo@sha256:" + "0" * 64
Thing = dict[str, Any]


@dataclass
class Fargate:
    """Hold one cluster with at most one service. Tests set what fails, and what others do between two calls.

    `failing` are task definitions whose tasks end at once, `unplaced` those whose tasks find no place, so that their
    deployment never ends. `refusing` are codes to refuse an operation with. `between` are functions called before the
    n-th call of an operation, counted from 1. `lost` are operations whose next call is carried out and never answered,
    `repeated` those of which the SDK's first try is carried out and not answered, so that it asks once more. `secret`
    is the only one in Secrets Manager. Without `shifts_tell_rollout` shifts have no rollout states. `stopped_as` is
    what becomes of a shift that is told to roll back. With `ends_slowly` tasks of what was rolled back run on.
    """

    region: str = REGION
    definitions: dict[str, Thing] = field(default_factory=dict)
    service: Thing | None = None
    tasks: dict[str, Thing] = field(default_factory=dict)
    streams: dict[str, list[str]] = field(default_factory=dict)
    shifts: list[Thing] = field(default_factory=list)
    scalable: list[Thing] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    unplaced: set[str] = field(default_factory=set)
    refusing: dict[str, str] = field(default_factory=dict)
    stuck: bool = False
    shifts_tell_rollout: bool = True
    stopped_as: str = "ROLLBACK_SUCCESSFUL"
    ends_slowly: bool = False
    between: dict[tuple[str, int], Callable[[], None]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    repeated: set[str] = field(default_factory=set)
    secret: Thing | None = None
    denied: set[str] = field(default_factory=set)
    calls: list[tuple[str, Thing]] = field(default_factory=list)
    errand: Callable[[list[str]], tuple[int | None, list[str]]] = lambda command: (0, [])
    _half_done: str = ""  # the deployment that ECS went back to without getting rid of the other one's tasks
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _tokens: dict[str, Any] = field(default_factory=dict)

    # The port

    def call(self, service: str, operation: str, /, **params: Any) -> Answer:
        checked(service, operation, params)
        self.calls.append((operation, params))
        count = sum(name == operation for name, _ in self.calls)
        self.between.pop((operation, count), lambda: None)()
        if operation in self.denied:
            raise AwsRefused(f"{service}:{operation}", "AccessDeniedException", "you may not")
        if operation in self.refusing:
            raise AwsRefused(f"{service}:{operation}", self.refusing[operation], "it says why")
        if operation in self.repeated:
            self.repeated.remove(operation)
            getattr(self, f"_{operation}")(params)
        answer: Answer = copy.deepcopy(getattr(self, f"_{operation}")(params))
        if operation in self.lost:
            self.lost.remove(operation)
            raise Lost(f"{operation} got no answer.")
        return answer

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> Iterator[Any]:
        yield from self.call(service, operation, **params)[key]

    def made(self, operation: str) -> list[Thing]:
        """Return the parameters of every call of an operation."""
        return [params for name, params in self.calls if name == operation]

    def writes(self) -> list[str]:
        return [name for name, _ in self.calls if not name.startswith(("Describe", "List", "Get"))]

    def _GetCallerIdentity(self, params: Thing) -> Thing:
        return IDENTITY

    # Task definitions

    def _RegisterTaskDefinition(self, params: Thing) -> Thing:
        for one in params["containerDefinitions"]:
            names = [variable["name"] for variable in (*one.get("environment", ()), *one.get("secrets", ()))]
            if len({*names}) < len(names):
                why = "The secret name must be unique and not shared with any environment variables."
                raise AwsRefused("ecs:RegisterTaskDefinition", "ClientException", why)
        number = len(self.definitions) + 1
        arn = f"{ARN}:task-definition/{params['family']}:{number}"
        kept = {name: value for name, value in params.items() if name != "tags"}
        self.definitions[arn] = {
            "definition": {**kept, "taskDefinitionArn": arn, "revision": number, "status": "ACTIVE"},
            "tags": params.get("tags", []),
        }
        return {"taskDefinition": self.definitions[arn]["definition"]}

    def _DescribeTaskDefinition(self, params: Thing) -> Thing:
        found = self.definitions[params["taskDefinition"]]
        return {"taskDefinition": found["definition"], "tags": found["tags"]}

    def _ListTaskDefinitions(self, params: Thing) -> Thing:
        active = [arn for arn, one in self.definitions.items() if one["definition"]["status"] == "ACTIVE"]
        ordered = active[::-1] if params.get("sort") == "DESC" else active
        return {"taskDefinitionArns": ordered[: params.get("maxResults", 100)]}

    def _DeregisterTaskDefinition(self, params: Thing) -> Thing:
        found = self.definitions[params["taskDefinition"]]["definition"]
        if found["status"] != "ACTIVE":
            raise AwsRefused("ecs:DeregisterTaskDefinition", "ClientException", "The task definition is not active.")
        found["status"] = "INACTIVE"
        return {"taskDefinition": found}

    # The service

    def _CreateService(self, params: Thing) -> Thing:
        token = params["clientToken"]
        if self.service is not None and self.service["status"] != "INACTIVE":
            if self._tokens.get(token) == params["serviceName"]:
                return {"service": self.service}
            raise AwsRefused("ecs:CreateService", "InvalidParameterException", "Creation was not idempotent.")
        self._tokens[token] = params["serviceName"]
        dropped = {"cluster", "clientToken", "serviceName"}
        self.service = {
            **{name: value for name, value in params.items() if name not in dropped},
            "serviceName": params["serviceName"],
            "serviceArn": f"{ARN}:service/{params['cluster']}/{params['serviceName']}",
            "status": "ACTIVE",
            "runningCount": 0,
            "pendingCount": 0,
            "deployments": [],
            "events": [],
            "createdAt": self._now(),
        }
        self.deploy(params["taskDefinition"])
        return {"service": self.service}

    def _UpdateService(self, params: Thing) -> Thing:
        service = self._active()
        new = str(params.get("taskDefinition", service["taskDefinition"]))
        assert self.definitions[new]["definition"]["status"] == "ACTIVE", "it is deregistered"
        network = params.get("networkConfiguration", service["networkConfiguration"])
        moves = new != service["taskDefinition"] or network != service["networkConfiguration"]
        kept = {"cluster", "service", "taskDefinition", "forceNewDeployment"}
        service |= {name: value for name, value in params.items() if name not in kept}
        if moves or params.get("forceNewDeployment"):
            self.deploy(new)
        return {"service": service}

    def _DeleteService(self, params: Thing) -> Thing:
        service = self._active()
        assert params.get("force") or service["desiredCount"] == 0
        service |= {"status": "DRAINING", "desiredCount": 0}
        return {"service": service}

    def _DescribeServices(self, params: Thing) -> Thing:
        if self.service is None:
            return {"services": [], "failures": [{"reason": "MISSING"}]}
        told = copy.deepcopy(self.service)
        if not self.shifts_tell_rollout and told["deploymentConfiguration"]["strategy"] != "ROLLING":
            for one in told["deployments"]:
                del one["rolloutState"]
        self.step()
        return {"services": [told], "failures": []}

    def _TagResource(self, params: Thing) -> Thing:
        arn = params["resourceArn"]
        if arn in self.definitions:
            tagged = self.definitions[arn]
        else:
            tagged = self._active()
            assert arn == tagged["serviceArn"], "there is no such resource"
        new = {one["key"]: one["value"] for one in params["tags"]}
        old = {one["key"]: one["value"] for one in tagged.get("tags", [])}
        tagged["tags"] = [{"key": key, "value": value} for key, value in (old | new).items()]
        return {}

    def _DescribeSecret(self, params: Thing) -> Thing:
        if self.secret is None:
            raise AwsRefused("secretsmanager:DescribeSecret", "ResourceNotFoundException", "there is no such secret")
        return self.secret

    def _DescribeScalableTargets(self, params: Thing) -> Thing:
        return {"ScalableTargets": self.scalable}

    def _active(self) -> Thing:
        assert self.service is not None and self.service["status"] == "ACTIVE", "there is no service"
        return self.service

    def deploy(self, task_definition: str, reason: str = "") -> str:
        """Begin a deployment, as UpdateService does, or somebody else, or ECS itself."""
        service = self._active()
        number = next(self._numbers)
        for one in service["deployments"]:
            one["status"] = "ACTIVE"
        service["taskDefinition"] = task_definition
        service["deployments"].insert(
            0,
            {
                "id": f"ecs-svc/{number}",
                "status": "PRIMARY",
                "taskDefinition": task_definition,
                "desiredCount": service["desiredCount"],
                "runningCount": 0,
                "pendingCount": 0,
                "failedTasks": 0,
                "rolloutState": "IN_PROGRESS",
                "rolloutStateReason": reason,
                "createdAt": self._now(),
                "platformVersion": service["platformVersion"],
                "networkConfiguration": copy.deepcopy(service["networkConfiguration"]),
            },
        )
        self.event(f"deployment ecs-svc/{number} began")
        return f"ecs-svc/{number}"

    def event(self, message: str) -> None:
        events = self._active()["events"]
        events.insert(0, {"id": f"e{next(self._numbers)}", "createdAt": self._now(), "message": message})

    def _now(self) -> datetime:
        return BEGAN + timedelta(seconds=next(self._numbers))

    def step(self) -> None:
        """Let ECS do its next piece of work."""
        service = self.service
        if service is None or self.stuck or service["status"] == "INACTIVE":
            return
        if service["status"] == "DRAINING":
            service |= {"status": "INACTIVE", "runningCount": 0, "deployments": []}
            return
        primary, *others = service["deployments"]
        if primary["rolloutState"] == "FAILED" or primary["taskDefinition"] in self.unplaced:
            return
        if primary["id"] == self._half_done:
            return
        if primary["taskDefinition"] in self.failing and service["desiredCount"]:
            self._fail(primary, others)
        elif primary["runningCount"] != service["desiredCount"]:
            primary["runningCount"] = service["desiredCount"]
        elif others:
            del service["deployments"][1:]
        elif primary["rolloutState"] == "IN_PROGRESS":
            primary |= {"rolloutState": "COMPLETED", "rolloutStateReason": "deployment completed"}
        service["runningCount"] = sum(one["runningCount"] for one in service["deployments"])

    def _fail(self, primary: Thing, others: list[Thing]) -> None:
        primary["failedTasks"] += 1
        self.ended_task(primary["taskDefinition"], code=3, reason="Essential container in task exited")
        if primary["failedTasks"] < 2:
            return
        primary |= {"rolloutState": "FAILED", "rolloutStateReason": "tasks failed to start"}
        self.event("deployment failed: tasks failed to start")
        breaker = self._active()["deploymentConfiguration"]["deploymentCircuitBreaker"]
        back = next((one for one in others if one["rolloutState"] == "COMPLETED"), None)
        if breaker["rollback"] and back is not None:
            self.deploy(back["taskDefinition"], f"rolling back to deploymentId {back['id']}")

    # Tasks

    def ended_task(self, task_definition: str, *, code: int | None, reason: str = "", **more: Any) -> str:
        """Add a task that has ended, of the service unless `more` says otherwise."""
        arn = f"{ARN}:task/demo-production/{next(self._numbers):032x}"
        container: Thing = {"name": "decodeat", **({"exitCode": code} if code is not None else {})}
        self.tasks[arn] = {
            "taskArn": arn,
            "taskDefinitionArn": task_definition,
            "lastStatus": "STOPPED",
            "desiredStatus": "STOPPED",
            "stoppedReason": reason,
            "createdAt": self._now(),
            "stoppedAt": self._now(),
            "group": "service:demo-production",
            "containers": [container],
            **more,
        }
        self.streams.setdefault(f"decodeat/decodeat/{arn.rpartition('/')[2]}", ["it can't start"])
        return arn

    def _ListTasks(self, params: Thing) -> Thing:
        assert "startedBy" not in params or set(params) == {"cluster", "startedBy"}, "it must be the only filter"
        group = f"service:{params['serviceName']}" if "serviceName" in params else ""
        status = params.get("desiredStatus", "RUNNING")
        found = [
            arn for arn, one in self.tasks.items() if one["desiredStatus"] == status and group in ("", one["group"])
        ]
        return {"taskArns": found}

    def _DescribeTasks(self, params: Thing) -> Thing:
        found = [self.tasks[arn] for arn in params["tasks"] if arn in self.tasks]
        told = copy.deepcopy(found)
        for one in found:
            self._work(one)
        return {"tasks": told, "failures": []}

    def _work(self, task: Thing) -> None:
        """Let a one-off task run and end, unless everything is stuck."""
        if task["lastStatus"] == "STOPPED" or task["group"].startswith("service:"):
            return
        if self.stuck and task["desiredStatus"] == "RUNNING":
            return
        command = task["overrides"]["containerOverrides"][0]["command"]
        code, lines = (137, []) if task["desiredStatus"] == "STOPPED" else self.errand(command)
        container: Thing = {"name": "decodeat"} | ({} if code is None else {"exitCode": code})
        task |= {"lastStatus": "STOPPED", "desiredStatus": "STOPPED", "containers": [container]}
        task["stoppedReason"] = "CannotPullContainerError" if code is None else "Essential container in task exited"
        self.streams[f"decodeat/decodeat/{task['taskArn'].rpartition('/')[2]}"] = lines

    def _RunTask(self, params: Thing) -> Thing:
        token = params["clientToken"]
        if token not in self._tokens:
            arn = f"{ARN}:task/demo-production/{next(self._numbers):032x}"
            self._tokens[token] = arn
            self.tasks[arn] = {
                "taskArn": arn,
                "taskDefinitionArn": params["taskDefinition"],
                "lastStatus": "PROVISIONING",
                "desiredStatus": "RUNNING",
                "createdAt": self._now(),
                "group": params["group"],
                "startedBy": params["startedBy"],
                "overrides": params["overrides"],
            }
        return {"tasks": [self.tasks[self._tokens[token]]], "failures": []}

    def _StopTask(self, params: Thing) -> Thing:
        self.tasks[params["task"]]["desiredStatus"] = "STOPPED"
        return {"task": self.tasks[params["task"]]}

    def _GetLogEvents(self, params: Thing) -> Thing:
        if params["logStreamName"] not in self.streams:
            raise AwsRefused("logs:GetLogEvents", "ResourceNotFoundException", "no such stream")
        lines = self.streams[params["logStreamName"]][-params["limit"] :]
        return {"events": [{"timestamp": 0, "message": line} for line in lines]}

    # Shifts

    def shift(self, task_definition: str, status: str, **more: Any) -> Thing:
        """Add a service deployment, as ECS keeps it of a shift."""
        number = next(self._numbers)
        made: Thing = {
            "serviceDeploymentArn": f"{ARN}:service-deployment/demo-production/demo-production/{number}",
            "status": status,
            "createdAt": self._now(),
            "targetServiceRevision": {
                "arn": f"{ARN}:service-revision/demo-production/demo-production/{number}",
                "requestedTaskCount": 2,
                "runningTaskCount": 1,
                "requestedProductionTrafficWeight": 10.0,
            },
            "taskDefinition": task_definition,
            **more,
        }
        self.shifts.append(made)
        return made

    def _ListServiceDeployments(self, params: Thing) -> Thing:
        after = params.get("createdAt", {}).get("after", BEGAN)
        told = [
            {
                "serviceDeploymentArn": one["serviceDeploymentArn"],
                "status": one["status"],
                "createdAt": one["createdAt"],
                "targetServiceRevisionArn": one["targetServiceRevision"]["arn"],
            }
            for one in self.shifts
            if one["createdAt"] >= after
        ]
        return {"serviceDeployments": told}

    def _DescribeServiceRevisions(self, params: Thing) -> Thing:
        known = {one["targetServiceRevision"]["arn"]: one["taskDefinition"] for one in self.shifts}
        known |= {_revision(task_definition): task_definition for task_definition in self.definitions}
        return {
            "serviceRevisions": [
                {"serviceRevisionArn": arn, "taskDefinition": known[arn]}
                for arn in params["serviceRevisionArns"]
                if arn in known
            ]
        }

    def _DescribeServiceDeployments(self, params: Thing) -> Thing:
        found = [one for one in self.shifts if one["serviceDeploymentArn"] in params["serviceDeploymentArns"]]
        return {"serviceDeployments": found}

    def _StopServiceDeployment(self, params: Thing) -> Thing:
        (found,) = [one for one in self.shifts if one["serviceDeploymentArn"] == params["serviceDeploymentArn"]]
        assert params["stopType"] == "ROLLBACK" and found["status"] == "IN_PROGRESS"
        found["status"] = self.stopped_as
        if self.stopped_as in {"ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"}:
            self.go_back(found, self.stopped_as)
        return {"serviceDeploymentArn": found["serviceDeploymentArn"]}

    def go_back(self, shift: Thing, status: str = "ROLLBACK_SUCCESSFUL", **rollback: Any) -> None:
        """Let ECS go back from a shift to the deployment before; where it fails, the newer one's tasks run for ever."""
        service = self._active()
        newer = [one for one in service["deployments"] if one["taskDefinition"] == shift["taskDefinition"]]
        old = next(one for one in service["deployments"] if one["taskDefinition"] != shift["taskDefinition"])
        told = {"serviceRevisionArn": _revision(old["taskDefinition"]), **rollback}
        shift |= {"status": status, "rollback": told}
        shift |= {"finishedAt": self._now()} if status != "ROLLBACK_IN_PROGRESS" else {}
        old["status"], service["taskDefinition"] = "PRIMARY", old["taskDefinition"]
        service["deployments"] = [old]
        if self.ends_slowly or status == "ROLLBACK_FAILED":
            old["rolloutState"] = "IN_PROGRESS"
            service["deployments"] += [one | {"status": "ACTIVE", "rolloutState": "FAILED"} for one in newer]
        if status == "ROLLBACK_FAILED":
            self._half_done = old["id"]


def _revision(task_definition: str) -> str:
    """Return the service revision that a task definition has served in before any shift that is listed."""
    return f"{ARN}:service-revision/demo-production/demo-production/of-{task_definition.rpartition(':')[2]}"
