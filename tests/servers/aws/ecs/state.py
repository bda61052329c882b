"""Hold what ECS keeps of an account: clusters, task definitions, tasks, services and their deployments."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.servers.aws.account import Account
from tests.servers.aws.ecs.behaviour import GOOD, Behaves, Document, Ended, Runs

ACTIVE, DRAINING, INACTIVE = "ACTIVE", "DRAINING", "INACTIVE"
IN_PROGRESS, COMPLETED, FAILED = "IN_PROGRESS", "COMPLETED", "FAILED"
PRIMARY = "PRIMARY"


@dataclass
class Cluster:
    """Hold a cluster: its tags and what it was created with."""

    name: str
    arn: str
    status: str = ACTIVE
    tags: dict[str, str] = field(default_factory=dict)
    settings: list[Document] = field(default_factory=list)


@dataclass
class TaskDefinition:
    """Hold one revision of a family, as it was registered."""

    arn: str
    family: str
    revision: int
    document: Document
    registered: datetime
    by: str
    tags: dict[str, str] = field(default_factory=dict)
    status: str = ACTIVE
    deregistered: datetime | None = None

    @property
    def name(self) -> str:
        return f"{self.family}:{self.revision}"


@dataclass
class Task:
    """Hold one task. `deployment` is the id of the service's deployment, "" for a task that was run by itself."""

    id: str
    arn: str
    cluster: Cluster
    definition: TaskDefinition
    group: str
    started_by: str
    deployment: str
    address: str
    interface: str
    subnet: str
    created: datetime
    status: str = "PROVISIONING"
    desired: str = "RUNNING"
    health: str = "UNKNOWN"
    exit_code: int | None = None
    container_reason: str = ""
    stop_code: str = ""
    stopped_reason: str = ""
    started: datetime | None = None
    stopped: datetime | None = None
    overrides: Document = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    ends: Ended | None = None
    exec: bool = False


@dataclass
class Deployment:
    """Hold one entry of a service's `deployments`."""

    id: str
    status: str
    definition: TaskDefinition
    desired: int
    created: datetime
    updated: datetime
    revision: str
    network: Document
    platform: str
    pending: int = 0
    running: int = 0
    failed: int = 0
    state: str = IN_PROGRESS
    reason: str = ""
    ever_completed: bool = False
    looks: int = 0  # how often it was looked at once it was over


@dataclass
class ServiceDeployment:
    """Hold a service deployment: what ECS calls one attempt to get a revision into service."""

    arn: str
    target: str
    sources: list[str]
    configuration: Document
    created: datetime
    status: str = IN_PROGRESS
    reason: str = ""
    stage: str = ""
    weight: float = 0.0  # percent of the production traffic that the target has
    test_weight: float = 0.0
    finished: datetime | None = None
    rollback: Document | None = None


@dataclass
class Service:
    """Hold a service: `document` is its configuration, all else its state."""

    name: str
    arn: str
    cluster: Cluster
    document: Document
    created: datetime
    created_by: str
    desired: int
    status: str = ACTIVE
    tags: dict[str, str] = field(default_factory=dict)
    deployments: list[Deployment] = field(default_factory=list)
    events: list[Document] = field(default_factory=list)
    history: list[ServiceDeployment] = field(default_factory=list)
    token: str = ""
    tells_rollout: bool = True
    looked_at: bool = False

    @property
    def primary(self) -> Deployment | None:
        return next((one for one in self.deployments if one.status == PRIMARY), None)

    @property
    def current(self) -> ServiceDeployment | None:
        return self.history[-1] if self.history else None

    @property
    def strategy(self) -> str:
        return str(self.document.get("deploymentConfiguration", {}).get("strategy", "ROLLING"))

    def deployment(self, revision: str) -> Deployment | None:
        return next((one for one in self.deployments if one.revision == revision), None)


@dataclass
class Revision:
    """Hold a service revision: what a deployment was to bring."""

    arn: str
    service: Service
    definition: TaskDefinition
    document: Document
    created: datetime


@dataclass
class Ecs:
    """Hold everything of ECS, and how a test wants it to behave.

    `behaves` and `runs` decide about the tasks of services and those that are run by themselves. While it is `paused`
    no rollout advances. `pace` is how many tasks of a deployment start at one look; 0 is all. After a rollback by
    the circuit breaker the earlier deployment is primary again, under its own id or, with `new_rollback_id`, a new one.
    `lingers` is how many looks a failed deployment stays in the list for after that. AWS documents rollout states for
    rolling deployments alone: without `shifts_tell_rollout` those of a service made from then on have none in a shift.
    Tasks of a shift that was rolled back run on for `ends_late` looks after that is over; where `rollbacks_fail`, for
    ever.
    """

    account: Account
    clusters: dict[str, Cluster] = field(default_factory=dict)
    families: dict[str, list[TaskDefinition]] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)  # by id
    services: dict[str, Service] = field(default_factory=dict)  # by ARN
    revisions: dict[str, Revision] = field(default_factory=dict)
    behaves: Behaves = lambda document: GOOD
    runs: Runs = lambda document, command: Ended()
    paused: bool = False
    pace: int = 0
    new_rollback_id: bool = True
    lingers: int = 1
    shifts_tell_rollout: bool = True
    ends_late: int = 0
    rollbacks_fail: bool = False

    def definition(self, named: str) -> TaskDefinition | None:
        """Return a revision by ARN or family:revision; a family alone is its newest active one."""
        family, _, revision = named.rpartition("/")[2].partition(":")
        known = self.families.get(family, [])
        if not revision:
            return next((one for one in reversed(known) if one.status == ACTIVE), None)
        return known[int(revision) - 1] if revision.isdigit() and 0 < int(revision) <= len(known) else None

    def tasks_of(self, deployment: str, *states: str) -> list[Task]:
        return [
            one for one in self.tasks.values() if one.deployment == deployment and (not states or one.status in states)
        ]

    def service(self, name: str, cluster: str = "") -> Service:
        """Return the service that a test means, by its name."""
        found = [one for one in self.services.values() if one.name == name and cluster in {"", one.cluster.name}]
        return next((one for one in reversed(found) if one.status != INACTIVE), found[-1])

    def log(self, task: Task) -> tuple[str, str] | None:
        """Return the log group and stream of a task, None when it has none."""
        container: dict[str, Any] = task.definition.document["containerDefinitions"][0]
        options = container.get("logConfiguration", {}).get("options", {})
        if "awslogs-group" not in options:
            return None
        prefix = options.get("awslogs-stream-prefix")
        stream = f"{prefix}/{container['name']}/{task.id}" if prefix else task.id
        return str(options["awslogs-group"]), stream
