"""Furnish an account with what a deployment needs, as somebody with Terraform or the console would."""

from dataclasses import dataclass

from tests.servers.aws.ecs.state import Cluster
from tests.servers.aws.elbv2 import Balancer, Listener, TargetGroup
from tests.servers.aws.fake import Aws
from tests.servers.aws.policy import Document
from tests.servers.aws.principals import Role

VERSION = "2012-10-17"


@dataclass
class Network:
    """Hold a network with a load balancer: two target groups, `green` without requests yet, and two listeners."""

    vpc: str
    subnets: list[str]
    groups: list[str]
    balancer: Balancer
    blue: TargetGroup
    green: TargetGroup
    production: Listener
    test: Listener

    @property
    def production_rule(self) -> str:
        return next(iter(self.production.rules))

    @property
    def test_rule(self) -> str:
        return next(iter(self.test.rules))


def network(fake: Aws) -> Network:
    """Add a network with a load balancer."""
    vpc = fake.network.vpc()
    groups = fake.network.groups_of(vpc)
    balancer = fake.balancing.balancer("web", vpc, *groups)
    blue, green = (fake.balancing.target_group(name, vpc) for name in ("blue", "green"))
    production = fake.balancing.listener(balancer, 443, {blue.arn: 100, green.arn: 0}, protocol="HTTPS")
    test = fake.balancing.listener(balancer, 8443, {blue.arn: 100, green.arn: 0}, protocol="HTTPS")
    return Network(vpc, fake.network.subnets_of(vpc), groups, balancer, blue, green, production, test)


def allowing(*actions: str, resource: str = "*") -> Document:
    """Return a policy that allows these actions."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {"Version": VERSION, "Statement": [statement]}


def trusting(*principals: str) -> Document:
    """Return a trust policy for services, such as "ecs-tasks.amazonaws.com", or for principals by ARN."""
    kinds: dict[str, list[str]] = {}
    for one in principals:
        kinds.setdefault("AWS" if one.startswith("arn:") else "Service", []).append(one)
    statement = {"Effect": "Allow", "Principal": kinds, "Action": "sts:AssumeRole"}
    return {"Version": VERSION, "Statement": [statement]}


def role(fake: Aws, name: str, trust: Document, *policies: Document) -> Role:
    """Add a role."""
    made = Role(
        name=name,
        arn=fake.account.arn("iam", f"role/{name}"),
        id=f"AROA{fake.account.unique(16).upper()}",
        trust=trust,
        created=fake.account.now(),
        policies={f"policy{number}": one for number, one in enumerate(policies)},
    )
    fake.identity.roles[name] = made
    return made


def task_roles(fake: Aws, name: str) -> tuple[Role, Role]:
    """Add the execution role, which may do what starting a task takes, and the task role of a deployment."""
    trust = trusting("ecs-tasks.amazonaws.com")
    starts = allowing(
        "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer", "logs:CreateLogStream", "logs:PutLogEvents", "secretsmanager:GetSecretValue",
    )  # fmt: skip
    return role(fake, f"{name}-execution", trust, starts), role(fake, f"{name}-task", trust)


def cluster(fake: Aws, name: str) -> Cluster:
    """Add a cluster."""
    made = Cluster(name, fake.account.arn("ecs", f"cluster/{name}"))
    fake.ecs.clusters[name] = made
    return made


def definition(fake: Aws, name: str, image: str) -> Document:
    """Return a small task definition as it is registered."""
    container: Document = {
        "name": "decodeat",
        "image": image,
        "portMappings": [{"containerPort": 8000}],
        "environment": [{"name": "RELEASE_ID", "value": "r1"}, {"name": "A", "value": "1"}],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": f"/ecs/{name}",
                "awslogs-region": fake.account.region,
                "awslogs-stream-prefix": "decodeat",
            },
        },
    }
    return {
        "family": name,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": fake.account.arn("iam", f"role/{name}-execution"),
        "taskRoleArn": fake.account.arn("iam", f"role/{name}-task"),
        "containerDefinitions": [container],
    }
