"""Test that one machine gets what the others serve, and that nothing else is ever left on it."""

from dataclasses import replace
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Usage
from decodeat_ops.core.target import Origin
from decodeat_ops.targets.vm import joining, verifying
from decodeat_ops.targets.vm.observed import Seen, VmObserved
from decodeat_ops.targets.vm.target import Vm
from decodeat_ops.targets.vm.way import Way, outside_maintenance
from tests.unit.targets.vm.test_moving_plans import FIRST, OLD, deploy, release, serving, stopped, target


def without(observed: VmObserved, *hosts: str) -> VmObserved:
    """Return what is seen where some machines are new ones, of which nothing is known."""
    new = {name: Seen(name, engine="28.0", compose="2.36") for name in hosts}
    return replace(observed, hosts=tuple(new.get(one.host, one) for one in observed.hosts))


def joined(of: Vm, observed: VmObserved, host: str) -> list[tuple[str, list[str]]]:
    """Return the steps with the machines that they change."""
    found = joining.served(of.here, observed, host)
    alone = joining.alone(observed, found, host)
    origin = joining.origin(Origin("built"), found, alone)
    closed = of._closed(outside_maintenance(observed, host))
    steps = joining.way_of(of.here, Way(of.here.loaded, of.here.names, found, alone, origin), closed)
    return [(step.id, list(step.do.params["hosts"])) for step in steps]


@pytest.mark.parametrize("host", ["api1", "api2"])
def test_a_new_machine_gets_all_of_it_and_no_other_one_is_touched(tmp_path: Path, host: str) -> None:
    of = target(tmp_path, 3)
    steps = joined(of, without(serving(of), host), host)
    assert steps == [(name, [host]) for name in ("image", "files", "edge", "start", "admit", "retire")]


def test_where_the_others_are_in_maintenance_no_client_is_answered_before_it_is(tmp_path: Path) -> None:
    """By whichever command it comes to what they serve; what takes that back ends its maintenance, too."""
    of = target(tmp_path, 3)
    observed = without(serving(of, maintenance=True), "api3")
    ids = [name for name, _ in joined(of, observed, "api3")]
    assert ids[ids.index("start") :] == ["start", "maintenance", "admit", "retire"]
    for plan in (deploy(of, observed), deploy(of, replace(observed, hosts=observed.hosts[::-1]))):
        ids = [step.id for step in plan.steps]
        assert ids.index("maintenance") < ids.index("admit")
        (closes,) = [step for step in plan.steps if step.id == "maintenance"]
        assert closes.do.params["hosts"] == ["api3"] and closes.undo is not None
        assert (closes.do.name, closes.undo.name) == ("maintenance-on", "maintenance-off")
    for names in ((), ("api3",)):
        ((_, told),) = verifying.maintained(observed, *names)
        assert told == (
            "api1, api2: clients get 503 until `decodeat-ops maintenance off`; so do those of api3, before they reach "
            "the release"
        )


def test_where_any_other_machine_answers_clients_a_new_one_does_too(tmp_path: Path) -> None:
    of = target(tmp_path, 3)
    there = serving(of)
    half = replace(there, hosts=(replace(there.hosts[0], maintenance=True), *there.hosts[1:]))
    for observed in (there, half):
        assert "maintenance" not in [name for name, _ in joined(of, without(observed, "api3"), "api3")]
        assert "maintenance" not in [step.id for step in deploy(of, without(observed, "api3")).steps]


def test_a_machine_that_has_the_files_keeps_them(tmp_path: Path) -> None:
    of = target(tmp_path, 2)
    there = serving(of)
    behind = replace(there.hosts[1], active="blue")
    assert behind.active_id == FIRST
    observed = replace(there, hosts=(there.hosts[0], behind))
    steps = joined(of, observed, "api2")
    assert [name for name, _ in steps] == ["drained", "start", "admit", "retire"]


def test_what_is_to_come_is_what_the_others_serve(tmp_path: Path) -> None:
    of = target(tmp_path, 2)
    old = release(of, OLD, 2)
    joining.require_same(old, old, "api2")
    for other in (replace(old, fingerprint="another"), replace(old, secrets="another")):
        with pytest.raises(Usage, match="api2 would serve another release than the other machines"):
            joining.require_same(other, old, "api2")


def test_without_one_release_that_others_serve_there_is_nothing_to_join(tmp_path: Path) -> None:
    of = target(tmp_path, 3)
    with pytest.raises(Usage, match="There is no machine api4"):
        joining.served(of.here, serving(of), "api4")
    for observed in (without(serving(of), "api2"), stopped(of)):
        with pytest.raises(Usage, match="The other machines don't serve one release") as caught:
            joining.served(of.here, observed, "api3")
        assert "brings all machines to one release" in caught.value.advice.hint
    single = target(tmp_path, 1)
    with pytest.raises(Usage, match="api1 is the only machine"):
        joining.served(single.here, serving(single), "api1")
