"""Given code here or an image that is named, when a deploy would bring it, it is known by its content."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.image import Reference, RemoteImage
from decodeat_ops.core.target import Origin
from decodeat_ops.targets.ecs import candidate, changes, observing
from decodeat_ops.targets.ecs.place import Place
from tests.unit.targets.ecs.demo import place_of, registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate

DIGEST = "sha256:" + "1" * 64
BUILT = Origin("built", Path("/source"))


@dataclass
class Registry:
    """Know images by name, as a registry and an engine do; it builds and pushes nothing."""

    there: dict[str, RemoteImage] = field(default_factory=dict)
    engine: set[str] = field(default_factory=set)

    def remote(self, reference: Reference) -> RemoteImage | None:
        return self.there.get(str(reference))

    def has(self, reference: Reference) -> bool:
        return str(reference) in self.engine


def placed(home: Path, registry: Registry, more: str = "", fargate: Fargate | None = None) -> Place:
    images: Any = registry
    return replace(place_of(home, fargate or Fargate(), more), images=lambda: images)


def test_code_is_known_without_building_it(tmp_path: Path) -> None:
    place = placed(tmp_path, Registry())
    found = candidate.read(place, "s")
    assert found.origin.how == "built" and found.release.image == "" and found.release.secrets == "s"
    assert len(found.release.fingerprint) == 64 and found.release.knows.split() == ["0001", "0002"]
    assert candidate.read(place, "s") == found
    other = candidate.read(placed(tmp_path / "other", Registry(), "cpu = 2048\nmemory = 4096"), "s")
    assert other.release.fingerprint != found.release.fingerprint and other.release.code == found.release.code


def test_a_count_of_tasks_is_no_new_release(tmp_path: Path) -> None:
    two, nine = (
        candidate.read(placed(tmp_path / name, Registry(), f"desired = {name}"), "s").release for name in ("2", "9")
    )
    assert two.fingerprint == nine.fingerprint


def test_a_named_image_is_taken_by_digest(tmp_path: Path) -> None:
    named = "registry.example.com/demo:1.0"
    place = placed(tmp_path, Registry({named: RemoteImage(DIGEST)}), f'image = "{named}"')
    found = candidate.read(place, "s").release
    assert found.image == f"registry.example.com/demo@{DIGEST}" and found.code == "1" * 64
    moved = placed(tmp_path, Registry({named: RemoteImage("sha256:" + "2" * 64)}), f'image = "{named}"')
    assert candidate.read(moved, "s").release.fingerprint != found.fingerprint
    assert candidate.image_steps(place, BUILT) == () and candidate.look(place, found, BUILT) == ()


def test_a_named_image_that_is_not_there_is_refused(tmp_path: Path) -> None:
    place = placed(tmp_path, Registry(), 'image = "registry.example.com/demo:1.0"')
    with pytest.raises(Configuration, match=r"There is no image registry\.example\.com/demo:1\.0"):
        candidate.read(place, "s")


def test_nothing_is_built_or_pushed_that_the_registry_has(tmp_path: Path) -> None:
    registry = Registry()
    place = placed(tmp_path, registry, "[image]\nallow_dirty = true\n")
    made = candidate.read(place, "s").release
    assert candidate.look(place, made, BUILT) == ()
    assert [step.id for step in candidate.image_steps(place, BUILT)] == ["image-build", "image-push"]
    reference = candidate.wanted(place).reference
    registry.engine.add(str(reference))
    candidate.look(place, made, BUILT)
    assert [step.id for step in candidate.image_steps(place, BUILT)] == ["image-push"]
    registry.there[str(reference)] = RemoteImage(DIGEST, frozenset({"linux/amd64"}))
    assert candidate.look(place, made, BUILT) == ()
    assert candidate.image_steps(place, BUILT) == ()
    assert candidate.image_there(place) == reference.at(DIGEST)
    registry.there[str(reference)] = RemoteImage(DIGEST, frozenset({"linux/arm64"}))
    (problem,) = candidate.look(place, made, BUILT)
    assert "is there for linux/arm64, not for linux/amd64" in problem


# What differs


def test_an_unchanged_configuration_differs_in_nothing(tmp_path: Path) -> None:
    fargate = Fargate()
    place = placed(tmp_path, Registry(), fargate=fargate)
    old = serving(place, fargate, release(1))
    observed = observing.observe(place)
    assert changes.facts(place, BUILT, observed) == ()
    assert changes.facts(place, Origin("kept", of=old), observed) == ()


def test_a_changed_configuration_is_told_value_by_value(tmp_path: Path) -> None:
    fargate = Fargate()
    before = placed(tmp_path / "before", Registry(), fargate=fargate)
    old = serving(before, fargate, release(1))
    more = 'memory = 4096\npublic_ip = true\n[service.environment]\nLOG_LEVEL = "DEBUG"\n'
    after = placed(tmp_path / "after", Registry(), more, fargate)
    ((name, text),) = changes.facts(after, BUILT, observing.observe(after))
    assert name == "configuration"
    assert "memory: 2048 -> 4096" in text and "LOG_LEVEL" in text and "assignPublicIp: DISABLED -> ENABLED" in text
    new = registered(after, fargate, release(2))
    fargate.deploy(new.task_definition)
    for _ in range(5):
        fargate.step()
    ((_, back),) = changes.facts(after, Origin("kept", of=old), observing.observe(after))
    assert "memory: 4096 -> 2048" in back and "RELEASE_ID" not in back and "image" not in back


def test_nothing_serves_so_nothing_differs(tmp_path: Path) -> None:
    place = placed(tmp_path, Registry())
    assert changes.facts(place, BUILT, observing.observe(place)) == ()
