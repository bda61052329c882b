"""Given a migration as a one-off task, when it ends well, badly, never or unseen, what is known of it is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.errors import Lost, StepFailed
from decodeat_ops.core.migration import NO_DATA, Migration, Revision
from decodeat_ops.core.plan import Action
from decodeat_ops.engine.executor import Results
from decodeat_ops.targets.ecs import observing, steps
from decodeat_ops.targets.ecs.actions import ACTS
from decodeat_ops.targets.ecs.place import Place
from tests.unit.targets.ecs.demo import context, place_of, registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate

FIRST = Revision("0001", "results", reversible=True, lossless=True)
SECOND = Revision("0002", "tokens", reversible=True, lossless=True)
LOSSY = Revision("0003", "less", reversible=False, lossless=False)


class Database:
    """Answer a migration's command as the service does; `at` is the revision that it has."""

    def __init__(self, at: str = "0001") -> None:
        self.at = at
        self.head = "0002"
        self.ran: list[list[str]] = []

    def __call__(self, command: list[str]) -> tuple[int | None, list[str]]:
        assert command[:4] == ["python", "-m", "decodeat", "--migrate"] and command[-1] == "--json"
        self.ran.append(command)
        before, self.at = self.at, command[command.index("--to") + 1] if "--to" in command else self.head
        known = ["0001", "0002", "0003"]
        told = {
            "format": 1,
            "ok": True,
            "before": before,
            "after": self.at,
            "done": [one for one in known if before < one <= self.at],
            "undone": [one for one in known if self.at < one <= before],
            "problem": "",
        }
        return 0, ['{"level": "INFO", "message": "migrating"}', json.dumps(told)]


@pytest.fixture
def fargate() -> Fargate:
    made = Fargate()
    made.errand = Database()
    return made


@pytest.fixture
def place(tmp_path: Path, fargate: Fargate) -> Place:
    return place_of(tmp_path, fargate)


def planned(place: Place, fargate: Fargate, *known: Revision) -> tuple[Action, Action]:
    """Let release 1 serve, and return what the migration of release 2 does and how it is undone."""
    serving(place, fargate, release(1))
    made = registered(place, fargate, release(2))
    guard = observing.observe(place).guard
    step = steps.migrate(made, NO_DATA, known or (FIRST, SECOND), guard, registers=False)
    assert step.undo is not None
    return step.do, step.undo


def run(place: Place, action: Action, **results: Any) -> Results:
    return ACTS[action.name](place, context(**results), action.params) or {}


def test_it_runs_as_a_task_of_the_new_revision(place: Place, fargate: Fargate) -> None:
    do, _ = planned(place, fargate)
    assert run(place, do) == {"done": ["0002"], "before": "0001"}
    (made,) = fargate.made("RunTask")
    assert made["taskDefinition"].endswith(":2") and made["count"] == 1 and made["group"] == "decodeat-ops:migrate"
    assert made["startedBy"].startswith(release(2).id + "/") and len(made["clientToken"]) <= 64
    assert made["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"] == ["sg-0c"]
    assert fargate.writes() == ["RunTask"]


def test_a_deployment_that_a_stopped_shift_left_is_no_strangers(place: Place, fargate: Fargate) -> None:
    """ECS may go back under a new id; the step before has seen that it brings the revision of before."""
    do, _ = planned(place, fargate)
    assert fargate.service is not None
    fargate.service["deployments"][0]["id"] = "ecs-svc/999"
    with pytest.raises(StepFailed, match="Somebody deployed"):
        run(place, do)
    left = {"guard": ["ecs-svc/999", *do.params["guard"]], "before": {}}
    assert run(place, do, settle={"left": left})["done"] == ["0002"]


def test_a_plan_says_what_it_does() -> None:
    migration = Migration("0001", (SECOND, LOSSY), "20261129T100000Z")
    step = steps.migrate(release(2), migration, (FIRST, SECOND, LOSSY), ("ecs-svc/1",), registers=True)
    assert step.preview == (
        "RunTask: python -m decodeat --migrate --json, one task of the release's own",
        "0002 tokens",
        "0003 less; NOT reversible: older releases can't store results from then on, and taking it back loses data",
    )
    assert step.undo is not None and step.undo.params["lossy"] == ["0003"]
    assert step.do.params["task_definition"] == ""


def test_it_is_not_begun_once_somebody_deployed(place: Place, fargate: Fargate) -> None:
    do, _ = planned(place, fargate)
    fargate.deploy(registered(place, fargate, release(3)).task_definition)
    with pytest.raises(StepFailed, match="the database is left as it is"):
        run(place, do)
    assert fargate.writes() == []


def test_the_first_deploy_of_all_may_migrate(place: Place, fargate: Fargate) -> None:
    made = registered(place, fargate, release(1))
    step = steps.migrate(made, NO_DATA, (FIRST,), (), registers=False)
    assert run(place, step.do)["done"] == ["0002"]


