"""What ECS tells becomes one reading: which release serves, which are kept, and whether somebody else was there."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.operations import deploy
from decodeat_ops.targets.ecs import documents, observing
from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.release import EcsRelease, from_tags, tags
from tests.support.aws import ACCOUNT, IDENTITY, SETTINGS, Recorded, placed, refused

FAMILY = f"arn:aws:ecs:eu-central-1:{ACCOUNT}:task-definition/demo-production"
STRANGE: dict[str, Any] = {"taskDefinition": {"containerDefinitions": []}, "tags": []}  # what others registered
WHEN = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


def release(number: int, **more: Any) -> EcsRelease:
    made = EcsRelease(
        id=f"2026112{number}T020000Z-abcdef{number}",
        fingerprint=f"f{number}",
        code="c",
        lock="l",
        secrets="s",
        revision="",
        created_at="2026-11-24T02:00:00+00:00",
        created_by="ann",
        origin="deploy",
        data="first",
        sequence=number,
        image=f"repo@sha256:{number}",
        task_definition=f"{FAMILY}:{number}",
        knows="0001 0002",
        irreversible="0002",
    )
    return replace(made, **more)


def described(made: EcsRelease, owner: str = "demo-production") -> dict[str, Any]:
    container = {"name": "decodeat", "image": made.image}
    definition = {"taskDefinitionArn": made.task_definition, "containerDefinitions": [container]}
    return {"taskDefinition": definition, "tags": tags(made, owner)}


def deployment(number: int, **more: Any) -> dict[str, Any]:
    plain = {"id": f"d{number}", "status": "PRIMARY", "rolloutState": "COMPLETED", "runningCount": 2, "desiredCount": 2}
    return {**plain, "taskDefinition": f"{FAMILY}:{number}", "createdAt": WHEN, **more}


def service(*deployments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "serviceArn": "arn:service",
        "status": "ACTIVE",
        "desiredCount": 2,
        "runningCount": 2,
        "pendingCount": 0,
        "taskDefinition": deployments[0]["taskDefinition"],
        "deployments": list(deployments),
        "events": [{"id": "e1", "createdAt": WHEN, "message": "has reached a steady state"}],
        "tags": [{"key": "decodeat-ops:deployment", "value": "demo-production"}],
        "deploymentConfiguration": {"strategy": "ROLLING"},
        **more,
    }


def aws(found: dict[str, Any] | None, *made: EcsRelease, others: Mapping[str, Any] | None = None) -> Recorded:
    known = {one.task_definition: described(one) for one in made} | dict(others or {})

    def describe(params: Mapping[str, Any]) -> Mapping[str, Any]:
        if params["taskDefinition"] not in known:
            raise refused("ecs:DescribeTaskDefinition", "ClientException")
        assert params["include"] == ["TAGS"]
        answer: Mapping[str, Any] = known[params["taskDefinition"]]
        return answer

    failures = [] if found else [{"reason": "MISSING"}]
    return Recorded(
        {
            "sts:GetCallerIdentity": IDENTITY,
            "ecs:DescribeServices": {"services": [found] if found else [], "failures": failures},
            "ecs:ListTaskDefinitions": {"taskDefinitionArns": sorted(known, reverse=True)},
            "ecs:DescribeTaskDefinition": describe,
        }
    )


def observe(home: Path, answers: Recorded) -> EcsObserved:
    return observing.observe(placed(home, answers))


def test_a_record_survives_its_tags() -> None:
    made = release(3, pinned=True, served=True, document="d" * 16)
    told = {one["key"]: one["value"] for one in tags(made, "demo-production")}
    assert from_tags(told, made.image, made.task_definition) == made
    assert len(told) <= 50
    assert from_tags({"Name": "something else"}, "i", "t") is None


def test_a_complete_deployment_serves(tmp_path: Path) -> None:
    found = observe(tmp_path, aws(service(deployment(3)), release(3), release(2)))
    assert (found.active, found.stopped) == (release(3), None)
    assert [one.id for one in found.releases] == [release(3).id, release(2).id]
    assert (found.serving, found.edited, found.guard) == (True, "", ("d3",))
    assert (set(found.running), set(found.draining)) == ({release(3).id}, set())
    assert [(one.release, one.state, one.since) for one in found.instances] == [
        (release(3).id, "running", "2026-11-24T02:00:00+00:00")
    ]
    assert found.next_sequence == 4
    state = found.service
    assert state is not None
    assert (state.created_by_us, state.strategy, state.settled) == (True, "ROLLING", True)
    assert state.events[0].message == "has reached a steady state"


def test_an_unchanged_deploy_reads_little(tmp_path: Path) -> None:
    made = [release(number, served=True) for number in range(10, 20)]
    answers = aws(service(deployment(19)), *made)
    place = placed(tmp_path, answers)
    observing.observe(place)
    assert len(answers.calls) == 10
    observing.observe(place)
    assert len(answers.calls) == 12  # who calls, and what a revision is, never changes


def test_nothing_is_there_before_the_first_deploy(tmp_path: Path) -> None:
    found = observe(tmp_path, aws(None))
    assert (found.active, found.stopped, found.releases, found.service) == (None, None, (), None)
    assert (found.serving, found.edited, found.guard) == (False, "", ())
    answers = aws(None)
    answers.answers["ecs:DescribeServices"] = refused("ecs:DescribeServices", "ClusterNotFoundException")
    assert observe(tmp_path, answers) == found
    assert observe(tmp_path, aws(service(deployment(3), status="INACTIVE"))) == found


def test_a_stopped_service_has_its_release_and_serves_nothing(tmp_path: Path) -> None:
    raw = service(deployment(3, runningCount=0, desiredCount=0), desiredCount=0, runningCount=0)
    found = observe(tmp_path, aws(raw, release(3)))
    assert (found.active, found.stopped, found.serving) == (None, release(3), False)
    assert found.running == frozenset()


@pytest.mark.parametrize(
    ("first", "more", "state"),
    [
        ({"rolloutState": "IN_PROGRESS"}, {}, "starting"),
        ({"rolloutState": "FAILED", "rolloutStateReason": "circuit breaker"}, {}, "backing-off"),
        ({"rolloutState": "IN_PROGRESS", "failedTasks": 3, "runningCount": 0}, {"runningCount": 0}, "backing-off"),
        ({"rolloutState": "IN_PROGRESS", "runningCount": 0}, {"runningCount": 0}, "starting"),
        ({"runningCount": 0, "pendingCount": 2}, {"runningCount": 0}, "starting"),
    ],
)
def test_what_is_under_way_or_without_a_task_does_not_serve_yet(
    tmp_path: Path, first: dict[str, Any], more: dict[str, Any], state: str
) -> None:
    found = observe(tmp_path, aws(service(deployment(3, **first), **more), release(3)))
    assert (found.active_id, found.reached, found.serving) == (release(3).id, None, False)
    assert [one.state for one in found.instances] == [state]


@pytest.mark.parametrize("running", [1, 3, 5])
def test_a_complete_release_serves_while_autoscaling_moves_the_count(tmp_path: Path, running: int) -> None:
    """Else a deploy of the same code would replace every task, though nothing has changed."""
    raw = service(deployment(3, runningCount=running, desiredCount=4), desiredCount=4, runningCount=running)
    found = observe(tmp_path, aws(raw, release(3)))
    assert found.serving and deploy.unchanged(release(3), found)


@pytest.mark.parametrize(
    ("status", "serves", "state"),
    [
        ("SUCCESSFUL", True, "running"),
        ("IN_PROGRESS", False, "starting"),
        ("ROLLBACK_SUCCESSFUL", False, "backing-off"),
        ("STOPPED", False, "backing-off"),
        ("SOMETHING_NEW", False, "running"),
        ("", True, "running"),
    ],
)
def test_a_shift_is_judged_by_its_own_record(tmp_path: Path, status: str, serves: bool, state: str) -> None:
    """ECS tells the state of a rollout of rolling deployments alone; "" is a shift that it lists no longer."""
    shift = {"serviceDeploymentArn": "arn:shift", "targetServiceRevisionArn": "arn:revision", "createdAt": WHEN}
    answers = aws(service(deployment(3, rolloutState="")), release(3))
    answers.answers |= {
        "ecs:ListServiceDeployments": {"serviceDeployments": [shift] if status else []},
        "ecs:DescribeServiceRevisions": {
            "serviceRevisions": [{"serviceRevisionArn": "arn:revision", "taskDefinition": f"{FAMILY}:3"}]
        },
        "ecs:DescribeServiceDeployments": {"serviceDeployments": [{**shift, "status": status}]},
    }
    found = observe(tmp_path, answers)
    assert (found.serving, [one.state for one in found.instances]) == (serves, [state])
    assert len(answers.calls) <= 12


def test_a_failed_deployment_that_ecs_keeps_in_its_list_is_over(tmp_path: Path) -> None:
    failed = deployment(4, status="ACTIVE", rolloutState="FAILED", runningCount=0, desiredCount=0)
    found = observe(tmp_path, aws(service(deployment(3), failed), release(3), release(4)))
    assert found.serving and found.active_id == release(3).id
    draining = {**failed, "runningCount": 1}
    assert not observe(tmp_path, aws(service(deployment(3), draining), release(3), release(4))).serving


def test_the_deployment_before_drains_beside_the_new_one(tmp_path: Path) -> None:
    raw = service(deployment(3, rolloutState="IN_PROGRESS"), deployment(2, status="ACTIVE", runningCount=1))
    found = observe(tmp_path, aws(raw, release(3), release(2)))
    assert (set(found.draining), set(found.running)) == ({release(2).id}, {release(2).id, release(3).id})
    assert (found.guard, found.serving) == (("d2", "d3"), False)
    assert (found.active, found.reached, found.serves_now) == (release(3), release(2), release(2).id)


def test_in_a_shift_clients_reach_the_release_before_until_it_is_over(tmp_path: Path) -> None:
    """ECS tells no state of either deployment; the new one's is that of its service deployment."""
    shift = {"serviceDeploymentArn": "arn:shift", "targetServiceRevisionArn": "arn:revision", "createdAt": WHEN}
    answers = aws(
        service(deployment(3, rolloutState=""), deployment(2, rolloutState="", status="ACTIVE")), release(3), release(2)
    )
    revisions = [{"serviceRevisionArn": "arn:revision", "taskDefinition": f"{FAMILY}:3"}]
    answers.answers |= {
        "ecs:ListServiceDeployments": {"serviceDeployments": [shift]},
        "ecs:DescribeServiceRevisions": {"serviceRevisions": revisions},
        "ecs:DescribeServiceDeployments": {"serviceDeployments": [{**shift, "status": "IN_PROGRESS"}]},
    }
    assert observe(tmp_path, answers).reached == release(2)
    answers.answers["ecs:DescribeServiceDeployments"] = {"serviceDeployments": [{**shift, "status": "SUCCESSFUL"}]}
    assert observe(tmp_path, answers).reached == release(3)


