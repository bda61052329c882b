"""Given machines and no registry, when a release needs an image, a machine gets the layers that it lacks."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core import events
from decodeat_ops.core.errors import Interrupted, Lost, StepFailed
from decodeat_ops.core.remote import Answer
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm.scripts import images
from tests.servers.vm.images import Image
from tests.support.local_remote import Cut
from tests.unit.targets.vm.images_yard import DEMO, Yard, yard


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Yard]:
    with yard(tmp_path, "vm1", "vm2") as made:
        yield made


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Yard]:
    with yard(tmp_path, "vm1") as made:
        yield made


def test_an_image_comes_to_all_machines_and_a_repeat_moves_nothing(two: Yard) -> None:
    content = two.build()
    done = two.bring("", str(DEMO))
    assert done["image"] == content.image.id and done["brought"] == ["vm1", "vm2"]
    assert two.has(content.image.id) == ["vm1", "vm2"] == two.has(images.mark(two.place.names, content.image.id))
    assert done["bytes"] == sum(two.received())
    before, two.opened = two.received(), 0
    assert two.bring(content.image.id) == {"image": content.image.id, "brought": [], "bytes": 0}
    assert two.received() == before and two.opened == 0, "the engine here is not needed for it"
    assert len(two.remotes["vm1"].scripts) == 3, "a look and a transfer, then a look"


def test_after_a_change_of_the_code_its_layer_alone_travels(two: Yard) -> None:
    two.build()
    two.bring("", str(DEMO))
    before = two.received()
    changed = two.build("b")
    done = two.bring("", str(DEMO))
    assert two.has(changed.image.id) == ["vm1", "vm2"]
    for now, then in zip(two.received(), before, strict=True):
        assert 0 < now - then <= 1.1 * len(changed.layers[-1])
    assert done["bytes"] <= 2 * 1.1 * len(changed.layers[-1])
    assert two.images.did.count("export") == 2, "one for all machines"


def test_a_machine_that_lacks_it_gets_it_and_another_one_is_left_alone(two: Yard) -> None:
    content = two.build()
    first = two.hosts[0].engine.images
    first.add(Image(content.configuration, content.layers))
    assert two.bring(content.image.id)["brought"] == ["vm2"]
    assert first.received == 0
    assert two.has(images.mark(two.place.names, content.image.id)) == ["vm1", "vm2"], "none of them can be pruned"


def test_the_bytes_of_all_machines_are_reported_and_ctrl_c_ends_the_transfer(two: Yard) -> None:
    seen: list[events.Event] = []
    content = two.build()
    done = two.bring("", str(DEMO), Context(emit=seen.append))
    told = [one for one in seen if isinstance(one, events.StepProgress) and " to 2 machines" in one.text]
    assert told[-1].done == told[-1].total == done["bytes"] and told[-1].unit == "bytes"
    assert [one.done for one in told] == sorted(one.done for one in told)
    two.build("b")
    stopped = Context()
    stopped.emit = lambda event: setattr(stopped, "interrupted", True)
    with pytest.raises(Interrupted):
        two.bring("", str(DEMO), stopped)
    assert two.has(content.image.id) == ["vm1", "vm2"] and two.hosts[0].engine.images.images.keys() == {
        content.image.id
    }


def test_room_is_looked_for_before_anything_is_sent(two: Yard) -> None:
    content = two.build()
    two.disk(two.hosts[1], 50_000_000)
    with pytest.raises(StepFailed, match=r"vm2 has no room for the image: 50 MB free at \S+, \d\d MB needed") as caught:
        two.bring("", str(DEMO))
    assert "vm1" not in str(caught.value) and "prune" in caught.value.advice.hint
    assert two.received() == [0, 0]
    two.disk(two.hosts[1], 500_000_000)
    assert two.bring("", str(DEMO))["image"] == content.image.id


def test_a_disk_that_fills_up_meanwhile_is_told_with_what_is_free(one: Yard) -> None:
    one.build()
    one.disk(one.hosts[0], 100_000_000)
    one.hosts[0].engine.images.full = True
    with pytest.raises(
        StepFailed, match=r"vm1 has no room for the image: 100 MB free at \S+, \d\d MB needed"
    ) as caught:
        one.bring("", str(DEMO))
    assert "no space left on device" in caught.value.advice.lines[0]
    one.hosts[0].engine.images.full = False
    assert one.bring("", str(DEMO))["brought"] == ["vm1"]


@pytest.mark.parametrize(("cut", "ended"), [(Cut.AFTER, True), (Cut.BEFORE, False)], ids=["arrived", "not begun"])
def test_after_a_connection_that_broke_off_a_look_tells_what_came_of_it(one: Yard, cut: Cut, ended: bool) -> None:
    content = one.build()
    one.remotes["vm1"].cut_on("docker load", cut)
    if ended:
        assert one.bring("", str(DEMO))["image"] == content.image.id
    else:
        with pytest.raises(StepFailed, match=r"broke off\. Its engine has not taken the image"):
            one.bring("", str(DEMO))
        assert one.bring("", str(DEMO))["brought"] == ["vm1"]


def test_an_archive_that_is_cut_off_in_the_middle_loads_nothing(one: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    content, remote = one.build(), one.remotes["vm1"]
    honest = remote.send

    def send(script: str, pieces: Iterable[bytes], **more: Any) -> Answer:
        assert honest(script, itertools.islice(pieces, 3), **more).status == images.NOT_LOADED
        raise Lost("The connection to vm1 broke off.")

    monkeypatch.setattr(remote, "send", send)
    with pytest.raises(StepFailed, match="has not taken the image"):
        one.bring("", str(DEMO))
    assert one.has(content.image.id) == []
    monkeypatch.undo()
    assert one.bring("", str(DEMO))["brought"] == ["vm1"]


def test_when_the_machine_cannot_be_asked_afterwards_the_outcome_is_unknown(one: Yard) -> None:
    content, remote = one.build(), one.remotes["vm1"]
    remote.cut_on("docker load", Cut.AFTER)
    one.bring("", str(DEMO))
    one.hosts[0].engine.images.images.clear()
    remote.cut_on("docker load", Cut.AFTER)
    numbers = len(remote.scripts)
    remote._cuts[numbers + 2] = Cut.REFUSED
    with pytest.raises(Lost, match="broke off"):
        one.bring("", str(DEMO))
    assert one.bring(content.image.id)["brought"] == [], "it had arrived"


def test_an_image_that_is_nowhere_is_named_with_the_way_out(one: Yard) -> None:
    gone = "sha256:" + "1" * 64
    with pytest.raises(StepFailed, match=f"{gone} is neither at every machine nor in the engine here") as caught:
        one.bring(gone)
    assert "decodeat-ops deploy" in caught.value.advice.hint


def test_an_engine_that_is_down_is_named(one: Yard) -> None:
    one.build()
    one.hosts[0].engine.down = True
    with pytest.raises(StepFailed, match="The engine of vm1 does not answer: Cannot connect to the Docker daemon"):
        one.bring("", str(DEMO))


def test_an_engine_that_shares_no_layers_with_an_archive_gets_all_of_them(one: Yard) -> None:
    one.packed(one.hosts[0])
    one.build()
    one.bring("", str(DEMO))
    changed = one.build("b")
    assert one.bring("", str(DEMO))["bytes"] > sum(map(len, changed.layers))
    assert one.bring("", str(DEMO))["bytes"] == 0, "it is found by our tag"


def test_engines_that_call_an_image_differently_are_told(two: Yard) -> None:
    two.packed(two.hosts[1], "sha256:" + "9" * 64)
    two.build()
    with pytest.raises(StepFailed, match=r"different stores.*sha256:9+: vm2") as caught:
        two.bring("", str(DEMO))
    assert "image.repository" in caught.value.advice.hint
