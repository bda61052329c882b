"""Every step there and back, on both databases: what it promises, and what is left of one that fails or is killed."""

import asyncio
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import SQLAlchemyError

from decodeat.stores import database, schema, tables, write_behind
from decodeat.stores.database import file_of
from tests.servers.postgres import Postgres
from tests.support.migrations import ADDS, add_revision
from tests.support.waiting import PATIENCE, wait_for
from tests.unit.decodeat.earlier import MADE, RELEASES
from tests.unit.decodeat.stored import RESULT, ask, locked, rows
from tests.unit.decodeat.web import ROOT, variables_of_a_child

REVISIONS = schema.revisions()
IDS = [one.id for one in REVISIONS]
STEPS = list(zip([None, *IDS], IDS, strict=False))  # before, after


def within(url: str, do: Callable[..., Any], *arguments: Any) -> Any:
    """One transaction."""

    async def run() -> Any:
        engine = database.open_engine(url)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(do, *arguments)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def migrate(url: str, before: str | None, to: str | None) -> None:
    within(url, schema.migrate, before, to)


def shape(url: str) -> dict[str, Any]:
    """All that a schema consists of, in comparable form."""

    def look(connection: Connection) -> dict[str, Any]:
        found = inspect(connection)
        version = None
        if connection.dialect.name == "sqlite":
            version = connection.exec_driver_sql("PRAGMA user_version").scalar()
        return {
            "version": version,
            **{
                table: (
                    [{**column, "type": str(column["type"])} for column in found.get_columns(table)],
                    found.get_indexes(table),
                    found.get_pk_constraint(table),
                    found.get_check_constraints(table),
                )
                for table in found.get_table_names()
                if table != "alembic_version"
            },
        }

    seen: dict[str, Any] = within(url, look)
    return seen


class TestWhatEveryStepSays:
    def test_there_is_one_way_and_the_code_needs_its_end(self) -> None:
        scripts = ScriptDirectory(str(schema.MIGRATIONS))
        assert scripts.get_heads() == [tables.REVISION]
        assert IDS[-1] == tables.REVISION
        assert sorted(IDS) == IDS
        assert all(re.fullmatch(r"\d{4}", one) for one in IDS), "older and newer are told by comparing them"

    @pytest.mark.parametrize("revision", IDS)
    def test_marks_words_and_both_directions(self, revision: str) -> None:
        script = ScriptDirectory(str(schema.MIGRATIONS)).get_revision(revision)
        assert script is not None
        module = script.module
        assert (type(module.reversible), type(module.lossless)) == (bool, bool)
        assert callable(module.upgrade) and callable(module.downgrade)
        assert script.doc
        text = Path(script.path).read_text()
        for mark in ("reversible", "lossless"):
            assert re.search(rf"^{mark} = (True|False)  # \S", text, re.MULTILINE), (
                f"{mark} is given without its reason"
            )
        assert Path(script.path).name.startswith(f"r{revision}_"), "a copy of the code is told by its file names"

    def test_what_a_release_knew_is_written_down_for_every_revision(self) -> None:
        assert list(RELEASES) == IDS


@pytest.fixture
def whole(url: str) -> str:
    migrate(url, None, IDS[-1])
    return url


def test_the_table_in_the_code_is_the_one_that_the_steps_make(whole: str) -> None:
    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), tables.metadata))

    found = within(whole, differences)
    if whole.startswith("sqlite"):  # where a primary key may be NULL, if nobody forbids it
        ((modified, _, table, column, *_),) = found.pop()
        assert (modified, table, column) == ("modify_nullable", "analysis_results", "id")
    assert found == []


@pytest.mark.share(3)
@pytest.mark.parametrize(("before", "after"), STEPS)
def test_there_and_back_and_there_again(url: str, before: str | None, after: str) -> None:
    if before:
        migrate(url, None, before)
    old = shape(url)
    migrate(url, before, after)
    new = shape(url)
    assert new != old
    migrate(url, after, before)
    assert shape(url) == old
    migrate(url, before, after)
    assert shape(url) == new


