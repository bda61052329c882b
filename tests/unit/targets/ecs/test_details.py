"""What status tells of a service: deployments, tasks, targets and alarms; what may not be read hides nothing else."""

from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.view import Details
from decodeat_ops.targets.ecs.details import details
from decodeat_ops.targets.ecs.observing import observe
from tests.support.aws import GROUP, SETTINGS, refused
from tests.unit.targets.ecs.seen import BEGAN, ONE, TWO, Seen, deployment, task

BALANCED = f'{SETTINGS}\ntarget_group = "{GROUP}"\nalarms = ["errors"]\n'


def target(name: str, state: str, why: str = "") -> dict[str, Any]:
    return {"Target": {"Id": name, "Port": 8000}, "TargetHealth": {"State": state, "Description": why}}


def whole(**more: Any) -> Seen:
    found = Seen(tasks=[task("aa", 2), task("bb", 2)])
    found.service = {"loadBalancers": [{"targetGroupArn": GROUP}]}
    found.more = {
        "elbv2:DescribeTargetHealth": {
            "TargetHealthDescriptions": [target("10.0.0.1", "healthy"), target("10.0.0.9", "draining")]
        },
        "cloudwatch:DescribeAlarms": {"MetricAlarms": [{"AlarmName": "errors", "StateValue": "OK"}]},
        **more,
    }
    return found


def told(home: Path, looked_at: Seen, text: str = BALANCED) -> Details:
    place = looked_at.place(home, text)
    return details(place, observe(place))


def test_all_is_well(tmp_path: Path) -> None:
    found = told(tmp_path, whole())
    rows = dict(found.rows)
    assert found.wrong == ()
    assert found.since == BEGAN.isoformat(timespec="seconds")
    assert rows["service"] == "demo-production/demo-production in eu-central-1, account 123456789012"
    assert rows["asked by"] == "user/operator"
    assert rows["deployment"] == (f"completed, 2 of 2 tasks run, demo-production:2 ({TWO.id})", "good")
    assert rows["task aa000000"][0].startswith("running, healthy since ")
    assert rows["targets"] == ("1 of 1 healthy", "good")
    assert rows["alarms"] == ("errors OK", "good")
    assert found.told["caller"].endswith(":user/operator")
    assert [one["id"] for one in found.told["tasks"]] == [f"{'aa':0<32}", f"{'bb':0<32}"]
    assert found.told["deployments"][0]["release"] == TWO.id


def test_a_deployment_that_goes_on_is_told_with_counts(tmp_path: Path) -> None:
    looked_at = whole()
    looked_at.deployments = [
        deployment(2, rolloutState="IN_PROGRESS", runningCount=1, pendingCount=1, failedTasks=3),
        deployment(1, status="ACTIVE"),
    ]
    looked_at.service = {"runningCount": 1}
    found = told(tmp_path, looked_at)
    rows = dict(found.rows)
    text = f"in progress, 1 of 2 tasks run, 1 pending, 3 failed to start, demo-production:2 ({TWO.id})"
    assert rows["deployment"] == (text, "warn")
    assert rows["before it"][0].endswith(f"({ONE.id})")
    assert found.wrong == ("a deployment is under way", "1 of 2 tasks run")


def test_why_tasks_ended_is_shown(tmp_path: Path) -> None:
    looked_at = whole()
    exited = {"name": "decodeat", "exitCode": 3, "lastStatus": "STOPPED"}
    ended = {
        "desiredStatus": "STOPPED", "lastStatus": "STOPPED", "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited", "stoppedAt": BEGAN, "containers": [exited],
    }  # fmt: skip
    scaled_in = {**ended, "stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Scaling activity"}
    looked_at.tasks += [task("cc", 2, **ended), task("dd", 2, **scaled_in)]
    found = told(tmp_path, looked_at)
    text = f"Essential container in task exited; decodeat exit 3 at {BEGAN.isoformat(timespec='seconds')}"
    assert dict(found.rows)["ended cc000000"] == (text, "bad")
    assert "ended dd000000" not in dict(found.rows)
    assert found.told["crashed"][0]["exit_codes"] == {"decodeat": 3}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"deployments": [deployment(2, rolloutState="FAILED", rolloutStateReason="tasks failed")]}, "failed: tasks"),
        ({"service": {"status": "DRAINING"}}, "the service is DRAINING"),
        ({"deployments": [deployment(7)], "releases": (TWO, ONE)}, "no release"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, change: dict[str, Any], wrong: str) -> None:
    looked_at = whole()
    for name, value in change.items():
        setattr(looked_at, name, value)
    missing = refused("ecs:DescribeTaskDefinition", "ClientException")
    known = looked_at.aws().answers["ecs:DescribeTaskDefinition"]

    def described(params: Any) -> Any:
        if params["taskDefinition"].endswith(":7"):
            raise missing
        return known(params)  # type: ignore[operator]

    looked_at.more["ecs:DescribeTaskDefinition"] = described
    assert any(wrong in one for one in told(tmp_path, looked_at).wrong), told(tmp_path, looked_at).wrong


def test_sick_targets_and_alarms_that_ring_are_wrong(tmp_path: Path) -> None:
    looked_at = whole(
        **{
            "elbv2:DescribeTargetHealth": {
                "TargetHealthDescriptions": [
                    target("10.0.0.1", "healthy"),
                    target("10.0.0.2", "unhealthy", "Health checks failed with these codes: [400]"),
                ]
            },
            "cloudwatch:DescribeAlarms": {
                "MetricAlarms": [{"AlarmName": "errors", "StateValue": "ALARM", "StateReason": "5 > 1"}]
            },
        }
    )
    found = told(tmp_path, looked_at)
    assert dict(found.rows)["targets"] == ("1 of 2 healthy", "bad")
    assert found.wrong == (
        "the load balancer sends nothing to 10.0.0.2:8000 unhealthy (Health checks failed with these codes: [400])",
        "the alarm errors rings: 5 > 1",
    )


def test_what_may_not_be_read_hides_nothing_else(tmp_path: Path) -> None:
    looked_at = whole(
        **{
            "ecs:ListTasks": refused("ecs:ListTasks", "AccessDeniedException"),
            "elbv2:DescribeTargetHealth": refused("elbv2:DescribeTargetHealth", "AccessDenied"),
        }
    )
    found = told(tmp_path, looked_at)
    rows = dict(found.rows)
    assert "ecs:ListTasks" in rows["tasks"][0]
    assert "elbv2:DescribeTargetHealth" in rows["targets"][0]
    assert rows["alarms"] == ("errors OK", "good")
    assert found.wrong == ()


def test_a_stopped_service_says_how_to_start_it(tmp_path: Path) -> None:
    looked_at = whole()
    looked_at.service = {"desiredCount": 0, "runningCount": 0}
    found = told(tmp_path, looked_at)
    assert (found.since, found.next) == ("", ("decodeat-ops start",))


def test_an_endpoint_in_the_place_of_aws_is_shown(tmp_path: Path) -> None:
    found = told(tmp_path, whole(), f'{BALANCED}endpoint = "http://127.0.0.1:4566"\n')
    assert dict(found.rows)["endpoint"] == ("http://127.0.0.1:4566, not AWS itself", "warn")


def test_nothing_deployed_is_no_error(tmp_path: Path) -> None:
    looked_at = whole()
    looked_at.service = None
    assert told(tmp_path, looked_at) == Details(next=("decodeat-ops deploy",))
