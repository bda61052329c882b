"""Given a release that serves on machines, when the next one is broken, then the old one serves, and it says why.

The table in docs/vm.md tells the same; each of its rows that begins with a name of FAILURES is held against this.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from decodeat_ops.targets.vm.actions import admitting
from tests.integration.ecs_place import Told
from tests.integration.vm_place import VmPlace, empty_place, serving_place, three_machines, vm_place
from tests.servers.vm import Behaviour
from tests.support.deployments import REPOSITORY, service_source

__all__ = ["empty_place", "service_source", "serving_place", "three_machines"]


@dataclass(frozen=True)
class Failure:
    """One way in which a deploy fails: what the table calls it, its exit code, and what its message has to say."""

    row: str
    code: int
    spoil: Callable[[VmPlace], None]
    says: tuple[str, ...]


def behaving(behaviour: Behaviour) -> Callable[[VmPlace], None]:
    return lambda place: place.spoil(behaviour)


def never_ready(place: VmPlace) -> None:
    place.vm["ready_timeout"] = 2.0
    place.spoil(Behaviour("never-ready", lines=("the models are not there",)))


def silent(place: VmPlace) -> None:
    place.vm["ready_timeout"] = 2.0
    place.spoil(Behaviour("silent", lines=("waiting for something",)))


def another(place: VmPlace) -> None:
    place.vm["ready_timeout"] = 2.0
    place.spoil(Behaviour(reports="20000101T000000Z-0000000"))


def migration(place: VmPlace) -> None:
    place.configure(DATABASE_URL="sqlite:////data/results.db")
    place.spoil(Behaviour(migration=1, lines=("there is no room for an index",)))


def nginx_files(place: VmPlace) -> None:
    for host in place.hosts:
        host.engine.nginx_refuses = 'unknown directive "frobnicate" in /etc/edge/current/nginx.conf:7'
    place.vm["domains"] = ["other.example.com"]


def full_disk(place: VmPlace) -> None:
    place.change_code()
    for host in place.hosts:
        host.engine.images.full = True


def registry_password(place: VmPlace) -> None:
    place.registry.password = "another one by now"
    with_registry(place)


def registry_away(place: VmPlace) -> None:
    place.registry.down = True
    with_registry(place)


def with_registry(place: VmPlace) -> None:
    place.change_code()
    place.secrets["REGISTRY_PASSWORD"] = "password-of-earlier-days"
    place.more["image"] = {
        "repository": f"{place.registry.address}/tested", "user": "ops", "password": "env:REGISTRY_PASSWORD",
    }  # fmt: skip


FAILURES = (
    Failure("crashes at boot", 5, behaving(Behaviour("crashes", 3, lines=("no module named brain",))),
            ("last exit code 3", "no module named brain")),
    Failure("killed for its memory", 5, behaving(Behaviour("crashes", 137)), ("more memory", "vm.memory")),
    Failure("never ready", 5, never_ready, ("not ready after", "the models are not there", "vm.ready_timeout")),
    Failure("does not answer at all", 5, silent, ("not ready after", "waiting for something")),
    Failure("another release answers", 5, another, ("not ready after",)),
    Failure("fails clients", 5, behaving(Behaviour("fails-clients")), ("nginx", "reach what they reached before")),
    Failure("ends once clients reach it", 4, behaving(Behaviour("breaks", 1, after=6)), ("Post-deploy gate",)),
    Failure("the migration fails", 5, migration, ("schema", "there is no room for an index")),
    Failure("nginx refuses its files", 5, nginx_files, ("nginx", "frobnicate")),
    Failure("the disk is full", 5, full_disk, ("no space left",)),
    Failure("wrong registry password", 5, registry_password, ("registry.test:5000",)),
    Failure("the registry does not answer", 5, registry_away, ("registry.test:5000",)),
)  # fmt: skip
IDS = [one.row.replace(" ", "-") for one in FAILURES]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nginx have less time to answer with a release that never will."""
    monkeypatch.setattr(admitting, "CONFIRM_SECONDS", 2.0)


def complete(told: Told, failure: Failure) -> None:
    """Demand what every error has: a cause, how things are left, and a next step."""
    assert told.code == failure.code, told.text
    assert told.what and told.state and told.hint, told
    assert all(part in told.text for part in failure.says), told.text


def mended(place: VmPlace) -> None:
    place.more.clear()
    place.vm.clear()
    place.secrets.pop("REGISTRY_PASSWORD", None)
    place.configure(DATABASE_URL="none")
    place.registry.password, place.registry.down = "", False
    for host in place.hosts:
        host.engine.images.full, host.engine.nginx_refuses = False, ""
    place.repair()


@pytest.mark.share
@pytest.mark.parametrize("failure", FAILURES, ids=IDS)
def test_a_broken_release_never_keeps_the_clients(well: VmPlace, failure: Failure) -> None:
    before, kept = well.serving(), [one.id for one in well.desk().target.observe().releases]
    failure.spoil(well)
    told = well.ends()
    complete(told, failure)
    assert "serves still" in told.state, told.state
    assert well.serving() == before and well.desk().target.observe().serving
    assert well.settled() and [one.id for one in well.desk().target.observe().releases] == kept
    mended(well)
    assert well.deploy() == well.serving() != before


@pytest.mark.share
@pytest.mark.parametrize("failure", FAILURES, ids=IDS)
def test_a_first_release_that_is_broken_leaves_nothing(place: VmPlace, failure: Failure) -> None:
    failure.spoil(place)
    complete(place.ends(), failure)
    assert place.serving() == "" and place.desk().target.observe().releases == () and place.settled()
    assert not place.hosts[0].running("-blue", "-green")
    mended(place)
    assert place.deploy() == place.serving() != ""


@pytest.mark.share
@pytest.mark.parametrize("failure", [one for one in FAILURES if one.spoil is not migration], ids=lambda one: one.row)
def test_no_machine_is_left_on_another_release(three: VmPlace, failure: Failure) -> None:
    before = three.serving()
    failure.spoil(three)
    complete(three.ends(), failure)
    assert three.seen() == dict.fromkeys(("one", "two", "three"), before)
    assert three.desk().target.observe().serving


def test_the_page_tells_what_happens() -> None:
    """Hold the table against the failures: each has its row, with its exit code and what serves."""
    text = (REPOSITORY / "docs" / "vm.md").read_text().partition("## When something fails")[2]
    rows = {cells[0]: cells[1:] for line in re.findall(r"^\| (.*) \|$", text, re.MULTILINE)
            if len(cells := line.split(" | ")) == 4}  # fmt: skip
    for failure in FAILURES:
        (found,) = [cells for name, cells in rows.items() if failure.row in name]
        assert str(failure.code) in found[0].split(" or "), failure.row
        assert found[1].startswith("old"), failure.row


def test_the_third_machine_alone_fails(tmp_path: Path, source: Path) -> None:
    """The first two have it already when the third one's nginx does not answer: all go back."""
    with vm_place(tmp_path / "vm", source, ("one", "two", "three"), group=1) as place:
        before = place.deploy()
        place.change()
        third = place.hosts[2].engine
        third.behaves = lambda variables: Behaviour("fails-clients" if variables.get("MAX_REQUESTS") else "serves")
        told = place.ends()
        assert told.code == 5 and "three: nginx" in told.what, told.text
        assert place.seen() == dict.fromkeys(("one", "two", "three"), before)
        assert place.desk().target.observe().serving and not place.desk().target.observe().mixed
