"""A furnished account with the real SDK in front of it, for the tests of the fake itself."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.servers.aws import aws
from tests.servers.aws.clients import client
from tests.servers.aws.fake import Aws
from tests.servers.aws.furnished import Network, cluster, definition, network, task_roles

NAME = "tested"


@dataclass
class Rig:
    """Hold the account, its network, an image, and the SDK's client of ECS."""

    fake: Aws
    network: Network
    image: str
    ecs: Any = field(init=False)

    def __post_init__(self) -> None:
        self.ecs = client(self.fake, "ecs")

    def register(self, release: str = "r1", **changes: Any) -> str:
        """Register a revision and return its ARN."""
        variables = [{"name": "RELEASE_ID", "value": release}]
        document = definition(self.fake, NAME, self.image)
        document["containerDefinitions"][0] |= {"environment": variables, **changes}
        return str(self.ecs.register_task_definition(**document)["taskDefinition"]["taskDefinitionArn"])

    @property
    def awsvpc(self) -> dict[str, Any]:
        return {"awsvpcConfiguration": {"subnets": self.network.subnets, "securityGroups": self.network.groups}}

    def create(self, task_definition: str, **changes: Any) -> dict[str, Any]:
        """Create a service of two tasks behind the target group, with the circuit breaker on."""
        params: dict[str, Any] = {
            "cluster": NAME,
            "serviceName": NAME,
            "taskDefinition": task_definition,
            "desiredCount": 2,
            "launchType": "FARGATE",
            "networkConfiguration": self.awsvpc,
            "loadBalancers": [
                {"targetGroupArn": self.network.blue.arn, "containerName": "decodeat", "containerPort": 8000}
            ],
            "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
        }
        made: dict[str, Any] = self.ecs.create_service(**(params | changes))["service"]
        return made

    def update(self, **changes: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.ecs.update_service(cluster=NAME, service=NAME, **changes)["service"]
        return made

    def look(self) -> dict[str, Any]:
        """Describe the service once, which advances it."""
        found: dict[str, Any] = self.ecs.describe_services(cluster=NAME, services=[NAME], include=["TAGS"])["services"][
            0
        ]
        return found

    def settle(self, looks: int = 30) -> dict[str, Any]:
        """Describe the service until nothing of it is in progress."""
        for _ in range(looks):
            service = self.look()
            if all(one.get("rolloutState") != "IN_PROGRESS" for one in service["deployments"]):
                return service
        raise AssertionError(f"it is still under way: {service['deployments']}")


@pytest.fixture(name="rig")
def furnished_account() -> Iterator[Rig]:
    """Return a rig whose account holds all that a service needs."""
    with aws() as fake:
        held = network(fake)
        task_roles(fake, NAME)
        cluster(fake, NAME)
        fake.logs.group(f"/ecs/{NAME}")
        yield Rig(fake, held, fake.registry.push(NAME, "one", "linux/amd64", tag="one"))


def refused(call: Any, code: str, *parts: str) -> None:
    """Demand that AWS refuses a call with this code, and says these words."""
    with pytest.raises(ClientError) as caught:
        call()
    told = caught.value.response["Error"]
    assert told["Code"] == code, told
    assert all(part in told["Message"] for part in parts), told
