"""What all machines have becomes one reading: which release serves, what drains, and what is wrong with whom."""

import json
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Configuration, Lost, Unreachable
from decodeat_ops.targets.vm.observing import first, first_serving, observe, seen
from decodeat_ops.targets.vm.place import forget
from tests.unit.targets.vm.recorded import ONE, TWO, container, record, said, serving
from tests.unit.targets.vm.told import Told, place_of

SILENT = Unreachable("b did not answer: timed out.", hint="Is it on?")
BOTH = {ONE: json.dumps(record(ONE)), TWO: json.dumps(record(TWO))}


def test_one_release_serves_on_all_machines(tmp_path: Path) -> None:
    found = observe(place_of(tmp_path, Told("a", serving()), Told("b", serving())))
    assert (found.active_id, found.stopped, found.mixed, found.serving) == (ONE, None, False, True)
    assert [(one.release, one.state, one.source) for one in found.instances] == [
        (ONE, "running", "a"),
        (ONE, "running", "b"),
    ]
    assert (found.running, found.draining, found.left, found.stranger) == (frozenset({ONE}), frozenset(), "", "")
    assert [one.host for one in found.hosts] == ["a", "b"]


def test_the_colour_that_clients_left_drains(tmp_path: Path) -> None:
    old = container("green", ONE, State={"Status": "running", "StartedAt": "2025-12-31T00:00:00Z"})
    found = observe(place_of(tmp_path, Told("a", serving(TWO, records=BOTH, beside=(old,)))))
    assert (found.active_id, found.draining, found.running) == (TWO, frozenset({ONE}), frozenset({ONE, TWO}))
    assert [(one.release, one.state) for one in found.instances] == [(TWO, "running"), (ONE, "draining")]
    assert [one.id for one in found.releases] == [TWO, ONE]


def test_what_was_started_since_has_had_no_client_and_drains_nothing(tmp_path: Path) -> None:
    candidate = container("green", TWO, State={"Status": "running", "StartedAt": "2026-01-01T00:01:00Z"})
    found = observe(place_of(tmp_path, Told("a", serving(ONE, records=BOTH, beside=(candidate,)))))
    assert (found.draining, found.running) == (frozenset(), frozenset({ONE, TWO}))


def test_machines_apart_are_mixed_and_do_not_serve(tmp_path: Path) -> None:
    found = observe(place_of(tmp_path, Told("a", serving(TWO)), Told("b", serving(ONE))))
    assert (found.active_id, found.mixed, found.serving) == (TWO, True, False)
    assert [one.id for one in found.releases] == [TWO, ONE]  # those of all machines


BARE = "= clock 1.0\n= user 0\n= nodocker\n= end\n"


def test_a_first_machine_that_was_made_anew_hides_nothing(tmp_path: Path) -> None:
    place = place_of(tmp_path, Told("a", BARE), Told("b", serving()))
    found = observe(place)
    assert (found.active_id, found.mixed, found.serving) == (ONE, True, False)
    assert first_serving(place).host == "b"
    stopped = said(links={"stopped": f"releases/{ONE}"}, records=BOTH)
    halted = observe(place_of(tmp_path, Told("a", BARE), Told("b", stopped))).stopped
    assert halted is not None and halted.id == ONE


def test_a_machine_that_comes_back_from_long_ago_leads_nobody(tmp_path: Path) -> None:
    """Nor does one that got a release which never served: where machines differ, the newest that has served counts."""
    never = serving(TWO, records={TWO: json.dumps(record(TWO, served=False))})
    for a, b, leads in ((serving(ONE), serving(TWO), TWO), (never, serving(ONE), ONE)):
        assert observe(place_of(tmp_path, Told("a", a), Told("b", b))).active_id == leads


def test_a_release_that_served_on_any_machine_has_served(tmp_path: Path) -> None:
    begun = json.dumps(record(ONE, served=False))
    found = observe(place_of(tmp_path, Told("a", serving(records={ONE: begun})), Told("b", serving())))
    assert found.releases[0].served


def test_what_was_stopped_is_not_active(tmp_path: Path) -> None:
    text = said(links={"stopped": f"releases/{ONE}", "blue": f"../releases/{ONE}"}, records=BOTH)
    found = observe(place_of(tmp_path, Told("a", text)))
    assert (found.active, found.stopped and found.stopped.id, found.serving) == (None, ONE, False)


def test_data_that_a_removal_left_is_told(tmp_path: Path) -> None:
    assert observe(place_of(tmp_path, Told("a", said(extra="= data")))).left == "data"
    assert observe(place_of(tmp_path, Told("a", serving(extra="= data")))).left == ""


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"Status": "restarting", "ExitCode": 137, "OOMKilled": True}, ("backing-off", "out of memory")),
        ({"Status": "exited", "ExitCode": 3}, ("blocked", "status 3")),
        ({"Status": "running", "Health": {"Status": "starting"}}, ("starting", "")),
    ],
)
def test_how_the_active_colour_is_doing(tmp_path: Path, state: dict[str, object], told: tuple[str, str]) -> None:
    sick = (container("blue", ONE, State=state), container("nginx"))
    links = {"active": "blue", "blue": f"../releases/{ONE}"}
    found = observe(place_of(tmp_path, Told("a", said(links=links, records=BOTH, containers=sick))))
    assert (found.instances[0].state, found.instances[0].last_exit) == told


