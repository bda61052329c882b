"""Given an engine and a registry, when a step of an image goes well, is repeated or breaks off, it ends well."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core import events
from decodeat_ops.core.errors import Configuration, Interrupted, Lost, StepFailed, Unreachable
from decodeat_ops.core.image import Images, RemoteImage
from decodeat_ops.deployment import image
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.operations.image import BUILD, PUSH, Wanted
from decodeat_ops.settings.schema import Loaded, Settings
from decodeat_ops.targets.common.image import bound
from tests.support.images import MemoryImages
from tests.unit.deployment.test_revision import package_in

REPOSITORY = "r.example.com/decodeat"
FORGET = "image-forget"
BROKEN = StepFailed("r.example.com did not take the image: EOF.", lines=("the end",))


@dataclass
class Bench:
    """Code, an engine and a registry, and the actions on them."""

    home: Path
    images: MemoryImages

    @property
    def loaded(self) -> Loaded:
        given = {"service": {"source": str(self.home)}, "image": {"repository": REPOSITORY}}
        return Loaded(settings=Settings.model_validate(given), env="staging", files=(), directory=self.home, origins={})

    @property
    def wanted(self) -> Wanted:
        return Wanted(image.read(self.loaded), REPOSITORY)

    def act(self, name: str, context: Context | None = None, wanted: Wanted | None = None) -> Results:
        chosen = wanted or self.wanted
        params: dict[str, Any] = {"repository": chosen.repository, "tag": chosen.recipe.tag, "network": ""}
        params |= {"recipe": asdict(chosen.recipe), "platform": chosen.recipe.platform}
        return bound(self.loaded, lambda: self.images)[name](context or Context(), params) or {}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    package_in(tmp_path)
    return Bench(tmp_path, MemoryImages())


def test_a_step_that_is_repeated_does_nothing_more(bench: Bench) -> None:
    first = bench.act(BUILD), bench.act(PUSH)
    second = bench.act(BUILD), bench.act(PUSH)
    assert [one.get("built", one.get("pushed")) for one in (*first, *second)] == [True, True, False, False]
    assert first[1]["digest"] == second[1]["digest"]
    assert first[1]["reference"] == f"{REPOSITORY}@{first[1]['digest']}"
    assert bench.images.did == ["build", "push"]


def test_no_engine_is_opened_until_an_action_needs_one(bench: Bench) -> None:
    opened: list[str] = []

    def images() -> Images:
        opened.append("opened")
        return bench.images

    actions = bound(bench.loaded, images)
    assert opened == []
    actions[FORGET](Context(), {"repository": REPOSITORY, "tag": "x"})
    assert opened == ["opened"]


def test_what_is_built_is_what_was_planned(bench: Bench) -> None:
    planned = bench.wanted
    (bench.home / "decodeat" / "__init__.py").write_text("# changed since\n")
    with pytest.raises(StepFailed, match="changed since this was planned"):
        bench.act(BUILD, wanted=planned)
    assert bench.images.did == []


def test_a_commit_of_the_same_files_meanwhile_changes_nothing(bench: Bench) -> None:
    planned = replace(bench.wanted, recipe=replace(bench.wanted.recipe, revision="0123456789ab-dirty"))
    assert bench.act(BUILD, wanted=planned)["built"] is True
    (request,) = bench.images.there.values()
    assert request.recipe.arguments["REVISION"] == "0123456789ab-dirty", "as it was approved"


def test_progress_is_told_and_ctrl_c_ends_the_work(bench: Bench) -> None:
    seen: list[events.Event] = []
    bench.act(BUILD, Context(emit=seen.append))
    bench.act(PUSH, Context(emit=seen.append))
    assert seen == [
        events.StepProgress("FROM something", 0, 3),
        events.StepProgress("1 of 2 layers are there", 10, 20, "bytes"),
    ]
    bench.images.forget(bench.wanted.reference)
    with pytest.raises(Interrupted):
        bench.act(BUILD, Context(interrupted=True))


@pytest.mark.parametrize(
    ("results", "gone"),
    [({}, True), ({BUILD: {"built": True}}, True), ({BUILD: {"built": False}}, False)],
    ids=["half done", "made by it", "there before"],
)
def test_an_undo_takes_away_what_the_build_made(bench: Bench, results: dict[str, Results], gone: bool) -> None:
    bench.act(BUILD)
    assert bench.act(FORGET, Context(results=results))["forgotten"] is gone
    assert bench.images.has(bench.wanted.reference) is not gone
    bench.act(FORGET, Context(results=results))


def test_an_undo_leaves_an_image_that_a_container_uses(bench: Bench) -> None:
    bench.act(BUILD)
    bench.images.used.add(str(bench.wanted.reference))
    done = bench.act(FORGET)
    assert done["forgotten"] is False and "a container or another image uses it" in done["warnings"][0]
    assert bench.images.has(bench.wanted.reference)


def test_an_undo_without_an_engine_says_what_may_be_left(bench: Bench) -> None:
    """The start after a reboot undoes what was interrupted, and may come before the engine does."""

    def images() -> Images:
        raise Unreachable("no engine.")

    done = bound(bench.loaded, images)[FORGET](Context(), {"repository": REPOSITORY, "tag": "x"})
    assert done == {"forgotten": False, "warnings": [f"{REPOSITORY}:x may still be in the engine. no engine."]}


def pushed(bench: Bench, **how: Any) -> Callable[[], Results]:
    bench.act(BUILD)
    for name, value in how.items():
        setattr(bench.images, name, value)
    return lambda: bench.act(PUSH)


def test_a_push_that_breaks_off_before_the_end_has_failed(bench: Bench) -> None:
    push = pushed(bench, breaks={"push": BROKEN})
    with pytest.raises(StepFailed, match=r"EOF\. r\.example\.com has nothing under the tag") as caught:
        push()
    assert caught.value.advice.lines == ("the end",) and "Run the command again" in caught.value.advice.hint
    assert push()["pushed"] is True


@pytest.mark.parametrize("error", [BROKEN, Unreachable("the engine broke off")], ids=["registry", "engine"])
def test_a_push_whose_answer_was_lost_has_arrived(bench: Bench, error: StepFailed | Unreachable) -> None:
    assert pushed(bench, breaks={"arrived": error})()["digest"].startswith("sha256:")


def test_when_nobody_can_be_asked_the_outcome_is_unknown(bench: Bench) -> None:
    push = pushed(bench, breaks={"push": BROKEN}, dies_with_it=True)
    with pytest.raises(Lost, match=r"EOF\. Afterwards: the registry does not answer"):
        push()
    with pytest.raises(Lost, match="the registry does not answer"):
        push()
    bench.images.registry.down = False
    assert push()["pushed"] is True


def test_a_refused_login_is_not_looked_after(bench: Bench) -> None:
    push = pushed(bench, breaks={"push": Configuration("refused")}, dies_with_it=True)
    with pytest.raises(Configuration, match="refused"):
        push()


def test_a_tag_that_is_somebody_elses_is_not_deployed(bench: Bench) -> None:
    reference = str(bench.wanted.reference)
    bench.images.registry.kept[reference] = RemoteImage("sha256:ab", frozenset({"linux/arm64"}))
    with pytest.raises(StepFailed, match="runs on linux/arm64, not on linux/amd64"):
        bench.act(PUSH)


def test_a_tag_that_moves_during_the_push_is_not_deployed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.act(BUILD)
    honest = bench.images.push
    monkeypatch.setattr(bench.images, "push", lambda *given: honest(*given) and "sha256:another")
    with pytest.raises(StepFailed, match="took sha256:another and has sha256:"):
        bench.act(PUSH)
