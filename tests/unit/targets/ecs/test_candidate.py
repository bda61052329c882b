"""Given code here or an image that is named, when a deploy would bring it, it is known by its content."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.errors import Lost, Unreachable
from decodeat_ops.core.image import Reference, RemoteImage
from decodeat_ops.core.target import Origin
from decodeat_ops.targets.common import built
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
    silent: bool = False
    lost: bool = False

    def remote(self, reference: Reference) -> RemoteImage | None:
        if self.lost:
            raise Lost("It got no answer.")
        if self.silent:
            raise Unreachable("There is no engine.")
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
    told = candidate.read(place, "s")
    found = told.release
    assert found.image == f"registry.example.com/demo@{DIGEST}" and found.code == "1" * 64
    assert told.origin.package is None, "nothing is said of it by the code that lies here"
    moved = placed(tmp_path, Registry({named: RemoteImage("sha256:" + "2" * 64)}), f'image = "{named}"')
    assert candidate.read(moved, "s").release.fingerprint != found.fingerprint
    assert candidate.image_steps(place, told.origin) == () and candidate.look(place, told.origin) == ()


def test_a_named_image_that_is_not_there_is_left_to_the_verification(tmp_path: Path) -> None:
    place = placed(tmp_path, Registry(), 'image = "registry.example.com/demo:1.0"')
    told = candidate.read(place, "s")
    assert told.release.image == ""
    assert candidate.look(place, told.origin) == (), "whether it is there is judged with everything else"
    assert candidate.image_steps(place, told.origin) == ()


def test_a_tag_that_nobody_can_be_asked_for_is_told_when_all_else_is_until_somebody_answers(tmp_path: Path) -> None:
    named = "registry.example.com/demo:1.0"
    registry = Registry({named: RemoteImage(DIGEST)}, silent=True)
    place = placed(tmp_path, registry, f'image = "{named}"')
    told = candidate.read(place, "s")
    assert told.release.image == ""
    with pytest.raises(Unreachable, match="no engine"):
        candidate.look(place, told.origin)
    registry.silent = False
    assert candidate.read(place, "s").release.image != ""
    assert candidate.look(place, told.origin) == ()


def test_an_unknown_outcome_is_not_taken_for_an_image_that_is_missing(tmp_path: Path) -> None:
    registry = Registry(lost=True)
    with pytest.raises(Lost):
        candidate.read(placed(tmp_path, registry, 'image = "registry.example.com/demo:1.0"'), "s")


def test_nothing_is_built_or_pushed_that_the_registry_has(tmp_path: Path) -> None:
    registry = Registry()
    place = placed(tmp_path, registry, "[image]\nallow_dirty = true\n")
    assert candidate.look(place, BUILT) == ()
    assert [step.id for step in candidate.image_steps(place, BUILT)] == ["image-build", "image-push"]
    reference = candidate.wanted(place).reference
    registry.engine.add(str(reference))
    candidate.look(place, BUILT)
    assert [step.id for step in candidate.image_steps(place, BUILT)] == ["image-push"]
    registry.there[str(reference)] = RemoteImage(DIGEST, frozenset({"linux/amd64"}))
    assert candidate.look(place, BUILT) == ()
    assert candidate.image_steps(place, BUILT) == ()
    assert built.image_there(place) == reference.at(DIGEST)
    registry.there[str(reference)] = RemoteImage(DIGEST, frozenset({"linux/arm64"}))
    (problem,) = candidate.look(place, BUILT)
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
    told = dict(changes.facts(after, Origin("kept", of=old), observing.observe(after)))
    back = told["configuration"]
    assert "memory: 4096 -> 2048" in back and "RELEASE_ID" not in back and "image" not in back
    assert "assignPublicIp" not in back, "a release does not bring its network back"


@pytest.mark.parametrize("stopped", [True, False])
@pytest.mark.parametrize("how", ["kept", "copied"])
def test_what_of_the_service_changes_by_going_back_is_told(tmp_path: Path, how: Any, stopped: bool) -> None:
    """Security groups were moved in the settings: the old revision comes into the new ones, too."""
    fargate = Fargate()
    before = placed(tmp_path / "before", Registry(), fargate=fargate)
    old = serving(before, fargate, release(1))
    assert fargate.service is not None
    if stopped:
        fargate.service |= {"desiredCount": 0, "runningCount": 0}
    after = placed(tmp_path / "after", Registry(), 'alarms = ["errors"]\npublic_ip = true\n', fargate)
    ((name, text),) = changes.facts(after, Origin(how, of=old), observing.observe(after))
    assert name == "today's settings change"
    assert "assignPublicIp: DISABLED -> ENABLED" in text and "alarmNames" in text


def test_a_service_that_is_being_deleted_differs_in_nothing(tmp_path: Path) -> None:
    fargate = Fargate()
    place = placed(tmp_path, Registry(), fargate=fargate)
    old = serving(place, fargate, release(1))
    assert fargate.service is not None
    observed = observing.observe(place)
    assert observed.service is not None
    gone = replace(observed, service=replace(observed.service, status="DRAINING"))
    other = placed(tmp_path / "other", Registry(), "public_ip = true", fargate)
    assert changes.facts(other, Origin("kept", of=old), gone) == ()


def test_nothing_serves_so_nothing_differs(tmp_path: Path) -> None:
    place = placed(tmp_path, Registry())
    assert changes.facts(place, BUILT, observing.observe(place)) == ()
