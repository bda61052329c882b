"""Given a change on machines that fails or is cut off, when all go back, then no request and no machine is lost."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from decodeat_ops.application import maintenance, state, verbs
from decodeat_ops.application.workflow import Change
from decodeat_ops.core import events
from decodeat_ops.targets.vm.actions import admitting, running
from tests.integration.test_vm_verbs import replaced
from tests.integration.vm_place import DEPLOYMENT, VmPlace, empty_place, serving_place, three_machines, vm_place
from tests.servers.vm import Behaviour
from tests.support.deployments import service_source
from tests.support.local_remote import Cut, LocalRemote
from tests.support.ports import free_port
from tests.support.waiting import wait_for

__all__ = ["empty_place", "service_source", "serving_place", "three_machines"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admitting, "CONFIRM_SECONDS", 2.0)
    monkeypatch.setattr(running, "SLICE", 0.5)


@pytest.mark.share
def test_a_request_in_the_new_release_is_answered_when_all_go_back(tmp_path: Path, source: Path) -> None:
    """The first machine's clients have the release already when it fails on the second one."""
    began, until = tmp_path / "began", tmp_path / "until"

    def behaves(variables: Mapping[str, str]) -> Behaviour:
        return Behaviour("fails-clients" if variables.get("MAX_REQUESTS") else "serves")

    with vm_place(tmp_path / "vm", source, ("one", "two")) as place, ThreadPoolExecutor(1) as threads:
        old = place.deploy()
        place.change()
        place.hosts[1].engine.behaves = behaves
        asked = []

        def shown(event: events.Event) -> None:
            if isinstance(event, events.StepStarted) and event.step.id == "admit-2" and not event.undoing:
                asked.append(threads.submit(place.asked, place.hosts[0], f"/test/held?began={began}&until={until}"))
                wait_for(began.exists)
            if isinstance(event, events.StepProgress) and "finishes its requests" in event.text:
                assert place.serving() == old, "all others are led back before"
                until.touch()

        told = place.ends(change=Change(emit=shown))
        assert told.code == 5 and "two: nginx" in told.what, told.text
        status, release = asked[0].result()
        assert status == 200 and release not in {"", old}
        assert place.serving() == old and place.settled() and not place.hosts[0].running("-green")


def test_another_definition_of_nginx_is_taken_back_too(place: VmPlace) -> None:
    """nginx's files are the same; its container is not, and would go on with what the failed release wanted."""
    before = place.deploy()
    (host,) = place.hosts
    kept = host.container(f"{DEPLOYMENT}-nginx").definition
    place.ports = (free_port(), place.ports[1])
    place.spoil(Behaviour("crashes", 3))
    told = place.ends()
    assert told.code == 5 and "last exit code 3" in told.text, told.text
    now = host.container(f"{DEPLOYMENT}-nginx")
    assert now.runs and now.definition == kept
    assert place.serving() == before and place.desk().target.observe().serving


@pytest.mark.share
def test_a_machine_that_is_gone_for_good_keeps_nobody_from_going_back(three: VmPlace) -> None:
    before = three.serving()

    def third(remote: LocalRemote) -> None:
        if remote.name == "three":
            remote.cut_on("setsid -w sh", Cut.BEFORE)

    assert three.ends(prepare=third).code == 8
    gone = three.hosts.pop()
    told = three.ends(verbs.resume, undo=True)
    assert told.code == 0 and told.outcome is not None, told.text
    assert told.outcome.warnings == ("three is not among vm.hosts any more: what this change has left there stays.",)
    assert three.serving() == before and three.settled()
    assert three.deploy() == three.serving() != before
    three.hosts.append(gone)
    told = three.ends(verbs.deploy, host="three")
    assert told.code == 0, told.text
    assert three.serving() != before and three.desk().target.observe().serving


@pytest.mark.share
def test_a_machine_that_joins_others_in_maintenance_answers_nobody(tmp_path: Path, source: Path) -> None:
    with vm_place(tmp_path / "vm", source, ("one", "two")) as place:
        release, new = place.deploy(), place.hosts[1]
        assert place.ends(maintenance.maintain, on=True).code == 0
        replaced(new)
        flag = new.files / DEPLOYMENT / "run" / "maintenance"
        new.engine.behaves = lambda variables: Behaviour("fails-clients")
        told = place.ends(verbs.deploy, host="two")
        assert told.code == 5 and not flag.exists(), told.text
        new.engine.behaves = lambda variables: Behaviour()
        shown: list[tuple[str, bool]] = []

        def seen(event: events.Event) -> None:
            if isinstance(event, events.StepStarted):
                shown.append((event.step.id, flag.exists()))

        told = place.ends(verbs.deploy, host="two", change=Change(emit=seen))
        assert told.code == 0 and ("admit", True) in shown, told.text
        assert [place.asked(host)[0] for host in place.hosts] == [503, 503]
        assert place.ends(maintenance.maintain, on=False).code == 0
        assert place.serving() == release


@pytest.mark.share
def test_a_machine_that_was_made_anew_in_the_middle_of_a_change_is_named_with_the_way_on(three: VmPlace) -> None:
    def third(remote: LocalRemote) -> None:
        if remote.name == "three":
            remote.cut_on("setsid -w sh", Cut.AFTER)

    before = three.serving()
    assert three.ends(prepare=third).code == 8
    replaced(three.hosts[2])
    for told in (three.ends(verbs.resume, undo=True), three.ends(verbs.resume), three.ends()):
        assert told.code == 6 and "three: the way back to" in told.what, told.text
        assert "take it out of vm.hosts" in told.what and "decodeat-ops deploy --host three" in told.what
    new = three.hosts.pop()
    assert three.ends(verbs.resume, undo=True).code == 0 and three.serving() == before
    release = three.deploy()
    three.hosts.append(new)
    told = three.ends(verbs.deploy, host="three")
    assert told.code == 0 and three.serving() == release, told.text


@pytest.mark.share
def test_a_first_machine_that_was_made_anew_hides_nothing_of_the_others(three: VmPlace) -> None:
    release = three.serving()
    replaced(three.hosts[0])
    found = state.status(three.loaded())
    assert found.data["release"] == release and "one nothing" in found.summary, found.summary
    told = three.ends(verbs.start)
    assert told.code == 3 and "`decodeat-ops deploy --host one` brings them" in told.text, told.text
    assert three.ends(verbs.stop).code == 0
    assert not any(host.running("-blue", "-green") for host in three.hosts)


def test_a_stop_whose_engine_is_away_is_not_done(well: VmPlace) -> None:
    """Containers run on without it, so its silence is no end."""
    (host,) = well.hosts

    def shown(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step.id in {"stop", "wait-stopped"}:
            host.engine.down = True

    told = well.ends(verbs.stop, change=Change(emit=shown))
    assert told.code == 10 and "its Docker engine does not answer" in told.text, told.text
    host.engine.down = False
    assert host.running("-blue", "-green")
    assert well.ends(verbs.resume).code == 0
    assert not host.running("-blue", "-green")
