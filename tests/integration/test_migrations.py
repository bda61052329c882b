"""Deploys that change the form of the data, on this machine: forwards, back, refused, undone and restored."""

import http.client
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.deployment.schema import revision_of
from decodeat_ops.engine.journal import unfinished
from tests.support.deployments import Deployment, Prober, Ran, deployment, make_source
from tests.support.forking import Forks
from tests.support.migrations import add_revision, before_migrations
from tests.support.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.share(3)

IRREVERSIBLE: dict[str, Any] = {"reversible": False}
LOSSY: dict[str, Any] = {"reversible": False, "lossless": False}


def database(made: Deployment) -> Path:
    return (made.layout.active.resolve() / "data").resolve() / "decodeat.sqlite3"


def at(made: Deployment) -> str:
    return revision_of(database(made))


def stored(made: Deployment) -> list[int]:
    with closing(sqlite3.connect(database(made), timeout=PATIENCE)) as connection:
        query = "SELECT product_id FROM analysis_results WHERE product_id IS NOT NULL ORDER BY product_id"
        return [number for (number,) in connection.execute(query)]


def analyse(made: Deployment, number: int) -> None:
    """An answer whose result is stored: that the picture can't be fetched is a result as well."""
    connection = http.client.HTTPConnection("127.0.0.1", made.port, timeout=PATIENCE)
    body = json.dumps({"image_urls": ["http://127.0.0.1/nothing.png"], "product_id": number})
    connection.request("POST", "/api/v1/analyze", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["decodeStatus"]) == (200, "FAILED")
    connection.close()
    wait_for(lambda: number in stored(made), otherwise=f"the result {number} was not stored")


def source_with(directory: Path, *steps: dict[str, Any], fault: str = "") -> Path:
    """A copy of the service with so many steps more."""
    made = make_source(directory, fault)
    for number, step in enumerate(steps, 3):
        revision = f"{number:04}"
        usual = {
            "upgrade": f'op.add_column("analysis_results", sa.Column("later_{revision}", sa.Text))',
            "downgrade": f'op.drop_column("analysis_results", "later_{revision}")',
        }
        add_revision(made / "decodeat", revision, **(usual | step))
    return made


def serve(made: Deployment, source: Path) -> None:
    made.source = source
    made.write()


def refused(made: Deployment, *words: str, code: int) -> dict[str, Any]:
    ran: Ran = made.run(*words, "--yes", "--json")
    assert ran.status == code, str(ran)
    error: dict[str, Any] = ran.json["error"]
    return error


@pytest.fixture
def world(tmp_path: Path, forks: Forks) -> Iterator[Deployment]:
    """One release of today that has stored a result."""
    with deployment(tmp_path / "world", source=make_source(tmp_path / "today"), ready=60.0, forks=forks) as made:
        made.deploy()
        analyse(made, 1)
        yield made
        assert unfinished(made.layout.journals) is None


def test_a_step_that_older_releases_can_work_with(world: Deployment, tmp_path: Path) -> None:
    older = world.serving()
    serve(world, source_with(tmp_path / "later", {}))
    plan = world.ok("deploy", "--dry-run")["data"]["plan"]
    (step,) = [step for step in plan["steps"] if step["id"] == "migrate"]
    assert step["preview"] == ["0003 What a later release needs"]
    assert not any(step["id"].startswith("before-") for step in plan["steps"])
    with Prober(world) as prober:
        told = world.ok("deploy", "--yes")
    newer = world.serving()
    assert told["data"]["steps"]["migrate"] == {"done": ["0003"]}
    assert "decodeat-ops rollback" in told["next"]
    analyse(world, 2)
    assert (at(world), stored(world)) == ("0003", [1, 2])

    # Code goes back, data stays, and both work together.
    with Prober(world) as again:
        world.ok("rollback", "--yes")
    assert world.serving() == older
    analyse(world, 3)
    assert (at(world), stored(world)) == ("0003", [1, 2, 3])
    ready = json.loads(world.get("/ready")[2])
    assert "its schema 0003 is newer than this release's 0002" in ready["checks"]["results"]["detail"]
    world.ok("rollback", newer, "--yes")
    assert world.serving() == newer
    assert not prober.failures and not again.failures


def test_a_step_that_they_can_not_work_with(world: Deployment, tmp_path: Path) -> None:
    """A backup is made before it; a rollback refuses and names it; a restore brings it all back."""
    older = world.serving()
    serve(world, source_with(tmp_path / "later", IRREVERSIBLE))
    with Prober(world) as prober:
        told = world.ok("deploy", "--yes")
    newer = world.serving()
    snapshot = told["data"]["steps"]["before-archive"]["path"].rpartition("/")[2].removesuffix(".tar.zst")
    assert f"decodeat-ops restore {snapshot}" in told["next"]
    assert "decodeat-ops rollback" not in told["next"]
    assert not prober.failures
    analyse(world, 2)
    assert (at(world), stored(world)) == ("0003", [1, 2])

    world.ok("backup")  # a newer one, of the newer form: it leads nowhere
    error = refused(world, "rollback", code=2)
    assert error["what"] == (
        f"Release {older} can't work with this data: it is older than the migration 0003 (What a later release needs), "
        "which is not reversible."
    )
    assert f"`decodeat-ops restore {snapshot}`" in error["hint"]
    assert (world.serving(), at(world)) == (newer, "0003")
    error = refused(world, "restore", snapshot, "--only", "release", code=2)
    assert "leave --only away" in error["hint"]

    # The older data under today's code is brought forward again; the older release with it is what was there before.
    world.ok("restore", snapshot, "--only", "database", "--yes")
    analyse(world, 3)
    assert (at(world), stored(world)) == ("0003", [1, 3])
    with Prober(world) as prober:
        world.ok("restore", snapshot, "--yes")
    assert not prober.failures
    analyse(world, 4)
    assert (at(world), stored(world)) == ("0002", [1, 4])
    error = refused(world, "restore", "latest", "--only", "database", code=2)
    assert "can't work with this data" in error["what"]


