"""Given code, an engine and a registry: build and push as commands carry them out, with lock, journal and resume."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.application import images as verbs
from decodeat_ops.application.desk import Desk
from decodeat_ops.application.verbs import resume
from decodeat_ops.application.workflow import Change
from decodeat_ops.core.errors import (
    Configuration,
    GateFailed,
    Interrupted,
    Locked,
    Lost,
    OpsError,
    StepFailed,
    Unreachable,
)
from decodeat_ops.core.image import RemoteImage
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.deployment import image
from decodeat_ops.targets.common.image import bound
from tests.contract.world import Killed, MemoryWorld, after, at
from tests.support.images import MemoryImages
from tests.unit.deployment.test_revision import git, repository

REPOSITORY = "r.example.com/decodeat"
BROKEN = StepFailed("it did not take the image: EOF.")


@dataclass
class Works:
    """A deployment whose code is in a repository, and what its commands work with."""

    home: Path
    images: MemoryImages = field(default_factory=MemoryImages)
    settings: dict[str, Any] = field(default_factory=lambda: {"repository": REPOSITORY})
    env: str = "production"

    def desk(self) -> Desk:
        made = MemoryWorld(self.home / "world").desk()
        given = {"service": {"source": str(self.home)}, "image": self.settings}
        loaded = made.loaded.model_copy(
            update={"settings": type(made.loaded.settings).model_validate(given), "env": self.env}
        )
        return replace(
            made,
            loaded=loaded,
            images=lambda: self.images,
            repository=partial(image.repository, loaded),
            shared=bound(loaded, lambda: self.images),
        )

    def build(self, change: Change | None = None, **options: Any) -> Outcome:
        return verbs.build(self.desk(), change or Change(), **options)

    def push(self, change: Change | None = None, **options: Any) -> Outcome:
        return verbs.push(self.desk(), change or Change(), **options)

    def change_code(self, *, commit: bool) -> None:
        (self.home / "decodeat" / "__init__.py").write_text("# one line more\n")
        if commit:
            git(self.home, "commit", "-q", "-a", "-m", "two")

    @property
    def reference(self) -> str:
        return f"{REPOSITORY}:{image.read(self.desk().loaded).tag}"


@pytest.fixture
def works(tmp_path: Path) -> Works:
    repository(tmp_path)
    (tmp_path / "world").mkdir()
    return Works(tmp_path)


def test_built_once_and_then_there(works: Works) -> None:
    first, second = works.build(), works.build()
    assert (first.changed, second.changed) == (1, 0)
    assert first.data["image"] == second.data["image"] == works.reference
    assert second.summary == f"0 changed: the engine has {works.reference}, made of the same code and lock."
    assert works.images.did == ["build"]


def test_pushed_once_and_then_there(works: Works) -> None:
    first, second = works.push(), works.push()
    assert (first.changed, second.changed) == (1, 0)
    assert first.data["digest"] == second.data["digest"]
    assert first.data["reference"] == second.data["reference"] == f"{REPOSITORY}@{first.data['digest']}"
    assert "0 changed" in second.summary and works.images.did == ["build", "push"]


def test_nothing_is_built_when_the_registry_has_it(works: Works) -> None:
    """As on another machine, whose engine has nothing."""
    works.push()
    elsewhere = replace(works, images=MemoryImages(works.images.registry))
    assert elsewhere.push().changed == 0
    assert elsewhere.images.did == []


def test_another_commit_of_the_same_code_builds_nothing_and_other_code_does(works: Works) -> None:
    works.push()
    git(works.home, "commit", "-q", "--allow-empty", "-m", "nothing")
    assert works.push().changed == 0
    works.change_code(commit=True)
    assert works.push().changed == 1
    assert len(works.images.registry.kept) == 2


def test_a_dry_run_shows_the_plan_and_does_nothing(works: Works) -> None:
    shown = works.push(Change(dry_run=True))
    assert [step["id"] for step in shown.data["plan"]["steps"]] == ["image-build", "image-push"]
    assert works.images.did == []
    assert not works.desk().ledger.exists()


def test_what_is_not_approved_is_not_done(works: Works) -> None:
    with pytest.raises(Interrupted, match="was not approved"):
        works.push(Change(approve=lambda plan: False))
    assert works.images.did == []


def test_changed_code_is_refused_for_production_and_told_elsewhere(works: Works) -> None:
    works.change_code(commit=False)
    with pytest.raises(GateFailed, match="-dirty"):
        works.push()
    assert works.images.did == []
    allowed = works.push(allow_dirty=True)
    assert allowed.warnings and allowed.data["image"].endswith("-dirty")
    works.env = "staging"
    assert works.push().changed == 0


def test_a_commit_of_what_was_tried_out_before_is_an_image_of_its_own(works: Works) -> None:
    works.change_code(commit=False)
    works.push(allow_dirty=True)
    git(works.home, "commit", "-q", "-a", "-m", "two")
    done = works.push()
    assert done.changed == 1 and not done.warnings
    requests = works.images.there.values()
    assert [request.recipe.revision.endswith("-dirty") for request in requests] == [True, False]


@pytest.mark.parametrize("verb", [Works.build, Works.push])
def test_without_a_repository_nothing_begins(works: Works, verb: Callable[[Works], Outcome]) -> None:
    works.settings = {}
    with pytest.raises(Configuration, match=r"image\.repository is not set"):
        verb(works)
    assert not works.desk().ledger.exists()


@pytest.mark.parametrize(("state", "error"), [("down", Unreachable), ("closed", Configuration)])
def test_a_registry_that_does_not_answer_or_refuses_is_told_before_anything_is_built(
    works: Works, state: str, error: type[OpsError]
) -> None:
    setattr(works.images.registry, state, True)
    with pytest.raises(error) as caught:
        works.push()
    assert caught.value.advice.state == "Nothing was changed."
    assert works.images.did == []


def test_a_tag_that_somebody_else_pushed_is_not_taken_for_ours(works: Works) -> None:
    works.images.registry.kept[works.reference] = RemoteImage("sha256:ab", frozenset({"linux/s390x"}))
    with pytest.raises(Configuration, match="is there for linux/s390x"):
        works.push()


def test_a_push_that_fails_takes_the_build_back(works: Works) -> None:
    works.images.breaks["push"] = BROKEN
    with pytest.raises(StepFailed, match="has nothing under the tag") as caught:
        works.push()
    assert "Everything was undone" in caught.value.advice.state
    assert works.images.did == ["build", "push", "forget"] and works.images.there == {}
    assert works.desk().ledger.unfinished() == ""
    assert works.push().changed == 1


def test_a_push_that_fails_leaves_a_build_that_was_there(works: Works) -> None:
    works.build()
    works.images.breaks["push"] = BROKEN
    with pytest.raises(StepFailed):
        works.push()
    assert works.images.did == ["build", "push"] and works.images.there


def test_a_build_that_fails_leaves_nothing(works: Works) -> None:
    works.images.breaks["build"] = StepFailed("The build failed.", lines=("no such file",))
    with pytest.raises(StepFailed) as caught:
        works.build()
    assert caught.value.advice.lines == ("no such file",)
    assert works.desk().ledger.unfinished() == "" and works.images.there == {}


@pytest.mark.parametrize("where", ["push", "arrived"])
def test_when_the_registry_dies_the_journal_stays_open_and_resume_finds_out(works: Works, where: str) -> None:
    works.images.breaks[where], works.images.dies_with_it = BROKEN, True
    with pytest.raises(Lost) as caught:
        works.push()
    assert "Whether it was done is unknown" in caught.value.advice.state
    with pytest.raises(Locked, match="An interrupted push"):
        works.push()
    works.images.registry.down = False
    assert resume(works.desk(), Change()).changed == 1
    assert works.push().changed == 0
    assert works.images.did == ["build", "push", "push"][: 3 if where == "push" else 2]


@pytest.mark.parametrize("point", [at("image-push", Killed), after("image-build", Killed), after("image-push", Killed)])
def test_a_command_that_is_killed_is_finished_or_taken_back(works: Works, point: Any) -> None:
    for undo in (False, True):
        with pytest.raises(Killed):
            works.push(Change(emit=point))
        assert resume(works.desk(), Change(), undo=undo).changed == 1
        assert works.desk().ledger.unfinished() == ""
        assert bool(works.images.there) is not undo
        works.images.registry.kept.clear()
        works.images.there.clear()


def test_no_secret_of_the_service_is_needed(works: Works) -> None:
    """A machine that builds images need not know what the service is told."""
    assert works.desk().secrets == {}
    assert works.push().changed == 1


def test_the_journal_holds_what_was_built(works: Works) -> None:
    works.push()
    (journal,) = (works.home / "world" / "own" / "journal").glob("*.jsonl")
    plan = json.loads(journal.read_text().splitlines()[0])["plan"]
    assert plan["steps"][0]["do"]["params"]["recipe"]["code"] == image.read(works.desk().loaded).code
