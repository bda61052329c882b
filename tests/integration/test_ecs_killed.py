"""Given a change on ECS, when its process is killed at any step, then it goes on or is taken back."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.workflow import Change
from tests.integration.ecs_place import EcsPlace, furnished_place, serving_place
from tests.support.deployments import service_source

__all__ = ["furnished_place", "service_source", "serving_place"]
Share = Callable[[Sequence[Any], int], Sequence[Any]]
STEPS = ["secrets", "register", "gate-pre", "update", "follow", "confirm", "gate-post", "prune"]
FAULTS = ["before", "inside", "after"]
CASES = [(step, fault) for step in STEPS for fault in FAULTS]
BEFORE_COMMIT = [case for case in CASES if case[0] != "prune"]
KILLED = -9


def driven(place: EcsPlace, verb: str, step: str, fault: str) -> tuple[int, dict[str, Any]]:
    """Carry out a change in a process that kills itself at a step; return its status and what it told."""
    ran = place.process("drive", str(place.write()), verb, step, fault)
    assert ran.status in {0, KILLED}, ran.stderr
    return ran.status, json.loads(ran.stdout.splitlines()[-1]) if ran.status == 0 else {}


def test_these_are_all_steps(well: EcsPlace) -> None:
    well.deploy()
    well.change()
    well.rotate_secret()
    status, told = driven(well, "deploy", "-", "none")
    assert (status, told["steps"]) == (0, STEPS)


@pytest.mark.share
@pytest.mark.parametrize(("step", "fault"), CASES)
def test_a_killed_deploy_goes_on(well: EcsPlace, step: str, fault: str) -> None:
    before, begun = well.serving(), len(well.service.history)
    well.rotate_secret()
    assert driven(well, "deploy", step, fault)[0] == KILLED
    assert well.serving() != "", "clients are served all along"
    told = well.ends(verbs.resume)
    assert told.code == 0, told.text
    assert well.serving() not in {"", before} and len(well.service.history) == begun + 1
    assert well.values() == {"API_KEYS": well.secrets["API_KEYS"]}
    assert well.desk().target.observe().serving
    after = well.ends()
    assert after.outcome is not None and after.outcome.changed == 0


@pytest.mark.share
@pytest.mark.parametrize(("step", "fault"), BEFORE_COMMIT)
def test_a_killed_deploy_is_taken_back(well: EcsPlace, step: str, fault: str) -> None:
    before, kept = well.serving(), well.revisions()
    well.rotate_secret()
    assert driven(well, "deploy", step, fault)[0] == KILLED
    told = well.ends(verbs.resume, undo=True)
    assert told.code == 0, told.text
    assert well.seen() == {before} and well.revisions() == kept
    assert well.desk().target.observe().serving
    assert well.deploy() == well.serving() != before


@pytest.mark.share
@pytest.mark.parametrize("step", STEPS)
def test_a_killed_deploy_whose_journal_is_lost_is_made_good_by_the_next(well: EcsPlace, step: str) -> None:
    """The machine is gone; a colleague's next deploy finds what was made, and gets to clean."""
    well.rotate_secret()
    assert driven(well, "deploy", step, "after")[0] == KILLED
    release = well.deploy("colleague")
    assert well.serving() == release and well.desk("colleague").target.observe().serving
    assert well.revisions().count(release) == 1


def test_a_first_deploy_has_the_same_steps(place: EcsPlace) -> None:
    plan = verbs.deploy(place.desk(), Change(dry_run=True)).data["plan"]
    assert [step["id"] for step in plan["steps"]] == STEPS


@pytest.mark.share
@pytest.mark.parametrize(("step", "fault"), CASES)
def test_a_killed_first_deploy_goes_on(place: EcsPlace, step: str, fault: str) -> None:
    assert driven(place, "deploy", step, fault)[0] == KILLED
    told = place.ends(verbs.resume)
    assert told.code == 0, told.text
    (release,) = place.revisions()
    assert place.serving() == release and len(place.service.history) == 1, "one service, made once"
    assert place.values() == {"API_KEYS": place.secrets["API_KEYS"]}
    after = place.ends()
    assert after.outcome is not None and after.outcome.changed == 0


@pytest.mark.share
@pytest.mark.parametrize(("step", "fault"), BEFORE_COMMIT)
def test_a_killed_first_deploy_is_taken_back_to_nothing(place: EcsPlace, step: str, fault: str) -> None:
    assert driven(place, "deploy", step, fault)[0] == KILLED
    assert place.ends(verbs.resume, undo=True).code == 0
    assert place.serving() == "" and place.revisions() == []
    assert place.deploy() == place.serving() != ""


@pytest.mark.share
@pytest.mark.parametrize("step", ["stop", "wait-stopped"])
def test_a_killed_stop_goes_on(well: EcsPlace, step: str) -> None:
    assert driven(well, "stop", step, "after")[0] == KILLED
    assert well.ends(verbs.resume).code == 0
    assert well.serving() == "" and well.service.desired == 0
    assert well.ends(verbs.start).code == 0 and well.serving() != ""