def test_a_change_names_every_machine_that_is_silent(tmp_path: Path) -> None:
    lost = Lost("The connection to c broke off.")
    place = place_of(tmp_path, Told("a", serving()), Told("b", SILENT), Told("c", lost))
    with pytest.raises(Unreachable) as caught:
        observe(place)
    told = caught.value.advice
    assert told.what == "2 of 3 machines don't answer: b, c."
    assert told.lines == (
        "b: b did not answer: timed out. Is it on?",
        "c: The connection to c broke off.",
        f"a: release {ONE} serves.",
    )
    assert not isinstance(caught.value, Lost)  # nothing was changed by looking


def test_one_silent_machine_is_told_in_its_own_words_and_the_rest_is_shown(tmp_path: Path) -> None:
    place = place_of(tmp_path, Told("a", serving()), Told("b", SILENT))
    with pytest.raises(Unreachable) as caught:
        observe(place)
    assert caught.value.advice.what == "b did not answer: timed out."
    assert (caught.value.advice.hint, caught.value.advice.lines) == ("Is it on?", (f"a: release {ONE} serves.",))
    assert [(one.host, one.silent, one.active_id) for one in seen(place)] == [("a", False, ONE), ("b", True, "")]


def test_wrong_rights_are_configuration_and_not_silence(tmp_path: Path) -> None:
    refused = Configuration("ops may not become root on b.", hint="Add it to sudoers.")
    with pytest.raises(Configuration) as caught:
        observe(place_of(tmp_path, Told("a", serving()), Told("b", refused)))
    assert caught.value.advice.hint == "Add it to sudoers."


def test_another_deployments_directory_is_left_alone(tmp_path: Path) -> None:
    other = serving(extra='= format\n {"format": 1, "deployment": "other-production"}')
    with pytest.raises(Configuration, match=r"^b: .* is of another deployment, other-production\.$"):
        observe(place_of(tmp_path, Told("a", serving()), Told("b", other)))


def test_bare_machines_can_be_looked_at(tmp_path: Path) -> None:
    found = observe(place_of(tmp_path, Told("a", BARE)))
    assert (found.active, found.hosts[0].engine_problem, found.hosts[0].there) == (None, "there is no Docker", False)


def test_the_first_machine_that_answers_tells_what_serves(tmp_path: Path) -> None:
    assert first(place_of(tmp_path, Told("a", SILENT), Told("b", serving()))).host == "b"
    with pytest.raises(Unreachable, match="b did not answer"):
        first(place_of(tmp_path, Told("a", SILENT), Told("b", Unreachable("b is off."))))


def test_a_damaged_record_of_a_kept_release_hides_nothing(tmp_path: Path) -> None:
    place = place_of(tmp_path, Told("a", serving(TWO, records={ONE: "{", TWO: json.dumps(record(TWO))})))
    found = observe(place)
    assert (found.active_id, [one.id for one in found.releases]) == (TWO, [TWO])
    assert len(found.hosts[0].damaged) == 1


def test_a_damaged_record_of_what_serves_names_machine_and_file(tmp_path: Path) -> None:
    damaged = serving(records={ONE: "{"})
    with pytest.raises(Configuration) as caught:
        observe(place_of(tmp_path, Told("a", damaged)))
    assert caught.value.where == f"a:/opt/decodeat-ops/demo-production/releases/{ONE}/release.json"
    assert "On a the record" in caught.value.advice.what
    assert observe(place_of(tmp_path, Told("a", damaged), Told("b", serving()))).active_id == ONE  # b's stands for it


def test_a_container_in_our_place_is_a_stranger(tmp_path: Path) -> None:
    theirs = {**container("blue", ONE), "Labels": {}}
    found = observe(place_of(tmp_path, Told("a", said(containers=(theirs,)))))
    assert found.stranger == "demo-production-blue on a, which decodeat-ops has not made"


def test_what_was_seen_is_forgotten_while_others_remember(tmp_path: Path) -> None:
    place = place_of(tmp_path, Told("a", serving()))

    class Beside:
        """A part of a key at whose comparison a thread for another machine remembers something."""

        __hash__ = object.__hash__

        def __eq__(self, other: object) -> bool:
            place.remembered[object()] = "seen"
            return False

    place.remembered[Beside(), "b"] = "seen"
    first(place)
    forget(place)
    first(place)
    assert len(place.hosts["a"].scripts) == 2  # type: ignore[attr-defined]
