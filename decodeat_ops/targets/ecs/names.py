"""Name everything that a deployment has in AWS: from the settings, and by its own name where they are silent."""

import re
from dataclasses import dataclass

from decodeat_ops.core.errors import Configuration
from decodeat_ops.settings.ecs import Ecs
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.ecs.release import PREFIX

CONTAINER = "decodeat"
PORT = 8000  # the image's own; clients reach it through the load balancer's
DEPLOYMENT = f"{PREFIX}deployment"  # the tag on all that this tool makes
_ECR = re.compile(r"(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/.+")
_TAG = re.compile(r"(?::[\w][\w.-]*)?(?:@sha256:[0-9a-f]{64})?$")


@dataclass(frozen=True)
class Registry:
    """Name the ECR registry that a repository is in."""

    account: str
    region: str


@dataclass(frozen=True)
class Names:
    """Hold the names of one deployment. A role or a secret may be an ARN, where the settings give one."""

    deployment: str
    account: str
    region: str
    cluster: str
    service: str
    family: str
    execution_role: str
    task_role: str
    infrastructure_role: str
    log_group: str
    secret: str
    repository: str
    pull_secret: str
    target_groups: tuple[str, ...]
    container: str = CONTAINER
    port: int = PORT

    @classmethod
    def of(cls, loaded: Loaded) -> "Names":
        """Return the names of a deployment. Raises `Configuration` as `require` does."""
        require(loaded)
        ecs, deployment = loaded.settings.ecs, loaded.deployment
        repository = _repository(loaded)
        return cls(
            deployment=deployment,
            account=ecs.account,
            region=ecs.region,
            cluster=ecs.cluster or deployment,
            service=ecs.service or deployment,
            family=ecs.family or deployment,
            execution_role=ecs.execution_role or f"{deployment}-execution",
            task_role=ecs.task_role or f"{deployment}-task",
            infrastructure_role=ecs.infrastructure_role,
            log_group=ecs.log_group or f"/ecs/{deployment}",
            secret=deployment,
            repository=repository,
            pull_secret=_pull_secret(loaded, repository),
            target_groups=tuple(arn for arn in (ecs.target_group, ecs.green_target_group) if arn),
        )

    @property
    def partition(self) -> str:
        """Return the part of AWS that the region is in, as ARNs name it."""
        starts = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
        return next((name for start, name in starts.items() if self.region.startswith(start)), "aws")

    @property
    def execution_role_arn(self) -> str:
        return self.role_arn(self.execution_role)

    @property
    def task_role_arn(self) -> str:
        return self.role_arn(self.task_role)

    @property
    def infrastructure_role_arn(self) -> str:
        """Return the role by which ECS shifts traffic between target groups, "" when there is none."""
        return self.role_arn(self.infrastructure_role) if self.infrastructure_role else ""

    @property
    def role_arns(self) -> tuple[str, ...]:
        """Return the roles that the deployment has, each once."""
        there = (self.execution_role_arn, self.task_role_arn, self.infrastructure_role_arn)
        return tuple(dict.fromkeys(filter(None, there)))

    @property
    def place(self) -> str:
        """Return where the deployment is, for people."""
        return f"{self.cluster}/{self.service} in {self.region}, account {self.account}"

    @property
    def of_ours(self) -> bool:
        """Return whether the repository is in this account's registry, where a bootstrap may make it."""
        registry = in_ecr(self.repository)
        return registry is not None and registry.account == self.account

    def role_arn(self, role: str) -> str:
        """Return a role's ARN; an ARN stays as it is."""
        return role if role.startswith("arn:") else f"arn:{self.partition}:iam::{self.account}:role/{role}"

    def tags(self) -> list[dict[str, str]]:
        """Return the tags of all that this tool makes, as ECS takes them."""
        return [{"key": DEPLOYMENT, "value": self.deployment}]


def require(loaded: Loaded) -> None:
    """Raise `Configuration` naming every key that the target needs and the settings lack."""
    ecs = loaded.settings.ecs
    needed = ["account", "region", "subnets", "security_groups"]
    if ecs.strategy != "rolling":
        needed += ["target_group", "green_target_group", "listener_rule", "infrastructure_role"]
    missing = [f"ecs.{key}" for key in needed if not getattr(ecs, key)]
    if not missing:
        return
    many = len(missing) > 1
    shift = f" (strategy {ecs.strategy})" if ecs.strategy != "rolling" else ""
    raise Configuration(
        f"--target ecs{shift} needs {', '.join(missing)}, which the settings don't give.",
        hint=f"Add {'them' if many else 'it'} under [ecs]; `decodeat-ops init` writes every key with its meaning.",
        lines=tuple(f"{key}: {_about(key)}" for key in missing),
        where="[ecs]",
    )


def in_ecr(repository: str) -> Registry | None:
    """Return the ECR registry that a repository is in, None when it is in another one."""
    found = _ECR.fullmatch(repository)
    return Registry(found[1], found[2]) if found else None


def _repository(loaded: Loaded) -> str:
    """Return where tasks pull the image from."""
    named = loaded.settings.ecs.image
    return _TAG.sub("", named) if named else built_repository(loaded)


def built_repository(loaded: Loaded) -> str:
    """Return where an image that is built here belongs: ECR of the account, unless the settings name another place."""
    settings = loaded.settings
    if settings.image.repository:
        return settings.image.repository
    ending = ".cn" if settings.ecs.region.startswith("cn-") else ""
    return f"{settings.ecs.account}.dkr.ecr.{settings.ecs.region}.amazonaws.com{ending}/{settings.name}"


def _pull_secret(loaded: Loaded, repository: str) -> str:
    """Return the secret that tasks log in to the registry with, "" for none; ECR takes the execution role instead."""
    if loaded.settings.ecs.pull_secret or in_ecr(repository):
        return loaded.settings.ecs.pull_secret
    return f"{loaded.deployment}-registry" if loaded.settings.image.user else ""


def _about(key: str) -> str:
    return Ecs.model_fields[key.removeprefix("ecs.")].description or ""
