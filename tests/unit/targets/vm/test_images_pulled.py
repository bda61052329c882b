"""Given machines and a registry, when a release needs an image, each one pulls it, and its login leaves no trace."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Configuration, StepFailed
from decodeat_ops.engine.executor import Context
from decodeat_ops.operations.image import PUSH
from decodeat_ops.targets.vm.scripts import images
from tests.servers.vm.images import Image
from tests.unit.targets.vm.images_yard import DEMO, PASSWORD, Yard, yard


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Yard]:
    with yard(tmp_path, "vm1", "vm2") as made:
        made.uses_registry()
        yield made


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Yard]:
    with yard(tmp_path, "vm1") as made:
        made.uses_registry()
        yield made


def test_every_machine_that_lacks_it_pulls_by_digest(two: Yard) -> None:
    content = two.build()
    image = two.push(content)
    two.hosts[0].engine.images.add(Image(content.configuration, content.layers, set(), {image}))
    done = two.bring(image)
    assert done == {"image": image, "brought": ["vm2"], "bytes": 0}
    assert two.has(image) == ["vm1", "vm2"] == two.has(images.mark(two.place.names, image))
    assert two.bring(image)["brought"] == [] and two.received()[0] == 0
    assert two.images.did == [], "nothing of it comes from here"


def test_the_image_of_the_push_is_what_comes(one: Yard) -> None:
    image = one.push(one.build())
    pushed = Context(results={PUSH: {"reference": image}})
    assert one.bring("", str(DEMO), pushed)["image"] == image
    assert one.has(image) == ["vm1"]


def test_the_login_is_in_no_script_and_leaves_nothing(one: Yard) -> None:
    one.bring(one.push(one.build()))
    assert PASSWORD not in "".join(one.remotes["vm1"].scripts)
    assert [*(one.hosts[0].root / "run").iterdir()] == []
    assert not (one.hosts[0].root / "home" / ".docker").exists()


def test_a_login_that_a_kill_left_behind_goes_with_the_next_one(one: Yard) -> None:
    left = one.hosts[0].root / "run" / "decodeat-ops-login-demo.abcdef"
    left.mkdir()
    (left / "config.json").write_text("{}")
    one.bring(one.push(one.build()))
    assert not left.exists()


def test_a_wrong_password_names_registry_and_user(one: Yard) -> None:
    image = one.push(one.build())
    one.registry.password = "another"
    with pytest.raises(Configuration, match=r"r\.example\.com refuses the login of ops from vm1") as caught:
        one.bring(image)
    assert caught.value.where == "image.password" and PASSWORD not in str(caught.value.advice)
    assert [*(one.hosts[0].root / "run").iterdir()] == []


def test_without_a_login_the_machines_own_is_used_and_its_lack_is_told(one: Yard) -> None:
    one.uses_registry(user="", password="")
    image = one.push(one.build())
    with pytest.raises(Configuration, match=r"r\.example\.com lets vm1 pull nothing without a login") as caught:
        one.bring(image)
    assert caught.value.where == "image.user" and "docker login r.example.com" in caught.value.advice.hint
    one.registry.password = ""
    assert one.bring(image)["brought"] == ["vm1"]


def test_a_registry_that_is_down_or_has_lost_the_image(one: Yard) -> None:
    image = one.push(one.build())
    one.registry.down = True
    with pytest.raises(StepFailed, match=r"vm1 could not (log in to|pull) r\.example\.com"):
        one.bring(image)
    one.registry.down = False
    one.registry.kept.clear()
    with pytest.raises(StepFailed, match=r"vm1 could not pull .*manifest unknown"):
        one.bring(image)


def test_a_disk_without_room_is_found_before_the_pull_where_the_size_is_known(one: Yard) -> None:
    image = one.push(one.build())
    one.disk(one.hosts[0], 60_000_000)
    with pytest.raises(StepFailed, match=r"vm1 has no room for the image: 60 MB free at \S+, \d\d MB needed"):
        one.bring(image, str(DEMO))
    assert one.received() == [0]
    one.hosts[0].engine.images.full = True
    with pytest.raises(StepFailed, match=r"vm1 has no room for the image: 60 MB free at \S+, less than it needs"):
        one.bring(image)


def test_room_that_is_not_told_is_not_shown_as_none(one: Yard) -> None:
    image = one.push(one.build())
    one.disk(one.hosts[0], -1)
    one.hosts[0].engine.images.full = True
    with pytest.raises(StepFailed, match=r"vm1 has no room for the image: how much is free at \S+ is unknown\.$"):
        one.bring(image)
