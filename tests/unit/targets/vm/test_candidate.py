"""Given the code here, when a deploy to machines would bring it, its image is looked for where it comes from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.errors import GateFailed, Unreachable
from decodeat_ops.core.image import BuildRequest, RemoteImage
from decodeat_ops.core.target import Origin
from decodeat_ops.settings.schema import Loaded, Settings
from decodeat_ops.targets.common import built
from decodeat_ops.targets.vm import candidate
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.place import Place
from tests.support.images import Content, MemoryImages
from tests.unit.deployment.test_revision import package_in

REPOSITORY = "r.example.com/decodeat"


def placed(home: Path, *, repository: str = "", env: str = "staging", **vm: Any) -> tuple[Place, MemoryImages]:
    if not (home / "decodeat").exists():
        package_in(home)
    given = {"service": {"source": str(home)}, "image": {"repository": repository}, "vm": vm, "target": "vm"}
    loaded = Loaded(settings=Settings.model_validate(given), env=env, files=(), directory=home, origins={})
    images, nothing = MemoryImages(), None
    ports: Any = (nothing, nothing, lambda: images, nothing, nothing)
    return Place(loaded, Names.of(loaded), {}, *ports), images


def test_code_is_known_without_an_engine(tmp_path: Path) -> None:
    place, _ = placed(tmp_path)
    nobody: Any = None
    told = candidate.read(replace(place, images=nobody), "s")
    assert told.origin.how == "built" and told.origin.package == tmp_path / "decodeat"
    assert told.release.image == "" and told.release.secrets == "s" and told.release.knows == "0001"
    assert told.facts == (("image", str(candidate.wanted(place).reference)),)
    assert str(candidate.wanted(place).reference).startswith(f"localhost/decodeat-ops/{place.loaded.deployment}:")


def test_what_changes_a_file_is_another_release_and_what_is_kept_is_not(tmp_path: Path) -> None:
    def fingerprint(**vm: Any) -> str:
        return candidate.read(placed(tmp_path, **vm)[0], "s").release.fingerprint

    assert fingerprint() == fingerprint(keep_releases=9) != fingerprint(memory="2g")


def test_without_a_registry_the_engine_here_is_asked_alone(tmp_path: Path) -> None:
    place, images = placed(tmp_path)
    images.registry.down = True
    origin, asked = candidate.read(place, "s").origin, candidate.wanted(place)
    assert candidate.look(place, origin) == () and candidate.image_there(place) == ""
    assert [step.id for step in candidate.image_steps(place, origin)] == ["image-build"]
    images.there[str(asked.reference)] = made = BuildRequest(asked.reference, asked.recipe, "", b"code")
    assert candidate.look(place, origin) == () and candidate.image_there(place) == Content(made).image.id
    assert candidate.image_steps(place, origin) == ()


def test_with_a_registry_it_is_built_and_pushed_unless_it_is_there(tmp_path: Path) -> None:
    place, images = placed(tmp_path, repository=REPOSITORY)
    origin, asked = candidate.read(place, "s").origin, candidate.wanted(place)
    assert candidate.look(place, origin) == ()
    assert [step.id for step in candidate.image_steps(place, origin)] == ["image-build", "image-push"]
    digest = "sha256:" + "1" * 64
    images.registry.kept[str(asked.reference)] = RemoteImage(digest, frozenset({"linux/amd64"}))
    assert candidate.look(place, origin) == () and candidate.image_steps(place, origin) == ()
    assert candidate.image_there(place) == f"{REPOSITORY}@{digest}"
    images.registry.kept[str(asked.reference)] = RemoteImage(digest, frozenset({"linux/arm64"}))
    assert "linux/arm64, not for linux/amd64" in candidate.look(place, origin)[0]
    images.registry.down = True
    with pytest.raises(Unreachable):
        candidate.look(place, origin)


def test_a_release_that_is_there_asks_nobody(tmp_path: Path) -> None:
    place, _ = placed(tmp_path, repository=REPOSITORY)
    nobody: Any = None
    alone = replace(place, images=nobody)
    assert candidate.look(alone, Origin("kept")) == () and candidate.image_steps(alone, Origin("kept")) == ()


def test_production_takes_no_image_of_changed_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, _ = placed(tmp_path, env="production")
    monkeypatch.setattr("decodeat_ops.deployment.source.revision", lambda package: "0123456789ab-dirty")
    origin = candidate.read(place, "s").origin
    with pytest.raises(GateFailed, match="differs from its commit"):
        built.require_clean(place, origin)
    assert built.require_clean(place, Origin("kept")) == ()
