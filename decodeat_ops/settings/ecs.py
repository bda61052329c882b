"""Define the table [ecs] of the settings."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from decodeat_ops.settings.section import Section


def _shaped(pattern: str, what: str) -> AfterValidator:
    """Return what refuses a text of another shape, in words; an empty text is "not given"."""
    shape = re.compile(pattern)

    def check(text: str) -> str:
        if text and not shape.fullmatch(text):
            raise ValueError(f"must be {what}")
        return text

    return AfterValidator(check)


_ARN = r"arn:aws[a-z-]*"
_ROLE = rf"{_ARN}:iam::\d{{12}}:role/[\w+=,.@/-]+"
_BALANCING = rf"{_ARN}:elasticloadbalancing:[a-z0-9-]+:\d{{12}}"
_TAGGED = r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?@sha256:[0-9a-f]{64}|:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"

Account = Annotated[str, _shaped(r"\d{12}", "12 digits")]
Region = Annotated[str, _shaped(r"[a-z]{2}(-[a-z]+)+-\d", "a region such as eu-central-1")]
Name = Annotated[str, _shaped(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}", "letters, digits, - and _")]
LogGroup = Annotated[str, _shaped(r"[A-Za-z0-9_/.#-]{1,512}", "letters, digits, and any of _ / . # -")]
RoleArn = Annotated[str, _shaped(_ROLE, "a role's ARN")]
Role = Annotated[str, _shaped(rf"{_ROLE}|[\w+=,.@-]{{1,64}}", "a role's name or ARN")]
TargetGroup = Annotated[str, _shaped(rf"{_BALANCING}:targetgroup/[A-Za-z0-9-]+/[0-9a-f]+", "a target group's ARN")]
Rule = Annotated[
    str, _shaped(rf"{_BALANCING}:listener(-rule)?/(app|net)/[A-Za-z0-9/-]+", "the ARN of a listener or of its rule")
]
Url = Annotated[str, _shaped(r"https?://[^/@\s?#]+/?", "http:// or https:// and a host, with a port or without")]
Secret = Annotated[str, _shaped(r"[A-Za-z0-9/_+=.@:-]{1,512}", "a secret's name or ARN")]
ImageName = Annotated[
    str, _shaped(rf"[a-z0-9][a-z0-9.:/_-]*[a-z0-9]({_TAGGED})", "an image with a tag or a digest, such as a/b:1.2")
]
Subnet = Annotated[str, _shaped(r"subnet-[0-9a-f]+", "the id of a subnet")]
Group = Annotated[str, _shaped(r"sg-[0-9a-f]+", "the id of a security group")]
Days = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653]  # that CloudWatch takes

MEMORY: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}  # MiB that Fargate gives to a task with that many CPU units
LEAST_PERCENT = {"linear": 3.0, "canary": 0.1}  # that ECS shifts in one step, by strategy
_ROUNDING = 1e-6  # by which ten times a multiple of 0.1 may differ from a whole number


class Ecs(Section):
    """`--target ecs`: the service on Amazon ECS with Fargate. Names left empty are NAME-ENV."""

    account: Account = Field("", description="The AWS account, 12 digits; another one is refused")
    region: Region = Field("", description="The one region that all of it is in")
    profile: str = Field("", description="Profile of the AWS configuration; empty: the SDK's own search")
    role: RoleArn = Field("", description="ARN of a role to assume for all calls; empty: none")
    endpoint: Url = Field("", description="Another server that speaks AWS's API, for an emulator; empty: AWS itself")

    cluster: Name = Field("", description="Cluster; empty: NAME-ENV")
    service: Name = Field("", description="Service; empty: NAME-ENV")
    family: Name = Field("", description="Family of the task definitions; empty: NAME-ENV")
    image: ImageName = Field(
        "", description="An image to deploy instead of building one, with a tag or a digest; it runs by its digest"
    )
    pull_secret: Secret = Field("", description="Secret with username and password of a registry other than ECR")
    cpu: int = Field(1024, description="CPU units of a task, 1024 for one processor")
    memory: int = Field(
        2048, validate_default=True, description="Memory of a task in MiB; Fargate takes certain pairs with cpu"
    )
    desired: int = Field(
        2, ge=1, le=1000, description="Tasks of a new service; later `decodeat-ops scale` or autoscaling decides"
    )
    stop_timeout: int = Field(
        0, ge=0, le=120, description="Seconds a task may take to finish requests; 0: REQUEST_TIMEOUT + 30, at most 120"
    )
    exec: bool = Field(
        False, description="Let `decodeat-ops exec` open a shell in a task; its role then needs ssmmessages"
    )
    execution_role: Role = Field("", description="Pulls the image, reads secrets; empty: NAME-ENV-execution")
    task_role: Role = Field("", description="Role that the service itself has; empty: NAME-ENV-task")

    subnets: list[Subnet] = Field(default=[], description="Subnets of the tasks, in two zones or more")
    security_groups: list[Group] = Field(
        default=[], max_length=5, description="Security groups of the tasks; port 8000 is open to the load balancer"
    )
    public_ip: bool = Field(False, description="Give tasks a public address; needed in a subnet without a NAT gateway")
    target_group: TargetGroup = Field("", description="ARN of the load balancer's target group; empty: none")
    address: Url = Field("", description="Public URL that clients use; empty: the load balancer's own name")
    grace_seconds: int = Field(
        60, ge=0, le=3600, description="How long the load balancer's health checks of a new task don't count"
    )
    log_group: LogGroup = Field("", description="Log group; empty: /ecs/NAME-ENV")
    log_retention_days: Days = Field(
        30, description="Days that a log group made by `decodeat-ops bootstrap` keeps its lines"
    )

    keep_revisions: int = Field(5, ge=2, le=100, description="Revisions kept for rollback, the active one included")
    deploy_minutes: float = Field(
        30.0, gt=0, le=1440, description="How long a deployment may take, without the minutes of a shift"
    )
    alarms: list[str] = Field(
        default=[], description="CloudWatch alarms that end a deployment and bring the old revision back"
    )
    strategy: Literal["rolling", "blue-green", "linear", "canary"] = Field(
        "rolling", description="How ECS replaces tasks; all but rolling shift traffic between two target groups"
    )
    bake_minutes: int = Field(5, ge=0, le=1440, description="Shift: how long both revisions run after the last step")
    step_percent: float = Field(
        10.0,
        ge=0.1,
        le=100,
        description="Linear: percent of each step, 3 or more; canary: of the first; both in steps of 0.1",
    )
    step_minutes: int = Field(5, ge=0, le=1440, description="Linear and canary: time between steps")
    green_target_group: TargetGroup = Field("", description="Shift: ARN of the second target group")
    listener_rule: Rule = Field("", description="Shift: ARN of the listener rule that clients' requests take")
    test_listener_rule: Rule = Field("", description="Shift: ARN of a rule that reaches the new revision first")
    infrastructure_role: Role = Field("", description="Shift: role by which ECS changes the load balancer")

    @field_validator("cpu")
    @classmethod
    def _a_size(cls, value: int) -> int:
        if value not in MEMORY:
            raise ValueError(f"must be one of {', '.join(map(str, MEMORY))}")
        return value

    @field_validator("memory")
    @classmethod
    def _fits_cpu(cls, value: int, info: ValidationInfo) -> int:
        cpu = info.data.get("cpu")
        fitting = MEMORY.get(cpu, ()) if cpu is not None else ()
        if fitting and value not in fitting:
            step = f" in steps of {fitting[1] - fitting[0]}" if len(fitting) > 3 else ""
            known = f"from {fitting[0]} to {fitting[-1]}{step}" if step else f"one of {', '.join(map(str, fitting))}"
            raise ValueError(f"must be {known} with cpu = {cpu}")
        return value

    @field_validator("step_percent")
    @classmethod
    def _a_step(cls, value: float, info: ValidationInfo) -> float:
        strategy = str(info.data.get("strategy", ""))
        least = LEAST_PERCENT.get(strategy)
        if least is not None and (value < least or abs(value * 10 - round(value * 10)) > _ROUNDING):
            raise ValueError(f"must be from {least} to 100.0 in steps of 0.1 with strategy = {strategy}")
        return value
