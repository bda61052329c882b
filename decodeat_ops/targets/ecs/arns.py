"""Write the ARNs of what a deployment has, as policies name it."""

from dataclasses import dataclass

from decodeat_ops.targets.ecs.names import Names, in_ecr

# What Secrets Manager appends to a secret's name in its ARN: a hyphen and six characters.
SUFFIX = "-??????"


def role_name(arn: str) -> str:
    """Return a role's name, which is the end of its ARN."""
    return arn.rpartition("/")[2]


@dataclass(frozen=True)
class Arns:
    """Write ARNs in a deployment's account and region."""

    names: Names

    @property
    def cluster(self) -> str:
        return self._of("ecs", f"cluster/{self.names.cluster}")

    @property
    def service(self) -> str:
        return self._of("ecs", f"service/{self.names.cluster}/{self.names.service}")

    @property
    def service_deployments(self) -> str:
        return self._of("ecs", f"service-deployment/{self.names.cluster}/{self.names.service}/*")

    @property
    def task_definitions(self) -> str:
        return self._of("ecs", f"task-definition/{self.names.family}:*")

    @property
    def tasks(self) -> str:
        return self._of("ecs", f"task/{self.names.cluster}/*")

    @property
    def log_group(self) -> str:
        return self._of("logs", f"log-group:{self.names.log_group}")

    @property
    def repository(self) -> str:
        """Return the image repository's ARN, "" when it is not in ECR."""
        registry = in_ecr(self.names.repository)
        if registry is None:
            return ""
        name = self.names.repository.partition("/")[2]
        return f"arn:{self.names.partition}:ecr:{registry.region}:{registry.account}:repository/{name}"

    def secret(self, name: str) -> str:
        """Return a secret's ARN; with a pattern for the end that AWS gives it, unless it is one already."""
        return name if name.startswith("arn:") else self._of("secretsmanager", f"secret:{name}{SUFFIX}")

    def _of(self, service: str, resource: str) -> str:
        names = self.names
        return f"arn:{names.partition}:{service}:{names.region}:{names.account}:{resource}"
