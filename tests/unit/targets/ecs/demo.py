"""A deployment on the small ECS in memory: its place, its releases, and the clients that ask it."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.ports import Endpoint, Response
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.ecs import documents
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease, tags
from tests.support.aws import SETTINGS, placed
from tests.unit.targets.ecs.fargate import Fargate, Thing

DIGEST = "registry.example.com/demo@sha256:" + "0" * 64


@dataclass
class Clients:
    """Ask the service over HTTP as clients do: it answers with a release's id, or not at all."""

    fargate: Fargate
    says: str = ""  # instead of the id that the primary deployment's task definition holds
    status: int = 200
    silent: bool = False
    asked: int = 0

    def request(self, endpoint: Endpoint, method: str, path: str, **options: Any) -> Response:
        self.asked += 1
        if self.silent:
            raise Unreachable(f"{endpoint} did not answer.")
        service = self.fargate.service
        assert service is not None
        definition = self.fargate.definitions[service["taskDefinition"]]["definition"]
        variables = {one["name"]: one["value"] for one in definition["containerDefinitions"][0]["environment"]}
        told = self.says or variables["RELEASE_ID"]
        return Response(self.status, {"x-release-id": told}, json.dumps({"release": told}).encode(), 0.01)


def place_of(home: Path, fargate: Fargate, more: str = "") -> Place:
    """Return the place of this ECS; `more` are further lines of [ecs]."""
    made = placed(home, fargate, SETTINGS + 'address = "http://127.0.0.1:8000"\n' + more)  # type: ignore[arg-type]
    return replace(made, http=Clients(fargate))


def release(number: int, **more: Any) -> EcsRelease:
    """Return the n-th release, not registered yet."""
    given: Thing = {
        "id": f"2026112{number}T100000Z-{number:07x}",
        "fingerprint": f"{number:07x}",
        "code": "c",
        "lock": "l",
        "secrets": "s",
        "revision": "",
        "created_at": f"2026-11-2{number}T10:00:00+00:00",
        "created_by": "ann",
        "origin": "deploy",
        "data": "d",
        "sequence": number,
        "image": DIGEST,
    }
    return EcsRelease(**given | more)


def registered(place: Place, fargate: Fargate, made: EcsRelease) -> EcsRelease:
    """Register a release's task definition, as its own deploy has."""
    document = documents.task_definition(place, made.id, made.image, {})
    record = tags(replace(made, document=documents.digest(document)), place.names.deployment)
    answer = fargate._RegisterTaskDefinition({**document, "tags": record})  # the fake's own
    return replace(made, task_definition=answer["taskDefinition"]["taskDefinitionArn"])


def serving(place: Place, fargate: Fargate, made: EcsRelease) -> EcsRelease:
    """Register a release and let it serve, complete, as the only one, as its own deploy has confirmed."""
    kept = registered(place, fargate, replace(made, served=True))
    if fargate.service is None:
        document = documents.service(place, kept.task_definition)
        fargate._CreateService({**document, "tags": place.names.tags(), "clientToken": "first"})
    else:
        fargate.deploy(kept.task_definition)
    for _ in range(5):
        fargate.step()
    fargate.calls.clear()
    return kept


def context(**results: Any) -> Context:
    return Context(results=results)