def test_its_own_words_for_a_failure_are_told(place: Place, fargate: Fargate) -> None:
    do, undo = planned(place, fargate)
    told: dict[str, Any] = {
        "format": 1,
        "ok": False,
        "before": None,
        "after": None,
        "done": [],
        "undone": [],
        "problem": "no password",
    }
    fargate.errand = lambda command: (1, [json.dumps(told)])
    with pytest.raises(StepFailed, match="the database is as it was: no password"):
        run(place, do)
    fargate.calls.clear()
    assert run(place, undo) == {} and fargate.writes() == []


@pytest.mark.parametrize(
    ("code", "lines", "says"),
    [
        (137, ["killed"], "exit code 137"),
        (None, [], "it did not run; CannotPullContainerError"),
        (0, [], "exit code 0"),
        (1, ['{"format": 1, "ok": true, "done": []}'], "exit code 1"),
    ],
)
def test_a_task_that_says_nothing_is_no_success(
    place: Place, fargate: Fargate, code: int | None, lines: list[str], says: str
) -> None:
    do, _ = planned(place, fargate)
    fargate.errand = lambda command: (code, lines)
    with pytest.raises(StepFailed, match="said nothing of its outcome") as caught:
        run(place, do)
    assert says in caught.value.advice.what
    assert caught.value.advice.lines == tuple(lines)


def test_one_that_does_not_end_is_stopped_and_unknown(place: Place, fargate: Fargate) -> None:
    do, undo = planned(place, fargate)
    fargate.stuck = True
    with pytest.raises(StepFailed, match=r"it was stopped after 30 min, the limit ecs.deploy_minutes"):
        run(place, do)
    assert fargate.writes() == ["RunTask", "StopTask"]
    assert place.clock.now() >= 1800
    assert run(place, undo)["warnings"] == [
        "Whether the database was migrated is not known any more; it stays as it is."
    ]


def test_an_answer_that_never_came_does_not_run_it_twice(place: Place, fargate: Fargate) -> None:
    do, _ = planned(place, fargate)
    fargate.lost.add("RunTask")
    with pytest.raises(Lost):
        run(place, do)
    assert run(place, do)["done"] == ["0002"]
    assert len(fargate.made("RunTask")) == 1


def test_a_task_that_ecs_forgot_is_an_unknown_outcome(place: Place, fargate: Fargate) -> None:
    do, _ = planned(place, fargate)
    fargate.between["DescribeTasks", 1] = fargate.tasks.clear
    with pytest.raises(Lost, match="what it did is not known"):
        run(place, do)


def test_a_repeat_after_a_crash_still_knows_what_the_first_one_did(place: Place, fargate: Fargate) -> None:
    """Killed after the task had ended, before that was noted: the repeat finds nothing to do, the undo needs both."""
    do, _ = planned(place, fargate)
    run(place, do)
    assert run(place, do) == {"done": ["0002"], "before": "0001"}
    assert len(fargate.made("RunTask")) == 2


# Undo


@pytest.mark.parametrize("noted", [True, False], ids=["noted", "killed"])
def test_what_loses_nothing_is_taken_back(place: Place, fargate: Fargate, noted: bool) -> None:
    do, undo = planned(place, fargate)
    told = run(place, do)
    database = fargate.errand
    assert isinstance(database, Database) and database.at == "0002"
    assert run(place, undo, **({"migrate": told} if noted else {})) == {}
    assert database.at == "0001" and "--to" in database.ran[-1]
    ran = len(database.ran)
    assert run(place, undo) == {} and len(database.ran) == ran  # once it is taken back, a repeat does nothing


def test_after_an_undo_the_same_change_migrates_again(place: Place, fargate: Fargate) -> None:
    do, undo = planned(place, fargate)
    run(place, do)
    run(place, undo)
    assert run(place, do) == {"done": ["0002"], "before": "0001"}
    database = fargate.errand
    assert isinstance(database, Database) and database.at == "0002"


def test_what_would_lose_data_stays_and_is_told(place: Place, fargate: Fargate) -> None:
    do, undo = planned(place, fargate, FIRST, SECOND, LOSSY)
    database = Database()
    database.head = "0003"
    fargate.errand = database
    told = run(place, do)
    fargate.calls.clear()
    (warning,) = run(place, undo, migrate=told)["warnings"]
    assert "The database stays at schema 0003: going back over 0003 would lose some of it" in warning
    assert fargate.writes() == []


def test_an_undo_without_a_do_runs_nothing(place: Place, fargate: Fargate) -> None:
    _, undo = planned(place, fargate)
    fargate.calls.clear()
    assert run(place, undo) == {} and fargate.writes() == []


def test_an_undo_waits_for_the_task_that_a_killed_command_left(place: Place, fargate: Fargate) -> None:
    do, undo = planned(place, fargate)
    fargate.lost.add("RunTask")
    with pytest.raises(Lost):
        run(place, do)
    assert run(place, undo) == {}
    database = fargate.errand
    assert isinstance(database, Database) and database.at == "0001" and len(database.ran) == 2
