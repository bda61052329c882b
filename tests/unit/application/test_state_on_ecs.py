"""What `status` and `releases` say of a service on ECS: what clients reach serves, and nothing else does."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.application import state
from decodeat_ops.application.desk import Desk
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.outcome import Facts, Outcome
from decodeat_ops.deployment.ledger import StateLedger
from decodeat_ops.targets.ecs.data import EcsData
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.target import Ecs
from decodeat_ops.targets.ecs.view import EcsView
from tests.unit.targets.ecs.demo import place_of, registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate
from tests.unit.targets.ecs.test_way_back import THEIRS, stranger_runs


@pytest.fixture
def fargate() -> Fargate:
    return Fargate()


@pytest.fixture
def place(tmp_path: Path, fargate: Fargate, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Return a place whose desk `status` and `releases` open."""
    made = place_of(tmp_path, fargate)

    def nowhere() -> Any:
        raise AssertionError("no image was expected")

    def opened(loaded: object, *, secrets: Mapping[str, Any]) -> Desk:
        ledger = StateLedger(Layout(tmp_path / "ledger"), made.loaded)
        ledger.prepare()
        target, view = Ecs(made, secrets), EcsView(made, secrets)
        return Desk(made.loaded, target, view, EcsData(made), ledger, tmp_path, secrets, nowhere, nowhere)

    monkeypatch.setattr(state, "open_desk", opened)
    return made


def states(place: Place) -> dict[str, str]:
    return {one["id"]: one["state"] for one in state.releases(place.loaded).data["releases"]}


def rows(outcome: Outcome) -> dict[str, Any]:
    (facts,) = outcome.blocks
    assert isinstance(facts, Facts)
    return dict(facts.pairs)


def test_one_that_is_complete_serves(place: Place, fargate: Fargate) -> None:
    registered(place, fargate, release(1))
    serving(place, fargate, release(2))
    serving(place, fargate, release(3))
    assert states(place) == {release(3).id: "serves", release(2).id: "kept", release(1).id: "never served"}
    found = state.status(place.loaded)
    assert (found.exit_code, found.data["release"], found.data["problems"]) == (0, release(3).id, [])
    assert "stranger" not in found.data


@pytest.mark.parametrize(("failed", "word"), [(0, "starting"), (5, "backing-off")])
def test_while_one_is_under_way_the_complete_one_serves(place: Place, fargate: Fargate, failed: int, word: str) -> None:
    old = serving(place, fargate, release(1))
    fargate.stuck = True
    fargate.deploy(registered(place, fargate, release(2)).task_definition)
    assert fargate.service is not None
    fargate.service["deployments"][0]["failedTasks"] = failed
    place.http.says = old.id  # type: ignore[attr-defined]
    assert states(place) == {release(2).id: word, old.id: "serves"}
    found = state.status(place.loaded)
    assert (found.exit_code, found.data["serving"], found.data["release"]) == (4, True, old.id)
    assert found.data["problems"] == ["a deployment is under way"]
    assert rows(found)["release"] == (old.id, "strong") and rows(found)[word] == (release(2).id, "warn")
    began = fargate.service["deployments"][1]["createdAt"].isoformat(timespec="seconds")
    assert found.data["since"] == began
    place.http.says = release(2).id  # type: ignore[attr-defined]
    assert state.status(place.loaded).exit_code == 4, "while one follows the other, both answer"
    place.http.says = "20260101T000000Z-0000000"  # type: ignore[attr-defined]
    assert state.status(place.loaded).exit_code == 8


def test_a_first_one_under_way_does_not_serve_yet(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    fargate.stuck = True
    assert fargate.service is not None
    fargate.service["runningCount"] = 0
    fargate.service["deployments"][0] |= {"rolloutState": "IN_PROGRESS", "runningCount": 0}
    place.http.silent = True  # type: ignore[attr-defined]
    assert states(place) == {release(1).id: "starting"}
    assert state.status(place.loaded).exit_code == 8


def test_what_somebody_else_deployed_is_told(place: Place, fargate: Fargate) -> None:
    stranger_runs(place, fargate)
    found = state.status(place.loaded)
    assert (found.exit_code, found.data["serving"], found.data["release"]) == (4, False, None)
    assert found.data["stranger"] == THEIRS and rows(found)["serves"] == (THEIRS, "bad")
    assert "Nothing is deployed" not in found.summary
    assert found.data["problems"] == [
        "no release of this deployment serves",
        "demo-production:3 is no release of demo-production: somebody else registered it",
    ]
    assert found.next == ("decodeat-ops rollback", "decodeat-ops deploy")
    listed = state.releases(place.loaded)
    assert states(place) == {release(2).id: "kept", release(1).id: "kept"}
    assert listed.warnings[0] == f"What runs is {THEIRS}." and listed.next == ("decodeat-ops rollback RELEASE",)


def test_a_stopped_one_is_stopped(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    assert fargate.service is not None
    fargate.service |= {"desiredCount": 0, "runningCount": 0}
    fargate.service["deployments"][0]["runningCount"] = 0
    assert states(place) == {release(1).id: "stopped"}
    found = state.status(place.loaded)
    assert (found.exit_code, found.next) == (8, ("decodeat-ops start",))
    assert rows(found)["serves"] == ("nothing; stopped by the operator", "bad")


def test_nothing_is_nothing(place: Place) -> None:
    found = state.status(place.loaded)
    assert (found.summary, found.exit_code, found.next) == ("Nothing is deployed.", 8, ("decodeat-ops deploy",))
    assert state.releases(place.loaded).summary == "Nothing is deployed."
