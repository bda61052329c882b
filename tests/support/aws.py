"""AWS in memory for unit tests: it knows the answers that a test gives it, and refuses every other call."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from decodeat_ops.core.aws import Answer, AwsRefused
from decodeat_ops.core.ports import Completed, Endpoint, Response
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.ecs.names import Names
from decodeat_ops.targets.ecs.place import Place

ACCOUNT, REGION = "123456789012", "eu-central-1"
GROUP = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/blue/0123456789abcdef"
GREEN = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/green/0123456789abcdef"
RULE = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener-rule/app/web/0123/4567/89ab"
IDENTITY = {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/operator", "UserId": "AIDA"}
SETTINGS = f"""
name = "demo"
target = "ecs"
[ecs]
account = "{ACCOUNT}"
region = "{REGION}"
subnets = ["subnet-0a", "subnet-0b"]
security_groups = ["sg-0c"]
"""
Answering = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Recorded:
    """Answer each operation ("ecs:DescribeServices") with what the test recorded for it.

    An answer is a mapping, an error to raise, or a function of the call's parameters. `calls` are those made so far.
    """

    def __init__(self, answers: Mapping[str, Mapping[str, Any] | Exception | Answering]) -> None:
        self.region = REGION
        self.answers = dict(answers)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def call(self, service: str, operation: str, /, **params: Any) -> Answer:
        name = f"{service}:{operation}"
        self.calls.append((name, params))
        if name not in self.answers:
            raise AssertionError(f"{name} was not expected, with {sorted(params)}")
        require_accepted(service, operation, params)
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer(params) if callable(answer) else answer

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> Iterator[Any]:
        yield from self.call(service, operation, **params)[key]

    def made(self, name: str) -> list[dict[str, Any]]:
        """Return the parameters of every call of one operation."""
        return [params for called, params in self.calls if called == name]


def require_accepted(service: str, operation: str, params: Mapping[str, Any]) -> None:
    """Fail for parameters that AWS's own description of the operation does not have."""
    report = ParamValidator().validate(dict(params), _input(service, operation))
    assert not report.has_errors(), f"{service}:{operation}: {report.generate_report()}"


@cache
def _input(service: str, operation: str) -> Any:
    return botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape


def refused(operation: str, error: str, message: str = "no") -> AwsRefused:
    return AwsRefused(operation, error, message)


@dataclass
class PassingClock:
    """Let time pass at once. `slept` are the seconds of each wait."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


class NoHost:
    """Run nothing."""

    def run(self, argv: Any, **options: Any) -> Completed:
        raise AssertionError(f"{argv} was not expected")


class NoHttp:
    """Answer nothing."""

    def request(self, endpoint: Endpoint, method: str, path: str, **options: Any) -> Response:
        raise AssertionError(f"{method} {path} was not expected")


def no_images() -> Any:
    raise AssertionError("no engine was expected")


def loaded_from(home: Path, text: str = SETTINGS) -> Loaded:
    """Return the settings in `text`, with the state below `home`."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "decodeat-ops.toml").write_text(f'{text}\n[local]\nstate_dir = "{home / "state"}"\n')
    return load(home / "decodeat-ops.toml", None, {}, environ={})


def placed(home: Path, aws: Recorded, text: str = SETTINGS) -> Place:
    """Return a place whose every port refuses what the test did not expect."""
    loaded = loaded_from(home, text)
    return Place(loaded, Names.of(loaded), aws, NoHttp(), NoHost(), no_images, PassingClock())
