"""Given a service with a database, when a deploy brings migrations, then one task of its own carries them out."""

import json
from typing import Any

import pytest

from decodeat_ops.application import verbs
from tests.integration.ecs_place import EcsPlace, furnished_place
from tests.integration.test_ecs_killed import KILLED, driven
from tests.servers.aws.ecs.behaviour import Ended, environment
from tests.servers.aws.ecs.state import Task
from tests.support.deployments import service_source

__all__ = ["furnished_place", "service_source"]
URL = "postgresql://decodeat:password-of-the-tests@database.internal:5432/decodeat"
FORWARD = ["python", "-m", "decodeat", "--migrate", "--json"]
FAULTS = {"before": 1, "inside": 1, "after": 2}  # where it is killed, and how many tasks run until all is done


class Database:
    """Play the service's own --migrate: it keeps the schema that the database has."""

    def __init__(self, place: EcsPlace) -> None:
        self.at = ""
        self.ran: list[list[str]] = []
        self.breaks: Ended | None = None
        place.fake.ecs.runs = self.run

    def run(self, document: dict[str, Any], command: list[str]) -> Ended:
        assert environment(document)["RELEASE_ID"] and command[:4] == FORWARD[:4]
        self.ran.append(command[4:])
        if self.breaks is not None:
            return self.breaks
        before, to = self.at, command[command.index("--to") + 1] if "--to" in command else "0002"
        known = ["0001", "0002"]
        self.at = to
        report = {
            "format": 1, "ok": True, "before": before or None, "after": to, "problem": "",
            "done": [one for one in known if before < one <= to],
            "undone": [one for one in reversed(known) if to < one <= before],
        }  # fmt: skip
        return Ended(0, ('{"level": "INFO"}', json.dumps(report)))


@pytest.fixture(name="database")
def a_database(place: EcsPlace) -> Database:
    place.pinned = False  # of the code here, whose migrations are known
    place.secrets["DATABASE_URL"] = URL
    place.write()
    return Database(place)


def errands(place: EcsPlace) -> list[Task]:
    return [one for one in place.fake.ecs.tasks.values() if one.group == "decodeat-ops:migrate"]


def test_a_first_deploy_brings_the_schema_before_the_service(place: EcsPlace, database: Database) -> None:
    release = place.deploy()
    assert place.serving() == release and database.ran == [["--json"]] and database.at == "0002"
    (task,) = errands(place)
    assert task.exit_code == 0 and task.definition is place.definition and release in task.started_by
    names = [call.name for call in place.fake.calls.writes]
    assert names.index("ecs:RunTask") < names.index("ecs:CreateService")
    assert place.values()["DATABASE_URL"] == URL
    assert URL not in "".join(path.read_text(errors="replace") for path in place.home.rglob("*.jsonl"))


def test_a_migration_that_fails_keeps_the_old_release(place: EcsPlace, database: Database) -> None:
    release = place.deploy()
    place.change()
    problem = {
        "format": 1,
        "ok": False,
        "before": "0002",
        "after": None,
        "done": [],
        "undone": [],
        "problem": "no room",
    }
    database.breaks = Ended(1, (json.dumps(problem),))
    kept = place.revisions()
    told = place.ends()
    assert told.code == 5 and "no room" in told.text and told.hint, told.text
    assert place.seen() == {release} and place.revisions() == kept


def test_a_migration_that_never_ends_is_stopped(place: EcsPlace, database: Database) -> None:
    release = place.deploy()
    place.change()
    database.breaks = Ended(None, ("waiting for a lock",))
    told = place.ends()
    assert told.code in {5, 8} and told.hint, told.text
    assert errands(place)[-1].stop_code == "UserInitiated" and place.seen() == {release}


def test_a_migration_whose_answer_is_lost_is_found_again(place: EcsPlace, database: Database) -> None:
    place.fake.switches.cut_after("ecs:RunTask")
    assert place.ends().code == 8
    place.fake.switches.mend()
    told = place.ends(verbs.resume)
    assert told.code == 0 and place.serving() != "", told.text
    assert len(errands(place)) == 1, "it ran once"


def test_a_task_that_can_not_start_says_why(place: EcsPlace, database: Database) -> None:
    place.fake.switches.hooks.append(
        lambda call: place.fake.logs.groups.clear() if call.name == "ecs:RunTask" else None
    )
    told = place.ends()
    assert told.code == 5 and "log group" in told.text, told.text
    assert place.serving() == "" and place.revisions() == []


def test_without_a_database_no_task_is_run(place: EcsPlace) -> None:
    place.deploy()
    assert errands(place) == [] and place.fake.calls.of("ecs:RunTask") == []


# The process is killed


@pytest.fixture(name="begun")
def a_database_with_data(place: EcsPlace, database: Database) -> Database:
    """Return a database that lacks one migration. The image is named: the process that is killed has no engine."""
    place.pinned = True
    place.write()
    database.at = "0001"
    return database


@pytest.mark.share
@pytest.mark.parametrize("fault", FAULTS)
def test_a_killed_migration_goes_on(place: EcsPlace, begun: Database, fault: str) -> None:
    assert driven(place, "deploy", "migrate", fault)[0] == KILLED
    assert place.serving() == ""
    told = place.ends(verbs.resume)
    assert told.code == 0 and told.outcome is not None, told.text
    assert begun.at == "0002" and place.serving() == told.outcome.data["subject"]
    assert told.outcome.data["steps"]["migrate"] == {"done": ["0002"], "before": "0001"}, "also what the killed one did"
    assert len(errands(place)) == FAULTS[fault] and all(one.exit_code == 0 for one in errands(place))


@pytest.mark.share
@pytest.mark.parametrize("fault", FAULTS)
def test_a_killed_migration_is_taken_back(place: EcsPlace, begun: Database, fault: str) -> None:
    assert driven(place, "deploy", "migrate", fault)[0] == KILLED
    told = place.ends(verbs.resume, undo=True)
    assert told.code == 0, told.text
    assert begun.at == "0001" and place.serving() == "" and place.revisions() == []
    assert place.deploy() == place.serving() != "" and begun.at == "0002"
