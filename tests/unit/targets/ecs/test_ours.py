"""Given a plan made from certain deployments, when the service has others by then, then it says which, and how."""

import pytest

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.targets.ecs.observed import Deployment, ServiceState
from decodeat_ops.targets.ecs.ours import require_unmoved

PLACE = "demo in eu-central-1"


def service(*primary_first: str, status: str = "ACTIVE") -> ServiceState:
    there = tuple(
        Deployment(one, "ACTIVE" if number else "PRIMARY", f"arn:aws:ecs:eu-central-1:1:task-definition/{one}:7")
        for number, one in enumerate(primary_first)
    )
    return ServiceState("arn", status, 2, 2, 0, "", there)


def test_one_that_has_only_lost_what_drained_is_the_same() -> None:
    same = service("new")
    assert require_unmoved(same, ["new", "old"], "new", PLACE) is same


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (service("theirs", "new"), "the deployment theirs (theirs:7) was not there then"),
        (service("old", "new"), "it went back to the deployment old (old:7)"),
        (service("new", status="DRAINING"), "is DRAINING: somebody deleted it"),
        (None, "is not there any more: somebody deleted it"),
    ],
)
def test_another_one_is_refused_and_named(now: ServiceState | None, says: str) -> None:
    with pytest.raises(StepFailed) as caught:
        require_unmoved(now, ["new", "old"], "new", PLACE)
    assert says in caught.value.advice.what


def test_it_need_not_have_been_somebody() -> None:
    """ECS itself goes back to an earlier deployment, too."""
    with pytest.raises(StepFailed) as caught:
        require_unmoved(service("old", "new"), ["new", "old"], "new", PLACE)
    assert caught.value.advice.what.startswith(f"The service {PLACE} changed since this was planned: it went back to")
    assert "omebody" not in caught.value.advice.what
