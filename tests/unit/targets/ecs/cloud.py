"""Answer calls to AWS from a table, strictly: a call that AWS's own API would not take fails the test."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from decodeat_ops.core.aws import Answer, AwsRefused
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.image import Images, Reference, RemoteImage
from decodeat_ops.settings.schema import Loaded, Settings
from decodeat_ops.targets.ecs.names import Names
from decodeat_ops.targets.ecs.place import Place

ACCOUNT, REGION = "111122223333", "eu-central-1"
ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
Call = tuple[str, str]
Reply = Mapping[str, Any] | str | Callable[[Mapping[str, Any]], Answer]  # a text is the code of a refusal


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def checked(service: str, operation: str, params: Mapping[str, Any]) -> None:
    """Raise `AssertionError` for what the SDK would not send."""
    shape = _model(service).operation_model(operation).input_shape
    if shape is not None:
        report = ParamValidator().validate(dict(params), shape)
        assert not report.has_errors(), f"{service}:{operation}: {report.generate_report()}"
    else:
        assert not params


@dataclass
class Cloud:
    """Answer each operation as the table says, and keep what was asked."""

    answers: dict[Call, Reply]
    asked: list[Call] = field(default_factory=list)
    region: str = REGION

    def call(self, service: str, operation: str, /, **params: Any) -> Answer:
        checked(service, operation, params)
        self.asked.append((service, operation))
        reply = self.answers.get((service, operation))
        assert reply is not None, f"nobody expected {service}:{operation}"
        if isinstance(reply, str):
            raise AwsRefused(f"{service}:{operation}", reply, "it says why")
        return reply(params) if callable(reply) else reply

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> Iterator[Any]:
        assert key in _model(service).operation_model(operation).output_shape.members
        yield from self.call(service, operation, **params)[key]


def refused(error: str) -> AwsRefused:
    return AwsRefused("a:B", error, "it says why")


@dataclass
class Shelf:
    """Hold the images of a registry, by name; without `engine` there is nobody to ask."""

    images: Mapping[str, RemoteImage] = field(default_factory=dict)
    engine: bool = True

    def remote(self, reference: Reference) -> RemoteImage | None:
        if not self.engine:
            raise Unreachable("There is no engine.")
        return self.images.get(str(reference))


class Ticking:
    """Tell the time that a test sets."""

    def __init__(self) -> None:
        self.moment = 1000.0

    def now(self) -> float:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += seconds


def loaded(directory: Path, sections: Mapping[str, Mapping[str, Any]] | None = None) -> Loaded:
    """Return settings with all that the target needs; `sections` add to it or replace it."""
    given = {name: dict(section) for name, section in (sections or {}).items()}
    needed = {"account": ACCOUNT, "region": REGION, "subnets": ["subnet-a1", "subnet-b2"], "security_groups": ["sg-a1"]}
    settings = Settings.model_validate({"target": "ecs", **given, "ecs": {**needed, **given.get("ecs", {})}})
    return Loaded(settings=settings, env="production", files=(), directory=directory, origins={})


def place(aws: Any, directory: Path, sections: Any = None, shelf: Shelf | None = None) -> Place:
    """Return a deployment whose parts other than AWS and images can't be reached at all."""
    settings = loaded(directory, sections)
    nobody: Any = None
    images: Any = shelf or Shelf()

    def opened() -> Images:
        found: Images = images
        return found

    return Place(settings, Names.of(settings), aws, http=nobody, host=nobody, images=opened, clock=Ticking())