def test_a_service_that_stops_serves_nothing_though_tasks_finish(tmp_path: Path) -> None:
    raw = service(deployment(3, runningCount=1, desiredCount=0), desiredCount=0, runningCount=1)
    found = observe(tmp_path, aws(raw, release(3)))
    assert (found.reached, found.stopped, found.serves_now) == (None, release(3), "")


def test_a_release_beyond_the_newest_revisions_is_found_by_what_runs(tmp_path: Path) -> None:
    answers = aws(service(deployment(2)), release(2))
    answers.answers["ecs:ListTaskDefinitions"] = {"taskDefinitionArns": []}
    found = observe(tmp_path, answers)
    assert (found.active, found.releases) == (release(2), (release(2),))


def test_what_somebody_else_registered_is_no_release_and_is_told(tmp_path: Path) -> None:
    foreign = {f"{FAMILY}:9": STRANGE}
    found = observe(tmp_path, aws(service(deployment(9)), release(3), others=foreign))
    assert (found.active, found.serving) == (None, False)
    assert found.stranger == found.serves_now == "demo-production:9, which somebody else registered"
    assert found.edited == "demo-production:9 is no release of demo-production: somebody else registered it"
    beside = service(deployment(9, rolloutState="IN_PROGRESS"), deployment(3, status="ACTIVE"))
    found = observe(tmp_path, aws(beside, release(3), others=foreign))
    assert (found.active, found.reached) == (None, release(3))
    assert found.serves_now == f"{release(3).id} and demo-production:9, which somebody else registered"
    stopped = service(deployment(9, runningCount=0), desiredCount=0, runningCount=0)
    assert observe(tmp_path, aws(stopped, release(3), others=foreign)).stranger == ""
    other = {f"{FAMILY}:9": described(release(9), owner="other-production")}
    assert observe(tmp_path, aws(service(deployment(9)), others=other)).active is None
    raw = service(deployment(3), tags=[])
    state = observe(tmp_path, aws(raw, release(3))).service
    assert state is not None
    assert state.created_by_us is False