@pytest.mark.share(3)
@pytest.mark.parametrize(("before", "after"), [step for step in STEPS if step[0]])
def test_what_the_marks_promise(url: str, before: str, after: str) -> None:
    step, release = REVISIONS[IDS.index(after)], RELEASES[before]
    migrate(url, None, before)
    ask(url, release.insert)
    stored = ask(url, release.select)
    assert len(stored) == 1
    migrate(url, before, after)
    ask(url, "DELETE FROM analysis_results WHERE id <> 'id-1'")
    if step.reversible:
        assert ask(url, release.select) == stored
        ask(url, release.insert.replace("'id-1'", "'id-2'"))
    if step.lossless:
        ask(url, "DELETE FROM analysis_results WHERE id <> 'id-1'")
        migrate(url, after, before)
        assert ask(url, release.select) == stored


def test_0002_is_not_reversible_for_a_reason(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/results.sqlite3"
    migrate(url, None, "0002")
    with pytest.raises(sqlite3.OperationalError, match="13 columns but 11 values"):
        ask(url, RELEASES["0001"].insert)


@pytest.fixture
def adopted(tmp_path: Path) -> str:
    """A database that a release before migrations has made and used."""
    path = tmp_path / "results.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(MADE)
        connection.execute(RELEASES["0001"].insert)
        connection.commit()
    return f"sqlite:///{path}"


def test_0001_is_the_table_of_releases_before_migrations(adopted: str, tmp_path: Path) -> None:
    fresh = f"sqlite:///{tmp_path}/fresh.sqlite3"
    migrate(fresh, None, "0001")
    assert shape(fresh) == shape(adopted)


def decodeat(url: str, *words: str, code: Path = ROOT) -> subprocess.Popen[str]:
    environment = variables_of_a_child(PYTHONPATH=str(code), DATABASE_URL=url, LOG_LEVEL="WARNING")
    argv = (sys.executable, "-m", "decodeat", *words)
    return subprocess.Popen(argv, env=environment, cwd=code, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def told(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=120)
    return process.returncode, output, errors


def migrated(url: str, *words: str, code: Path = ROOT) -> dict[str, Any]:
    status, output, errors = told(decodeat(url, "--migrate", "--json", *words, code=code))
    report: dict[str, Any] = json.loads(output)
    assert status == (0 if report["ok"] else 1), errors
    return report


def described(url: str, *words: str, code: Path = ROOT) -> dict[str, Any]:
    status, output, errors = told(decodeat(url, "--schema", "--json", *words, code=code))
    assert (status, errors) == (0, "")
    report: dict[str, Any] = json.loads(output)
    return report


def test_a_database_from_before_is_adopted_with_its_rows(adopted: str) -> None:
    assert described(adopted)["database"] == {
        "reachable": True, "revision": "0001", "behind": ["0002"], "problem": "",
    }  # fmt: skip
    old = rows(adopted)
    report = migrated(adopted)
    assert (report["before"], report["after"], report["done"]) == ("0001", "0002", ["0002"])
    assert rows(adopted) == [{**row, "input_tokens": 0, "output_tokens": 0} for row in old]
    report = migrated(adopted, "--to", "0001")
    assert (report["after"], report["undone"]) == ("0001", ["0002"])
    assert rows(adopted) == old


@pytest.mark.share(3)
def test_somebody_else_s_table_is_left_alone(url: str) -> None:
    """The guide's own, for one: it has the same name."""
    ask(url, "CREATE TABLE analysis_results (id TEXT PRIMARY KEY, image_url TEXT)")
    ask(url, "INSERT INTO analysis_results VALUES ('1', 'u')")
    report = migrated(url)
    assert not report["ok"]
    assert "that no release of this service made" in report["problem"]
    assert ask(url, "SELECT * FROM analysis_results") == [{"id": "1", "image_url": "u"}]


@pytest.fixture
def later(tmp_path: Path) -> Callable[..., Path]:
    """The directory of a copy of the service with one step more."""

    def make(**step: Any) -> Path:
        code = tmp_path / "later"
        shutil.copytree(ROOT / "decodeat", code / "decodeat", ignore=shutil.ignore_patterns("*.pyc.*"))
        add_revision(code / "decodeat", **step)
        return code

    return make


@pytest.mark.share(3)
def test_a_step_that_fails_halfway_leaves_no_trace(whole: str, later: Callable[..., Path]) -> None:
    ask(whole, RELEASES["0002"].insert)
    before = (shape(whole), rows(whole))
    code = later(upgrade=f'{ADDS.format(name="later")}\nop.execute("UPDATE analysis_results SET nobody = 1")')
    status, output, _ = told(decodeat(whole, "--migrate", code=code))
    assert status == 1
    assert output.startswith("The database was left as it was: ")
    assert (shape(whole), rows(whole)) == before
    assert described(whole, code=code)["database"]["behind"] == ["0003"]
    assert asyncio.run(_keeps(whole)), "today's release goes on writing"


async def _keeps(url: str) -> bool:
    from decodeat.stores.results import StoredResults

    results = StoredResults(url)
    results.keep(RESULT)
    condition = await results.condition()
    await results.close()
    return condition.ok


SLOW = f'{ADDS.format(name="later")}\nprint("halfway", flush=True)\ntime.sleep(600)'


@pytest.mark.share(3)
def test_a_step_that_is_killed_halfway_leaves_no_trace(whole: str, later: Callable[..., Path]) -> None:
    before = shape(whole)
    process = decodeat(whole, "--migrate", code=later(upgrade=SLOW))
    assert process.stdout is not None and process.stdout.readline() == "halfway\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + PATIENCE
    while True:  # the server notices a client's death when it next listens to it
        try:
            assert shape(whole) == before
            break
        except (SQLAlchemyError, TimeoutError):
            assert time.monotonic() < deadline
    assert asyncio.run(_keeps(whole))


@pytest.mark.share(3)
def test_of_many_at_once_one_does_it(whole: str, later: Callable[..., Path]) -> None:
    code = later(upgrade=f"{ADDS.format(name='later')}\ntime.sleep(1)")
    reports = [json.loads(told(process)[1]) for process in [
        decodeat(whole, "--migrate", "--json", code=code) for _ in range(4)
    ]]  # fmt: skip
    assert all(report["ok"] for report in reports)
    assert {report["after"] for report in reports} == {"0003"}
    assert sorted(report["done"] for report in reports) == [[], [], [], ["0003"]]


@pytest.mark.share(3)
def test_rows_that_come_meanwhile_wait_for_it(
    whole: str, later: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older release serves on: the step is reversible."""
    monkeypatch.setattr(write_behind, "FLUSH_SECONDS", PATIENCE)
    go_on = tmp_path / "go-on"
    held = SLOW.replace("time.sleep(600)", f"import os\nwhile not os.path.exists({str(go_on)!r}): time.sleep(0.02)")
    process = decodeat(whole, "--migrate", "--json", code=later(upgrade=held))
    assert process.stdout is not None and process.stdout.readline() == "halfway\n"
    with ThreadPoolExecutor(1) as pool:
        keeping = pool.submit(lambda: asyncio.run(_keeps(whole)))
        try:
            with pytest.raises(TimeoutError):
                keeping.result(1)
        finally:
            go_on.touch()
        keeping.result()
    assert json.loads(told(process)[1])["done"] == ["0003"]
    assert len(rows(whole)) == 1


@pytest.mark.share(3)
def test_a_newer_database_is_left_as_it_is(whole: str, later: Callable[..., Path]) -> None:
    migrated(whole, code=later())
    report = migrated(whole)
    assert (report["ok"], report["before"], report["after"], report["done"]) == (True, "0003", "0003", [])
    report = migrated(whole, "--to", "0001")
    assert not report["ok"] and "a release that knows it can go back" in report["problem"]
    assert described(whole)["database"] == {"reachable": True, "revision": "0003", "behind": [], "problem": ""}
    assert asyncio.run(_keeps(whole))


@pytest.mark.share(3)
def test_an_empty_database_gets_it_all(url: str) -> None:
    assert described(url)["database"] == {"reachable": True, "revision": None, "behind": IDS, "problem": ""}
    if path := file_of(url):
        assert not path.exists(), "looking made it"
    report = migrated(url)
    assert (report["before"], report["after"], report["done"]) == (None, IDS[-1], IDS)
    report = migrated(url)
    assert (report["before"], report["done"]) == (IDS[-1], [])


@pytest.mark.share(3)
def test_a_table_that_somebody_holds_is_not_waited_for_for_ever(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody else would wait behind us."""
    import asyncpg

    monkeypatch.setattr(schema, "_TABLE_LOCK", "200ms")
    url = server.database()
    migrate(url, None, "0001")

    async def story() -> None:
        holder = await asyncpg.connect(url)
        async with holder.transaction():
            await holder.execute("SELECT * FROM analysis_results")
            engine = database.open_engine(url)
            with pytest.raises(SQLAlchemyError) as caught:
                async with engine.begin() as connection:
                    await connection.run_sync(schema.lock_schema)
                    await connection.run_sync(schema.migrate, "0001", "0002")
            assert database.reason(caught.value) == "another session holds what is needed"
            await engine.dispose()
        await holder.close()

    asyncio.run(story())
    assert within(url, schema.current_revision) == "0001"


@pytest.mark.share(3)
@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("none", 0, "Results are not kept (DATABASE_URL is none): there is nothing to migrate.\n"),
        ("sqlite:////nowhere/at/all.sqlite3", 1, "The database was left as it was: No such file or directory.\n"),
        ("postgresql://a:secret-4711@127.0.0.1:9/x", 1, "The database was left as it was: Connection refused.\n"),
        ("mysql://a:secret-4711@h/x", 3, ""),
    ],
)
def test_how_a_migration_ends(url: str, status: int, said: str) -> None:
    code, output, errors = told(decodeat(url, "--migrate"))
    assert (code, output) == (status, said)
    assert "secret-4711" not in errors and "Traceback" not in errors
    assert ("DATABASE_URL names a database that is not supported" in errors) is (status == 3)


@pytest.mark.share(3)
def test_nothing_but_the_database_s_address_has_to_be_right(url: str) -> None:
    environment = variables_of_a_child(DATABASE_URL=url, WORKERS="none")
    argv = (sys.executable, "-m", "decodeat", "--migrate", "--to", "0001")
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "The database was empty, and is at 0001 now.\n")
    logged = [json.loads(line) for line in done.stderr.splitlines()]
    assert logged[-1]["message"] == "Running upgrade  -> 0001, Results of analyses."


