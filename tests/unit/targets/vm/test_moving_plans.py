"""Test the plans of a release's way as text: which steps each verb has, for one machine and for three."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.check import NO_GATES
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Origin
from decodeat_ops.operations import lifecycle, rollback
from decodeat_ops.operations.moving import ordered
from decodeat_ops.targets.vm import documents
from decodeat_ops.targets.vm.data import VmData
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.observed import Container, Seen, VmObserved
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.release import VmRelease
from decodeat_ops.targets.vm.target import Vm
from tests.support.deployments import REPOSITORY
from tests.support.vm_settings import NGINX, vm_settings

IMAGE = f"sha256:{'1' * 64}"
FIRST, OLD, NEW = "20260101T000000Z-aaaaaaa", "20260102T000000Z-bbbbbbb", "20260103T000000Z-ccccccc"


@dataclass(frozen=True)
class Named:
    """A machine of which a plan only needs the name and the address."""

    name: str
    address: str = "192.0.2.1"


def target(home: Path, count: int) -> Vm:
    hosts = [f"api{number}" for number in range(1, count + 1)]
    section = f'[vm]\nhosts = {hosts!r}\nnginx_image = "{NGINX}"\nredis = false\ngroup = 2\n'
    service = f'\n[service]\nsource = "{REPOSITORY}"\n\n[service.environment]\nDATABASE_URL = "none"\n'
    loaded = vm_settings(home, service, section.replace("'", '"'))
    nothing: Any = None
    remotes: Any = {name: Named(name) for name in hosts}
    place = Place(loaded, Names.of(loaded), remotes, nothing, nothing, nothing, nothing, nothing)
    place.remembered["image in the engine"] = IMAGE
    return Vm(place, {})


def release(of: Vm, name: str, number: int, **more: Any) -> VmRelease:
    blank: dict[str, Any] = dict.fromkeys(("code", "lock", "revision", "created_by", "origin", "data"), "")
    bare = VmRelease(
        id=name, fingerprint=f"print{number}", secrets="secrets", created_at="2026-01-01", sequence=number, **blank
    )
    made = of._way(bare, Origin("built"), nothing(of), again=False).release
    assert made.edge == documents.generation(documents.files(of.here.loaded))
    return replace(made, image=IMAGE, served=True, **more)


def nothing(of: Vm) -> VmObserved:
    hosts = tuple(Seen(name, engine="28.0", compose="2.36") for name in of.here.hosts)
    return VmObserved(None, None, (), frozenset(), hosts=hosts)


def serving(of: Vm, colour: str = "green", **more: Any) -> VmObserved:
    """Return what is seen where OLD serves as green and FIRST has ended as blue."""
    first, old = release(of, FIRST, 1), release(of, OLD, 2)
    containers = {
        "green": Container("g", "running", release=OLD),
        "blue": Container("b", "exited", release=FIRST),
        "nginx": Container("n", "running"),
    }
    seen: Any = {"active": colour, "colours": {"green": OLD, "blue": FIRST}, "containers": containers, **more}
    hosts = tuple(
        Seen(name, releases=(old, first), images=frozenset({IMAGE}), edge=old.edge, engine="28.0", **seen)
        for name in of.here.hosts
    )
    return VmObserved(old, None, (old, first), frozenset(), running=frozenset({OLD}), hosts=hosts)


def stopped(of: Vm) -> VmObserved:
    there = serving(of)
    gone = {"green": Container("g", "exited", release=OLD), "nginx": Container("n", "running")}
    hosts = tuple(replace(one, active=None, stopped=OLD, containers=gone) for one in there.hosts)
    return replace(there, active=None, stopped=there.active, running=frozenset(), hosts=hosts)


def steps(plan: Plan | None) -> list[str]:
    assert plan is not None
    return [step.id for step in plan.steps]


ADMITTED = {1: ["admit"], 3: ["admit", "watch", "admit-2"]}
ENDS = ["retire", "prune"]


def deploy(of: Vm, observed: VmObserved) -> Plan:
    new = replace(release(of, NEW, 3), image="", served=False)
    return Plan("deploy", "demo-production", NEW, ordered(of.move(new, Origin("built"), observed), NEW, NO_GATES))


@pytest.mark.parametrize("count", [1, 3])
def test_the_steps_of_each_verb(tmp_path: Path, count: int) -> None:
    of = target(tmp_path, count)
    there, admitted = serving(of), ADMITTED[count]
    assert steps(deploy(of, nothing(of))) == ["image", "files", "edge", "start", *admitted, *ENDS]
    assert steps(deploy(of, there)) == ["image", "files", "start", *admitted, *ENDS]
    wanted = rollback.Wanted(there.releases[1], "secrets", "")
    back = rollback.plan(wanted, there, of, VmData(of.here), "demo-production")
    assert steps(back) == ["start", *admitted, *ENDS]
    now = datetime.now(UTC)
    again = lifecycle.plan_restart(there, of, "demo-production", secrets="s", by="ann", now=now, inputs="")
    assert steps(again) == ["files", "start", *admitted, *ENDS]
    stop = lifecycle.plan_stop(there, of, "demo-production", inputs="")
    assert steps(stop) == ["stop", "wait-stopped"]
    start = lifecycle.plan_start(stopped(of), of, "demo-production", secrets="s", inputs="")
    assert steps(start) == ["start", *admitted, "retire"]
    gone = lifecycle.plan_remove(there, of, "demo-production", frozenset({"data", "backups"}))
    assert steps(gone) == ["stop", "wait-stopped", "delete"]


def test_nothing_is_left_to_do(tmp_path: Path) -> None:
    of = target(tmp_path, 2)
    assert lifecycle.plan_start(serving(of), of, "demo-production", secrets="secrets", inputs="") is None
    assert lifecycle.plan_stop(stopped(of), of, "demo-production", inputs="") is None
    assert of.maintain(serving(of, maintenance=True), on=True) == ()
    assert not of.lacking(serving(of)).steps


def test_a_redeploy_reads_like_this(tmp_path: Path) -> None:
    of = target(tmp_path, 3)
    assert shown(deploy(of, serving(of)).steps) == EXPECTED


def shown(of: Sequence[Any]) -> str:
    made = Plan("deploy", "demo-production", NEW, tuple(one for one in of if one.id != "image"))
    return f"{made.text()}\n"


EXPECTED = f"""\
deploy {NEW} (demo-production)
 1. Lay out release {NEW}  [files]
      releases/{NEW} on api1, api2, api3, there at once by a rename
      compose.yaml, its variables and the files of nginx; no secret is among them
      undo: unfiles
 2. Start {NEW} beside what serves  [start]
      api1: docker compose up, blue
      api2: docker compose up, blue
      api3: docker compose up, blue
      secrets resolved anew, as input of the connection; in that container and nowhere else
      ready within 90 s on its private socket, and reports its id
      undo: unstart
 3. Let clients reach it on api1  [admit]
      run/active by one rename (api1: green -> blue)
      nginx has to answer with {NEW}, five times in a row; else it is renamed back
      undo: admit-back
 4. Watch api1 before the others  [watch]
      5 s: its container goes on, and few answers of nginx are errors or slow
 5. Let clients reach it on api2, api3  [admit-2]
      run/active by one rename (api2: green -> blue, api3: green -> blue)
      nginx has to answer with {NEW}, five times in a row; else it is renamed back
      undo: admit-back
 6. Let the old colour finish  [retire]
      docker kill --signal TERM: green on api1, green on api2, green on api3; finishes its requests, and stays
      releases/{NEW}/release.json: it has served
 7. Delete what is beyond retention  [prune]
      releases none; keeps 5
      files of nginx that no kept release has