def test_a_revision_made_by_hand_with_a_copied_record_is_told(tmp_path: Path) -> None:
    plain = described(release(3))["taskDefinition"]
    ours = release(3, document=documents.digest(plain))
    assert observe(tmp_path, aws(service(deployment(3)), ours)).serving
    copied = described(ours)
    copied["taskDefinition"]["containerDefinitions"][0]["command"] = ["sleep", "9"]
    found = observe(tmp_path, aws(service(deployment(3)), others={ours.task_definition: copied}))
    assert "somebody registered it by hand" in found.edited
    assert found.serving is False


def test_of_a_release_registered_twice_the_newest_revision_counts(tmp_path: Path) -> None:
    again = release(2, task_definition=f"{FAMILY}:5", secrets="rotated")
    found = observe(tmp_path, aws(service(deployment(3)), release(2), release(3), again))
    assert [one.task_definition for one in found.releases] == [f"{FAMILY}:3", f"{FAMILY}:5"]
    found = observe(tmp_path, aws(service(deployment(2)), release(2), release(3), again))
    assert [one.task_definition for one in found.releases] == [f"{FAMILY}:3", f"{FAMILY}:2"]


def test_a_release_has_served_when_one_of_its_revisions_has(tmp_path: Path) -> None:
    again = release(2, task_definition=f"{FAMILY}:5", secrets="rotated")
    found = observe(tmp_path, aws(service(deployment(3)), release(2, served=True), release(3), again))
    told = [(one.task_definition, one.served) for one in found.releases]
    assert told == [(f"{FAMILY}:3", False), (f"{FAMILY}:5", True)]