@pytest.mark.share(3)
def test_for_a_person(whole: str) -> None:
    _, output, _ = told(decodeat(whole, "--schema"))
    assert output.splitlines() == [
        "0001  reversible      Results of analyses",
        "0002  not reversible  Tokens that a model was paid for",
        "The database is at 0002.",
    ]


@pytest.mark.share(3)
@pytest.mark.parametrize(
    "words", [("--to", "0001"), ("--schema", "--to", "0001"), ("--schema", "--migrate"), ("--migrate", "--check-env")]
)
def test_flags_that_do_not_go_together(words: tuple[str, ...]) -> None:
    assert told(decodeat("none", *words))[0] == 2


def test_what_is_unreachable_is_said_without_secrets(tmp_path: Path) -> None:
    report = described("postgresql://app:secret-4711@127.0.0.1:9/x")
    assert report["database"] == {"reachable": False, "revision": None, "behind": [], "problem": "Connection refused"}
    assert [one["id"] for one in report["revisions"]] == IDS
    assert described("none")["database"] is None


def test_a_disk_that_is_full(tmp_path: Path, adopted: str) -> None:
    from tests.unit.decodeat.test_results_trouble import fill, small_disk

    with small_disk(tmp_path / "disk") as disk:
        path = file_of(adopted)
        assert path is not None
        url = f"sqlite:///{disk}/results.sqlite3"
        shutil.copy(path, disk / "results.sqlite3")
        fill(disk / "filler")
        report = migrated(url)
        assert (report["ok"], "full" in report["problem"]) == (False, True), report
        (disk / "filler").unlink()
        assert migrated(url)["done"] == ["0002"]
        assert len(rows(url)) == 1


def test_a_writer_in_the_middle_of_something_is_waited_for(adopted: str) -> None:
    path = file_of(adopted)
    assert path is not None
    with closing(locked(path)) as writer:
        process = decodeat(adopted, "--migrate", "--json")
        wait_for(
            lambda: process.poll() is not None or str(path) in _opened_by(process.pid),
            otherwise="it has not come to the database",
        )
        time.sleep(1.0)  # never comes: its end, while the writer is there
        assert process.poll() is None
        writer.execute("UPDATE analysis_results SET product_id = 4711")
        writer.execute("COMMIT")
    status, output, errors = told(process)
    assert (status, json.loads(output)["done"]) == (0, ["0002"]), errors
    assert [row["product_id"] for row in rows(adopted)] == [4711], "what the writer wrote is there"


def _opened_by(process: int) -> list[str]:
    """Return the files that a process has open."""
    found = []
    for entry in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):
            found.append(str(entry.readlink()))
    return found
