"""Given a change on machines, when its process is killed at any step, then it goes on or is taken back."""

import json
from typing import Any

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.workflow import Change
from tests.integration.vm_place import VmPlace, empty_place, serving_place, three_machines
from tests.support.deployments import service_source

__all__ = ["empty_place", "service_source", "serving_place", "three_machines"]
FIRST = ["image-build", "image", "files", "gate-pre", "edge", "start", "gate-candidate", "admit", "gate-post"]
STEPS = ["image", "files", "gate-pre", "start", "gate-candidate", "admit", "gate-post", "retire", "prune"]
THREE = [*STEPS[:6], "admit-2", "admit-3", *STEPS[6:]]
FAULTS = ["before", "inside", "after"]
CASES = [(step, fault) for step in STEPS for fault in FAULTS]
BEFORE_COMMIT = [case for case in CASES if case[0] not in {"retire", "prune"}]
KILLED = -9


def driven(place: VmPlace, verb: str, step: str, fault: str) -> tuple[int, dict[str, Any]]:
    """Carry out a change in a process that kills itself at a step; return its status and what it told."""
    ran = place.run("drive", str(place.write()), verb, step, fault)
    assert ran.status in {0, KILLED}, str(ran)
    return ran.status, json.loads(ran.stdout.splitlines()[-1]) if ran.status == 0 else {}


def test_these_are_all_steps(well: VmPlace) -> None:
    status, told = driven(well, "deploy", "-", "none")
    assert (status, told["steps"]) == (0, STEPS)


@pytest.mark.share
def test_three_machines_have_these_steps(three: VmPlace) -> None:
    plan = verbs.deploy(three.desk(), Change(dry_run=True)).data["plan"]
    assert [step["id"] for step in plan["steps"]] == THREE


@pytest.mark.share
@pytest.mark.parametrize(("step", "fault"), CASES)
def test_a_killed_deploy_goes_on(well: VmPlace, step: str, fault: str) -> None:
    before = well.serving()
    well.rotate_secret()
    assert driven(well, "deploy", step, fault)[0] == KILLED
    assert well.serving() != "", "clients are served all along"
    told = well.ends(verbs.resume)
    assert told.code == 0, told.text
    assert well.serving() not in {"", before} and well.settled()
    assert well.desk().target.observe().serving and well.secrets["API_KEYS"] in well.api_keys()
    after = well.ends()
    assert after.outcome is not None and after.outcome.changed == 0


@pytest.mark.share
@pytest.mark.parametrize(("step", "fault"), BEFORE_COMMIT)
def test_a_killed_deploy_is_taken_back(well: VmPlace, step: str, fault: str) -> None:
    before, kept = well.serving(), [one.id for one in well.desk().target.observe().releases]
    assert driven(well, "deploy", step, fault)[0] == KILLED
    told = well.ends(verbs.resume, undo=True)
    assert told.code == 0, told.text
    assert well.serving() == before and well.settled()
    assert [one.id for one in well.desk().target.observe().releases] == kept
    assert well.deploy() == well.serving() != before


@pytest.mark.share
@pytest.mark.parametrize("step", THREE)
def test_a_killed_deploy_to_three_whose_journal_is_lost_is_made_good_by_the_next(three: VmPlace, step: str) -> None:
    """The operator's machine is gone, and what the hosts knew of it; a colleague's deploy brings them together."""
    assert driven(three, "deploy", step, "after")[0] == KILLED
    three.lose_journal()
    release = three.deploy("colleague")
    assert three.serving() == release and three.desk("colleague").target.observe().serving


@pytest.mark.share
@pytest.mark.parametrize("step", [*FIRST[1:], "retire", "prune"])
def test_a_killed_first_deploy_goes_on(place: VmPlace, step: str) -> None:
    assert driven(place, "deploy", step, "inside")[0] == KILLED
    told = place.ends(verbs.resume)
    assert told.code == 0, told.text
    assert place.serving() != "" and place.desk().target.observe().serving


@pytest.mark.share
@pytest.mark.parametrize("step", ["stop", "wait-stopped"])
def test_a_killed_stop_goes_on(well: VmPlace, step: str) -> None:
    assert driven(well, "stop", step, "after")[0] == KILLED
    assert well.ends(verbs.resume).code == 0
    assert well.serving() == "" and not well.hosts[0].running("-blue", "-green")
    assert well.ends(verbs.start).code == 0 and well.serving() != ""
