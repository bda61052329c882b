"""Given a change under way on machines, when a connection breaks off, nothing is taken back blindly or done twice."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.workflow import Change
from decodeat_ops.core import events
from decodeat_ops.core.errors import Locked
from tests.integration.vm_place import VmPlace, empty_place, serving_place, three_machines
from tests.support.deployments import service_source
from tests.support.local_remote import Cut, LocalRemote
from tests.support.waiting import PATIENCE, wait_for

__all__ = ["empty_place", "service_source", "serving_place", "three_machines"]
# What is in the script of a step that changes something, and in no other one's.
SCRIPTS = {
    "files": "mv -T staging",
    "start": "up -d --force-recreate",
    "admit": "setsid -w sh",
    "retire": "docker kill --signal TERM",
    "prune": "for generation in",
}


@pytest.mark.share
@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER], ids=lambda one: one.name.lower())
@pytest.mark.parametrize("step", SCRIPTS)
def test_a_script_whose_answer_is_lost_is_found_by_resume(well: VmPlace, step: str, cut: Cut) -> None:
    before = well.serving()
    told = well.ends(prepare=lambda remote: remote.cut_on(SCRIPTS[step], cut))
    assert told.code == 8 and "resume" in told.hint, told.text
    assert not well.settled() and well.serving() != ""
    resumed = well.ends(verbs.resume)
    assert resumed.code == 0 and well.settled(), resumed.text
    assert well.serving() not in {"", before} and well.desk().target.observe().serving
    after = well.ends()
    assert after.outcome is not None and after.outcome.changed == 0


@pytest.mark.share
@pytest.mark.parametrize("step", ["start", "admit"])
def test_a_script_whose_answer_is_lost_can_be_taken_back(well: VmPlace, step: str) -> None:
    before = well.serving()
    assert well.ends(prepare=lambda remote: remote.cut_on(SCRIPTS[step], Cut.AFTER)).code == 8
    told = well.ends(verbs.resume, undo=True)
    assert told.code == 0, told.text
    assert well.serving() == before and well.desk().target.observe().serving and well.settled()


@pytest.mark.share
def test_the_third_of_three_machines_is_lost_while_clients_get_it(three: VmPlace) -> None:
    def third(remote: LocalRemote) -> None:
        if remote.name == "three":
            remote.cut_on(SCRIPTS["admit"], Cut.AFTER)

    before = three.serving()
    told = three.ends(prepare=third)
    assert told.code == 8 and "three" in told.text, told.text
    assert three.ends(verbs.resume).code == 0
    assert three.serving() not in {"", before} and not three.desk().target.observe().mixed


def test_a_machine_that_is_away_is_told_before_anything_is_done(well: VmPlace) -> None:
    before, writes = well.serving(), well.writes()
    told = well.ends(prepare=lambda remote: remote.cut_on("say clock", Cut.REFUSED))
    assert told.code == 8 and "one" in told.text, told.text
    assert well.writes() == writes and well.serving() == before and well.settled()


def test_of_two_operators_one_is_refused_and_told_by_whom(well: VmPlace) -> None:
    """They share no machine of their own; the lock is where the deployment is."""
    met: list[str] = []

    def second(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step.id == "gate-pre":
            with pytest.raises(Locked) as caught:
                verbs.rollback(well.desk("colleague"), Change())
            met.append(caught.value.advice.what)

    verbs.deploy(well.desk(), Change(emit=second))
    assert len(met) == 1 and "deploy" in met[0], met


@pytest.mark.share
def test_a_host_that_starts_anew_serves_what_it_served(well: VmPlace) -> None:
    before = well.serving()
    well.hosts[0].reboot()
    assert well.serving() == before and well.desk().target.observe().serving
    assert well.deploy() == well.serving() != before


@pytest.mark.share
def test_a_request_that_is_under_way_outlives_two_deploys(well: VmPlace, tmp_path: Path) -> None:
    """The colour that the second deploy wants still answers it: that deploy waits for the end."""
    began, until = tmp_path / "began", tmp_path / "until"
    with ThreadPoolExecutor(2) as threads:
        held = threads.submit(well.asked, well.hosts[0], f"/test/held?began={began}&until={until}")
        wait_for(began.exists)
        old, first = well.serving(), well.deploy()
        well.change()
        waits = Event()

        def shown(event: events.Event) -> None:
            if isinstance(event, events.StepProgress) and "finishes its requests" in event.text:
                waits.set()

        second = threads.submit(well.ends, change=Change(emit=shown))
        assert waits.wait(PATIENCE), "it says what it waits for"
        assert well.serving() == first
        until.touch()
        assert held.result() == (200, old) and second.result().code == 0
    assert well.serving() not in {old, first}