"""


def test_a_colour_that_still_drains_is_waited_for(tmp_path: Path) -> None:
    of = target(tmp_path, 1)
    there = serving(of)
    up = {**there.hosts[0].containers, "blue": Container("b", "running", release=FIRST)}
    busy = replace(there, hosts=(replace(there.hosts[0], containers=up),))
    plan = deploy(of, busy)
    assert steps(plan)[:3] == ["image", "files", "drained"]
    (waits,) = [one for one in plan.steps if one.id == "drained"]
    assert waits.do.params["hosts"] == {"api1": "blue"} and waits.do.params["limit"] > 160


def test_machines_that_differ_are_all_brought_to_the_release(tmp_path: Path) -> None:
    """One machine serves from the other colour: each gets the release in the colour that is free there."""
    of = target(tmp_path, 2)
    there = serving(of)
    other = replace(there.hosts[1], active="blue", colours={"blue": FIRST, "green": OLD})
    plan = deploy(of, replace(there, hosts=(there.hosts[0], other)))
    (start,) = [one for one in plan.steps if one.id == "start"]
    assert {host: told["colour"] for host, told in start.do.params["hosts"].items()} == {
        "api1": "blue",
        "api2": "green",
    }


def test_a_change_that_was_cut_off_after_its_release_served_is_ended(tmp_path: Path) -> None:
    of = target(tmp_path, 1)
    there = serving(of)
    old = replace(there.releases[0], served=False)
    seen = replace(there.hosts[0], releases=(old, there.releases[1]))
    lack = of.lacking(replace(there, active=old, hosts=(seen,)))
    assert [step.id for step in lack.steps] == ["retire"]


def test_what_stands_beside_a_release_is_brought_back(tmp_path: Path) -> None:
    of = target(tmp_path, 2)
    there = serving(of)
    ended = {**there.hosts[1].containers, "nginx": Container("n", "exited")}
    observed = replace(there, hosts=(there.hosts[0], replace(there.hosts[1], containers=ended)))
    (edge,) = of.lacking(observed).steps
    assert (edge.id, list(edge.do.params["hosts"])) == ("edge", ["api2"])
    start = lifecycle.plan_start(observed, of, "demo-production", secrets="secrets", inputs="")
    assert steps(start) == ["edge", "retire"], "nobody is let to a release that is where it was"


def test_a_machine_with_another_definition_of_nginx_is_brought_to_the_release(tmp_path: Path) -> None:
    """It was away when the others got theirs: its own record counts, not that of the first one."""
    of = target(tmp_path, 2)
    there = serving(of)
    behind = replace(release(of, OLD, 2), beside="0123456789ab")
    observed = replace(there, hosts=(there.hosts[0], replace(there.hosts[1], releases=(behind,))))
    (edge,) = [step for step in deploy(of, observed).steps if step.id == "edge"]
    assert list(edge.do.params["hosts"]) == ["api2"]
    assert edge.preview[0].startswith("edge/compose.yaml differs on api2: a container whose own definition has changed")


def test_a_start_gives_all_machines_todays_secrets_where_one_needs_it(tmp_path: Path) -> None:
    of = target(tmp_path, 2)
    there = serving(of)
    green = Container("g", "running", release=OLD, secrets="secrets")
    first = replace(there.hosts[0], containers={**there.hosts[0].containers, "green": green})
    ended = {**there.hosts[1].containers, "green": replace(green, state="exited")}
    observed = replace(there, hosts=(first, replace(there.hosts[1], containers=ended)))
    for secrets, hosts in (("secrets", ["api2"]), ("rotated", ["api1", "api2"])):
        plan = lifecycle.plan_start(observed, of, "demo-production", secrets=secrets, inputs="")
        assert plan is not None
        (start,) = [step for step in plan.steps if step.id == "start"]
        assert list(start.do.params["hosts"]) == hosts


def test_the_copy_that_a_restart_replaced_is_not_pruned_again_and_again(tmp_path: Path) -> None:
    """Its container is there yet, for no release takes its colour: the machines would refuse to delete it."""
    of = target(tmp_path, 1)
    there = serving(of)
    copied = replace(there.releases[1], fingerprint=there.releases[0].fingerprint)
    seen = replace(there.hosts[0], releases=(there.releases[0], copied))
    assert of.prune(replace(there, releases=seen.releases, hosts=(seen,))) == ()


def test_the_previous_release_and_its_image_stay(tmp_path: Path) -> None:
    of = target(tmp_path, 1)
    there = serving(of)
    (prune,) = [one for one in deploy(of, there).steps if one.id == "prune"]
    assert prune.do.params["hosts"]["api1"] == {"releases": [], "images": []}
