"""Given a deployment, when it is removed or pruned, what is ours goes, and what is others' or in use stays."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.errors import StepFailed, Usage
from decodeat_ops.core.plan import Action, Plan
from decodeat_ops.core.target import Removal
from decodeat_ops.engine.executor import Results
from decodeat_ops.targets.ecs import observing, steps
from decodeat_ops.targets.ecs.actions import ACTS
from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.removal import removal
from decodeat_ops.targets.ecs.retention import beyond_retention
from decodeat_ops.targets.ecs.steps import Way
from tests.unit.targets.ecs.cloud import Cloud
from tests.unit.targets.ecs.demo import context, place_of, registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate

KEEP = frozenset({"data", "backups"})


@pytest.fixture
def fargate() -> Fargate:
    return Fargate()


@pytest.fixture
def place(tmp_path: Path, fargate: Fargate) -> Place:
    return place_of(tmp_path, fargate)


def run(place: Place, action: Action, **results: Any) -> Results:
    return ACTS[action.name](place, context(**results), action.params) or {}


def removed(place: Place, keep: frozenset[str] = KEEP) -> Removal:
    return removal(place, observing.observe(place), keep)


def active(fargate: Fargate) -> list[str]:
    """Return the numbers of the revisions that are not deregistered."""
    kept = [arn for arn, one in fargate.definitions.items() if one["definition"]["status"] == "ACTIVE"]
    return [arn.rpartition(":")[2] for arn in kept]


def test_its_plan(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    serving(place, fargate, release(2))
    found = removed(place)
    text = Plan("remove", "demo-production", "here", found.steps, found.facts).text()
    assert text == (
        "remove here (demo-production)\n"
        "  deletes: 2 releases, the service demo-production\n"
        "  stays: log group /ecs/demo-production, image repository "
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/demo, secret demo-production, role demo-production-execution, "
        "role demo-production-task, cluster demo-production, the database\n"
        " 1. Stop every task  [stop]\n"
        "      UpdateService demo-production: desired count 2 -> 0, remembered in the tag decodeat-ops:desired\n"
        "      a task finishes its requests first\n"
        "      undo: unhalt\n"
        " 2. Delete the service  [delete-service]\n"
        "      DeleteService demo-production in demo-production; waits until its tasks have ended\n"
        " 3. Deregister its task definitions  [deregister]\n"
        "      DeregisterTaskDefinition demo-production:2, demo-production:1, and older ones of demo-production that "
        "are this deployment's"
    )


def test_all_of_ours_goes_once(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    serving(place, fargate, release(2))
    found = removed(place)
    for step in found.steps:
        run(place, step.do)
    stays = run(place, found.steps[-1].do)["stays"]
    assert stays.startswith("log group /ecs/demo-production") and stays.endswith("the database")
    assert active(fargate) == []
    assert fargate.service is not None and fargate.service["status"] == "INACTIVE"
    assert removed(place) == Removal()


def test_a_removal_may_be_repeated_at_every_step(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    found = removed(place)
    for step in found.steps[1:]:
        run(place, step.do)
        fargate.calls.clear()
        run(place, step.do)
        assert fargate.writes() == []


def test_a_service_of_somebody_else_is_never_deleted(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    doomed = removed(place).steps[1]
    assert fargate.service is not None
    fargate.service["tags"] = []
    with pytest.raises(Usage, match="was not made by decodeat-ops"):
        removed(place)
    with pytest.raises(StepFailed, match="somebody else made it"):
        run(place, doomed.do)
    assert "DeleteService" not in fargate.writes()


def test_revisions_of_others_in_the_family_stay(place: Place, fargate: Fargate) -> None:
    made = serving(place, fargate, release(1))
    theirs = registered(place, fargate, release(2))
    fargate.definitions[theirs.task_definition]["tags"] = []
    fargate.service = None
    assert [step.id for step in removed(place).steps] == ["deregister"]
    run(place, removed(place).steps[0].do)
    assert active(fargate) == ["2"] and made.task_definition.endswith(":1")


def test_a_service_that_is_being_deleted_is_waited_for(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    assert fargate.service is not None
    fargate.service["status"] = "DRAINING"
    found = removed(place)
    assert [step.id for step in found.steps] == ["delete-service", "deregister"]
    run(place, found.steps[0].do)
    assert fargate.service["status"] == "INACTIVE" and "DeleteService" not in fargate.writes()


def test_data_is_deleted_only_where_it_is_asked_for(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    last = removed(place, frozenset()).steps[-1]
    assert last.id == "delete-data" and last.after_commit
    assert last.preview[-1] == "each only if its tag says that it was made for this deployment"


# Retention


def test_versions_are_counted_and_what_is_in_use_is_kept(place: Place, fargate: Fargate) -> None:
    kept = [registered(place, fargate, release(number, served=True)) for number in range(1, 6)]
    again = registered(place, fargate, release(6, fingerprint=kept[4].fingerprint, origin="restart", served=True))
    observed = observing.observe(place)
    new = release(7)
    doomed = beyond_retention(new, observed, 3)
    assert [one.id for one in doomed] == [kept[0].id, kept[1].id, kept[2].id, kept[4].id]
    assert again.id not in [one.id for one in doomed]
    pinned = release(1, pinned=True, task_definition=kept[0].task_definition)
    assert pinned.id not in [one.id for one in beyond_retention(pinned, observed, 3)]


def test_what_never_served_takes_no_good_releases_place(place: Place, fargate: Fargate) -> None:
    """A machine that died in a deploy leaves its release behind; three of them must not push out the way back."""
    good = [registered(place, fargate, release(number, served=True)) for number in (1, 2)]
    begun = [registered(place, fargate, release(number)) for number in (3, 4, 5)]
    doomed = beyond_retention(release(6), observing.observe(place), 3)
    assert [one.id for one in doomed] == [one.id for one in begun]
    doomed = beyond_retention(begun[0], observing.observe(place), 2)
    assert [one.id for one in doomed] == [good[0].id, begun[1].id, begun[2].id], "one that is named counts"


def way(place: Place, made: EcsRelease) -> Way:
    return Way(place.loaded, place.names, made, observing.observe(place), registers=False)


@pytest.fixture
def small(tmp_path: Path, fargate: Fargate) -> Place:
    return place_of(tmp_path, fargate, "keep_revisions = 2")


def test_what_is_beyond_retention_is_deregistered(small: Place, fargate: Fargate) -> None:
    for number in range(1, 5):
        made = serving(small, fargate, release(number))
    step = steps.prune(way(small, made))
    assert step.preview[0].startswith("DeregisterTaskDefinition 20261121T100000Z-0000001 (demo-production:1), ")
    run(small, step.do)
    assert active(fargate) == ["3", "4"]


@pytest.mark.parametrize("user", ["deployment", "task"])
def test_what_is_in_use_by_then_stays(small: Place, fargate: Fargate, user: str) -> None:
    old = registered(small, fargate, release(1))
    for number in range(2, 5):
        made = serving(small, fargate, release(number))
    step = steps.prune(way(small, made))
    if user == "deployment":
        fargate.deploy(old.task_definition)
    else:
        arn = fargate.ended_task(old.task_definition, code=None, group="somebody's")
        fargate.tasks[arn] |= {"desiredStatus": "RUNNING", "lastStatus": "RUNNING", "group": "service:other"}
    (warning,) = run(small, step.do)["warnings"]
    assert warning == "demo-production:1 would be beyond retention and stays: it is in use."
    assert active(fargate) == ["1", "3", "4"]


def test_nothing_to_prune_asks_nothing(place: Place, fargate: Fargate) -> None:
    made = serving(place, fargate, release(1))
    step = steps.prune(way(place, made))
    fargate.calls.clear()
    assert run(place, step.do) == {} and fargate.calls == []


# Data


def test_only_what_has_our_tag_is_deleted(tmp_path: Path) -> None:
    ours = [{"Key": "decodeat-ops:deployment", "Value": "demo-production"}]
    theirs = [{"Key": "decodeat-ops:deployment", "Value": "other-production"}]
    cloud = Cloud(
        {
            ("logs", "ListTagsForResource"): {"tags": {"decodeat-ops:deployment": "demo-production"}},
            ("logs", "DeleteLogGroup"): {},
            ("ecr", "ListTagsForResource"): {"tags": theirs},
            ("secretsmanager", "DescribeSecret"): {"Tags": ours},
            ("secretsmanager", "DeleteSecret"): {},
            ("iam", "GetRole"): lambda asked: {"Role": {"Tags": ours if "task" in asked["RoleName"] else theirs}},
            ("iam", "DeleteRolePolicy"): {},
            ("iam", "DeleteRole"): {},
        }
    )
    place = replace(place_of(tmp_path, Fargate()), aws=cloud)
    told = ACTS["delete-data"](place, context(), {})
    deleted = [operation for _, operation in cloud.asked if operation.startswith("Delete")]
    assert deleted == ["DeleteLogGroup", "DeleteSecret", "DeleteRolePolicy", "DeleteRole"]
    assert told == {
        "stays": "cluster demo-production, the database, image repository "
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/demo, role demo-production-execution"
    }


def test_what_is_gone_already_is_no_failure(tmp_path: Path) -> None:
    cloud = Cloud(
        {
            ("logs", "ListTagsForResource"): "ResourceNotFoundException",
            ("ecr", "ListTagsForResource"): "RepositoryNotFoundException",
            ("secretsmanager", "DescribeSecret"): "ResourceNotFoundException",
            ("iam", "GetRole"): "NoSuchEntity",
        }
    )
    place = replace(place_of(tmp_path, Fargate()), aws=cloud)
    assert ACTS["delete-data"](place, context(), {}) == {"stays": "cluster demo-production, the database"}


def test_a_denied_deletion_is_a_failure(tmp_path: Path) -> None:
    cloud = Cloud({("logs", "ListTagsForResource"): "AccessDeniedException"})
    place = replace(place_of(tmp_path, Fargate()), aws=cloud)
    with pytest.raises(StepFailed, match="AccessDeniedException"):
        ACTS["delete-data"](place, context(), {})


def test_a_revision_that_is_deregistered_already_is_no_failure(small: Place, fargate: Fargate) -> None:
    """The SDK asks twice when the first answer is lost, and somebody else may have been faster."""
    for number in range(1, 5):
        made = serving(small, fargate, release(number))
    step = steps.prune(way(small, made))
    gone = fargate.definitions[step.do.params["task_definitions"][0]]["definition"]
    gone["status"] = "INACTIVE"
    run(small, step.do)
    assert active(fargate) == ["3", "4"]


def test_a_revision_that_may_not_be_deregistered_is_a_failure(small: Place, fargate: Fargate) -> None:
    for number in range(1, 5):
        made = serving(small, fargate, release(number))
    fargate.denied.add("DeregisterTaskDefinition")
    with pytest.raises(StepFailed, match="DeregisterTaskDefinition"):
        run(small, steps.prune(way(small, made)).do)


def test_the_role_of_a_shift_goes_with_the_others(tmp_path: Path) -> None:
    names = replace(place_of(tmp_path, Fargate()).names, infrastructure_role="shifts")
    assert [arn.rpartition("/")[2] for arn in names.role_arns] == [
        "demo-production-execution", "demo-production-task", "shifts",
    ]  # fmt: skip
    ours = [{"Key": "decodeat-ops:deployment", "Value": "demo-production"}]
    cloud = Cloud(
        {
            ("logs", "ListTagsForResource"): "ResourceNotFoundException",
            ("ecr", "ListTagsForResource"): "RepositoryNotFoundException",
            ("secretsmanager", "DescribeSecret"): "ResourceNotFoundException",
            ("iam", "GetRole"): {"Role": {"Tags": ours}},
            ("iam", "DeleteRolePolicy"): {},
            ("iam", "DeleteRole"): {},
        }
    )
    ACTS["delete-data"](replace(place_of(tmp_path, Fargate()), aws=cloud, names=names), context(), {})
    assert [operation for _, operation in cloud.asked].count("DeleteRole") == 3


def test_data_that_a_removal_left_can_be_deleted_later(tmp_path: Path) -> None:
    """The service is gone, or was never made: what a bootstrap made is still there."""
    theirs = [{"Key": "decodeat-ops:deployment", "Value": "other-production"}]
    cloud = Cloud(
        {
            ("logs", "ListTagsForResource"): "ResourceNotFoundException",
            ("ecr", "ListTagsForResource"): {"tags": theirs},
            ("secretsmanager", "DescribeSecret"): "ResourceNotFoundException",
            ("iam", "GetRole"): "NoSuchEntity",
        }
    )
    place = replace(place_of(tmp_path, Fargate()), aws=cloud)
    nothing = EcsObserved(None, None, (), frozenset())
    assert removal(place, nothing, KEEP) == Removal() and cloud.asked == []
    assert removal(place, nothing, frozenset()) == Removal(), "nothing of ours is there"
    cloud.answers["logs", "ListTagsForResource"] = {"tags": {"decodeat-ops:deployment": "demo-production"}}
    found = removal(place, nothing, frozenset())
    assert [one.id for one in found.steps] == ["delete-data"]
    assert "deletes" not in dict(found.facts) and "log group /ecs/demo-production" in dict(found.facts)["deletes too"]