def test_a_damaged_record_and_another_account_stop(tmp_path: Path) -> None:
    damaged = described(release(3))
    damaged["tags"] = [one for one in damaged["tags"] if one["key"] != "decodeat-ops:fingerprint"]
    with pytest.raises(Configuration, match="is damaged"):
        observe(tmp_path, aws(service(deployment(3)), others={f"{FAMILY}:3": damaged}))
    answers = aws(None)
    answers.answers["sts:GetCallerIdentity"] = {**IDENTITY, "Account": "999999999999"}
    with pytest.raises(Configuration, match="999999999999"):
        observe(tmp_path, answers)


def test_the_number_kept_decides_how_many_are_looked_at(tmp_path: Path) -> None:
    made = [release(number, served=True) for number in range(10, 40)]
    answers = aws(None, *made)
    found = observing.records(placed(tmp_path, answers, f"{SETTINGS}keep_revisions = 12\n"))
    (asked,) = answers.made("ecs:ListTaskDefinitions")
    assert asked == {"familyPrefix": "demo-production", "status": "ACTIVE", "sort": "DESC", "maxResults": 100}
    assert len(answers.made("ecs:DescribeTaskDefinition")) == len(found) == 14


def test_neither_what_others_registered_nor_what_never_served_hides_a_release(tmp_path: Path) -> None:
    others = {f"{FAMILY}:{number}": STRANGE for number in range(50, 70)}
    begun = [release(number) for number in range(30, 40)]
    found = observe(tmp_path, aws(service(deployment(69)), release(10, served=True), *begun, others=others))
    assert [one.id for one in found.releases if one.served] == [release(10).id]
    assert len(found.releases) == 11


def test_what_others_registered_before_is_not_looked_at(tmp_path: Path) -> None:
    """A family that was taken over from a pipeline has hundreds of them."""
    others = {f"{FAMILY}:{number}": STRANGE for number in range(100, 190)}
    made = [release(number, served=True, task_definition=f"{FAMILY}:{200 + number}") for number in range(10, 15)]
    answers = aws(service(deployment(214)), *made, others=others)
    assert len(observe(tmp_path, answers).releases) == 5
    assert len(answers.made("ecs:DescribeTaskDefinition")) == 6


def test_no_more_than_a_hundred_revisions_are_looked_at(tmp_path: Path) -> None:
    others = {f"{FAMILY}:{number}": STRANGE for number in range(200, 350)}
    answers = aws(None, release(10, served=True), others=others)
    assert observing.records(placed(tmp_path, answers)) == ()
    assert len(answers.made("ecs:DescribeTaskDefinition")) == 100