def test_without_a_backup_of_before_a_refusal_says_what_is_left_to_do(world: Deployment, tmp_path: Path) -> None:
    serve(world, source_with(tmp_path / "later", IRREVERSIBLE))
    world.deploy()
    for path in world.layout.backups.iterdir():
        path.unlink()
    assert refused(world, "rollback", code=2)["hint"].startswith("No archive here holds data of before.")


@pytest.mark.parametrize("step", [{}, IRREVERSIBLE], ids=["reversible", "lossless"])
def test_a_deploy_that_fails_after_it_takes_it_back(world: Deployment, tmp_path: Path, step: dict[str, Any]) -> None:
    older = world.serving()
    serve(world, source_with(tmp_path / "bad", step, fault="answers-500"))
    with Prober(world) as prober:
        error = refused(world, "deploy", code=5)
    assert "answered 500" in error["what"]
    assert "Everything was undone" in error["state"] and "stays at schema" not in error["state"]
    assert not prober.failures
    assert (world.serving(), at(world)) == (older, "0002")
    analyse(world, 2)
    assert stored(world) == [1, 2]
    assert not any(world.layout.staging.iterdir())
    # The archive stays where one was made: it is whole, and it may be wanted.
    assert len(list(world.layout.backups.glob("*"))) == (1 if step else 0)


def test_what_can_not_be_taken_back_stays_and_that_is_said(world: Deployment, tmp_path: Path) -> None:
    drops = {
        "upgrade": 'op.drop_column("analysis_results", "engine")',
        "downgrade": 'op.add_column("analysis_results", sa.Column("engine", sa.Text, server_default=""))',
    }
    world.ready = 25.0  # the release that is called back can't write, and never becomes ready
    serve(world, source_with(tmp_path / "bad", {**LOSSY, **drops}, fault="answers-500"))
    error = refused(world, "deploy", code=5)
    (archive,) = world.layout.backups.iterdir()
    snapshot = archive.name.removesuffix(".tar.zst")
    assert "The data stays at schema 0003: going back over 0003 would lose some of it." in error["state"]
    assert f"`decodeat-ops restore {snapshot}`" in error["state"]
    assert at(world) == "0003"
    # What serves says itself that it can't store anything now; the restore mends it.
    status = world.run("status", "--json")
    assert status.status != 0 and "the database can't be written" in str(status)
    world.ok("restore", snapshot, "--yes")
    analyse(world, 2)
    assert (at(world), stored(world), world.run("status").status) == ("0002", [1, 2], 0)


def test_a_step_that_fails_leaves_the_data_and_the_release_as_they_were(world: Deployment, tmp_path: Path) -> None:
    older = world.serving()
    serve(world, source_with(tmp_path / "bad", {"upgrade": 'op.execute("UPDATE analysis_results SET nobody = 1")'}))
    error = refused(world, "deploy", code=5)
    assert "The migration failed, and the data is as it was: no such column: nobody" in error["what"]
    assert (world.serving(), at(world)) == (older, "0002")


def test_from_before_there_were_steps(tmp_path: Path) -> None:
    """What is deployed today somewhere: SQLite alone, in a form that has no name yet."""
    before = make_source(tmp_path / "before")
    before_migrations(before / "decodeat")
    with deployment(tmp_path / "world", source=before) as made:
        older = made.deploy()
        analyse(made, 1)
        serve(made, make_source(tmp_path / "today"))
        with Prober(made) as prober:
            told = made.ok("deploy", "--yes")
        assert not prober.failures
        assert told["data"]["steps"]["migrate"] == {"done": ["0002"]}
        analyse(made, 2)
        assert (at(made), stored(made)) == ("0002", [1, 2])

        error = refused(made, "rollback", code=2)
        assert f"Release {older} can't work with this data" in error["what"]
        assert "0002 (Tokens that a model was paid for)" in error["what"]
        snapshot = error["hint"].partition("restore ")[2].partition("`")[0]
        made.ok("restore", snapshot, "--yes")
        analyse(made, 3)
        assert (at(made), stored(made)) == ("0001", [1, 3])


def test_what_all_instances_share_stops_no_deploy_and_is_said(world: Deployment) -> None:
    world.extra = '[service.secrets]\nREDIS_URL = "env:CACHE"\n'
    (world.home / "decodeat-ops.env").write_text("CACHE=redis://127.0.0.1:9/0\n")
    world.write()
    told = world.ok("deploy", "--yes")
    (warning,) = told["warnings"]
    assert warning == f"Release {world.serving()} is ready, but cache: redis can't be reached; answers take longer."
    shown = world.run("status", "--json")
    assert (shown.status, shown.json["data"]["health"][:16]) == (0, "ready, but cache")
