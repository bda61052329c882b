"""Given an image that a deploy has brought, when it is taken back, nothing goes that something else uses."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Lost
from decodeat_ops.targets.vm import images as step
from decodeat_ops.targets.vm.scripts import colour, images
from tests.servers.vm.images import Image
from tests.support.local_remote import Cut
from tests.unit.targets.vm.images_yard import DEMO, Yard, yard


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Yard]:
    with yard(tmp_path, "vm1", "vm2") as made:
        yield made


def test_what_was_brought_goes_and_what_was_there_stays(two: Yard) -> None:
    content = two.build()
    two.hosts[0].engine.images.add(Image(content.configuration, content.layers))
    done = two.bring("", str(DEMO))
    assert two.forget("", done) == {}
    assert two.has(content.image.id) == ["vm1"]
    assert two.forget("", done) == {}, "a repeat finds nothing more"


@pytest.mark.parametrize("pulled", [True, False], ids=["pulled", "sent"])
def test_after_half_a_step_it_goes_from_where_it_was_not_before(two: Yard, pulled: bool) -> None:
    content = two.build()
    if pulled:
        two.uses_registry()
    image = two.push(content) if pulled else content.image.id
    for host in two.hosts:
        names = {images.mark(two.place.names, image)}
        host.engine.images.add(Image(content.configuration, content.layers, names, {image} if pulled else set()))
    assert two.forget(image, None, {"vm1": [image]}) == {}
    assert two.has(image) == ["vm1"]


def test_a_release_of_any_deployment_keeps_its_image(two: Yard) -> None:
    content = two.build()
    done = two.bring("", str(DEMO))
    two.release(two.hosts[0], "r0", done["image"])
    other = two.hosts[1].files / "other" / "releases" / "r9" / "image"
    other.parent.mkdir(parents=True)
    other.write_text(f"{done['image']}\n")
    assert two.forget("", done)["warnings"] == ["The image stays at vm1, vm2: something else uses it."]
    assert two.has(content.image.id) == ["vm1", "vm2"] == two.has(images.mark(two.place.names, content.image.id))


def test_a_name_that_somebody_else_gave_it_keeps_the_image(two: Yard) -> None:
    content = two.build()
    done = two.bring("", str(DEMO))
    two.hosts[0].engine.images.add(Image(content.configuration, content.layers, {"theirs:1"}))
    assert two.forget("", done)["warnings"] == ["The image stays at vm1: something else uses it."]
    assert two.has("theirs:1") == ["vm1"] == two.has(content.image.id)
    assert two.has(images.mark(two.place.names, content.image.id)) == []


def test_a_machine_that_cannot_be_reached_is_told_and_one_that_broke_off_leaves_the_journal_open(two: Yard) -> None:
    two.build()
    done = two.bring("", str(DEMO))
    two.remotes["vm1"].cut_on("forget()", Cut.REFUSED)
    (warning,) = two.forget("", done)["warnings"]
    assert warning.startswith("The image may still be at vm1, vm2.") and "vm1 refuses" in warning
    two.remotes["vm1"].cut_on("forget()", Cut.BEFORE)
    with pytest.raises(Lost):
        two.forget("", done)
    assert two.forget("", done) == {} and two.has(done["image"]) == []


def test_an_engine_that_does_not_answer_is_not_taken_for_one_without_the_image(
    two: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(colour, "ENGINE_SECONDS", 0)
    two.build()
    done = two.bring("", str(DEMO))
    two.hosts[0].engine.down = True
    assert two.forget("", done)["warnings"] == [
        "The image may still be at vm1, where Docker did not answer: see `docker image ls`."
    ]
    two.hosts[0].engine.down = False
    assert two.has(done["image"]) == ["vm1"]


def test_the_plan_says_what_moves(two: Yard) -> None:
    image = two.build().image.id
    new, there = two.step(image), two.step(image, {"vm1": [image], "vm2": [image]})
    assert new.id == step.IMAGE and new.title == "Bring the image to 2 machines"
    assert new.preview == (
        image,
        "over the connection: the layers that a machine's engine lacks; nothing where it is there",
    )
    assert there.preview == (image, "it is there: nothing moves")
    assert new.undo is not None and new.undo.name == "forget-image"
    two.uses_registry()
    pulled = two.step("r.example.com/demo@sha256:" + "1" * 64).preview
    assert pulled[1] == "docker pull, by digest; nothing where it is there"
