"""Given credentials of another account, when any command calls AWS, nothing but the question who calls is asked."""

from collections.abc import Iterator
from typing import Any

import pytest

from decodeat_ops.core.aws import Answer
from decodeat_ops.core.errors import Configuration
from decodeat_ops.targets.ecs.identity import OwnAccount

ACCOUNT, OTHER = "1" * 12, "2" * 12


class Recorded:
    """Answer who calls, and everything else with nothing; `asked` are the operations in order."""

    region = "ap-northeast-2"

    def __init__(self, account: str) -> None:
        self.account = account
        self.asked: list[str] = []

    def call(self, service: str, operation: str, /, **params: Any) -> Answer:
        self.asked.append(operation)
        return {"Account": self.account, "Arn": f"arn:aws:iam::{self.account}:user/ann", "UserId": "A"}

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> Iterator[Any]:
        self.asked.append(operation)
        yield from ()


def test_who_calls_is_asked_first_and_once() -> None:
    recorded = Recorded(ACCOUNT)
    aws = OwnAccount(recorded, ACCOUNT)
    aws.call("ecs", "UpdateService")
    list(aws.pages("ecs", "ListTasks", "taskArns"))
    assert aws.call("sts", "GetCallerIdentity")["Account"] == ACCOUNT
    assert recorded.asked == ["GetCallerIdentity", "UpdateService", "ListTasks"]
    assert aws.region == "ap-northeast-2"


def test_nothing_is_asked_of_another_account() -> None:
    recorded = Recorded(OTHER)
    aws = OwnAccount(recorded, ACCOUNT)
    for _ in range(2):
        with pytest.raises(Configuration, match=f"of the account {OTHER}") as refused:
            aws.call("ecs", "UpdateService")
        assert refused.value.where == "ecs.account"
        with pytest.raises(Configuration):
            list(aws.pages("ecs", "ListTasks", "taskArns"))
    assert recorded.asked == ["GetCallerIdentity"]
