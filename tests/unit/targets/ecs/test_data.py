"""The database is the operator's own: it is migrated by a task, and never backed up here."""

from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.core.migration import NO_DATA, Migration, Revision
from decodeat_ops.deployment import schema
from decodeat_ops.operations import migrate
from decodeat_ops.targets.common import migrations
from decodeat_ops.targets.ecs.data import EcsData
from decodeat_ops.targets.ecs.observing import observe
from tests.support.aws import SETTINGS, placed
from tests.unit.targets.ecs.test_observing import FAMILY, aws, deployment, described, release, service

DATABASE = '[service.secrets]\nDATABASE_URL = "env:DATABASE_URL"\n'
WITH = SETTINGS + DATABASE
PACKAGE = Path(__file__).parents[4] / "decodeat"


def data(home: Path, *made: Any, more: str = DATABASE) -> EcsData:
    return EcsData(placed(home, aws(service(deployment(3)), *made), SETTINGS + more))


def test_migrations_are_described_without_running_any() -> None:
    known = schema.describe(PACKAGE)
    assert known[0] == Revision("0001", "Results of analyses", reversible=True, lossless=True)
    assert known[1] == Revision("0002", "Tokens that a model was paid for", reversible=False, lossless=True)
    assert migrations.record(known[:2]) == {"knows": "0001 0002", "irreversible": "0002"}


def test_a_package_without_migrations_knows_the_first_and_a_broken_one_is_named(tmp_path: Path) -> None:
    package = tmp_path / "decodeat"
    (package / "migrations" / "versions").mkdir(parents=True)
    assert [one.id for one in schema.describe(package)] == ["0001"]
    broken = package / "migrations" / "versions" / "r0003_more.py"
    for text in ('revision = "0003"\n', "revision = 3 +\n", 'revision = "0003"\nreversible = lossless = bool(1)\n'):
        broken.write_text(text)
        with pytest.raises(Configuration, match="r0003_more"):
            schema.describe(package)
    broken.write_text('"""More.\n\nAnd why."""\nrevision = "0003"\nreversible = lossless = True\n')
    assert schema.describe(package) == (Revision("0003", "More", reversible=True, lossless=True),)


@pytest.mark.parametrize(
    ("more", "there"),
    [
        ("", False),
        ('[service.environment]\nDATABASE_URL = "none"\n', False),
        ('[service.environment]\nDATABASE_URL = "postgresql://db/decodeat"\n', True),
        (DATABASE, True),
    ],
)
def test_a_database_is_there_when_the_settings_name_one(tmp_path: Path, more: str, there: bool) -> None:
    found = data(tmp_path, release(3), more=more)
    assert found.there is there
    assert len(found.migrate(release(3), NO_DATA)) == int(there)
    assert found.revision("first") == ("0002" if there else "")


def test_its_revision_is_the_newest_that_a_kept_release_brought(tmp_path: Path) -> None:
    older, newer = release(2, knows="0001"), release(3, knows="0001 0002 0003", irreversible="0003")
    found = data(tmp_path, older, newer)
    assert found.revision("first") == "0003"
    crossed = migrate.crossed(found, "0003", found.knows(older), (newer, older))
    assert [(one.id, one.reversible) for one in crossed] == [("0003", False)]
    assert data(tmp_path).revision("first") == ""


def test_of_an_image_of_somebody_else_no_migration_is_known(tmp_path: Path) -> None:
    found = data(tmp_path, more=f'image = "registry.example.com/decodeat:1"\n{DATABASE}')
    assert (found.known(None), found.knows(None)) == ((), frozenset())
    assert data(tmp_path).knows(None) >= {"0001", "0002"}


def test_the_step_knows_the_deployments_seen_and_whether_a_revision_is_registered_first(tmp_path: Path) -> None:
    found = data(tmp_path, release(3))
    named = {
        "new": release(4, task_definition=""),
        "kept": release(3),
        "rotated": release(3, secrets="rotated"),
        "restarted": release(4, task_definition=release(3).task_definition),
    }
    for name, made in named.items():
        (step,) = found.migrate(made, NO_DATA)
        assert step.do.params["guard"] == ["d3"]
        assert step.do.params["task_definition"] == ("" if name != "kept" else release(3).task_definition), name


def test_a_damaged_record_is_told_with_what_to_do(tmp_path: Path) -> None:
    damaged = described(release(3))
    damaged["tags"] = [one for one in damaged["tags"] if one["key"] != "decodeat-ops:fingerprint"]
    found = EcsData(placed(tmp_path, aws(service(deployment(2)), others={release(3).task_definition: damaged}), WITH))
    with pytest.raises(Configuration, match="is damaged"):
        found.migrate(release(3), NO_DATA)
    theirs = {release(3).task_definition: described(release(3), owner="other-production")}
    found = EcsData(placed(tmp_path, aws(service(deployment(2)), others=theirs), WITH))
    (step,) = found.migrate(release(3), NO_DATA)
    assert step.do.params["task_definition"] == ""


def test_a_rollback_is_barred_by_migrations_also_where_something_else_runs(tmp_path: Path) -> None:
    """The database has them whoever runs in the place of a release."""
    older, newer = release(2, knows="0001"), release(3)
    theirs = {f"{FAMILY}:9": {"taskDefinition": {"containerDefinitions": []}, "tags": []}}
    place = placed(tmp_path, aws(service(deployment(9)), older, newer, others=theirs), WITH)
    observed = observe(place)
    assert observed.current is None and observed.stranger
    assert [one.id for one in migrate.barred(EcsData(place), older, observed)] == ["0002"]
    assert migrate.barred(EcsData(place), newer, observed) == ()


def test_it_is_neither_backed_up_nor_restored_and_a_plan_says_so(tmp_path: Path) -> None:
    found = data(tmp_path, release(3))
    for refused in (
        lambda: found.save(release(3), "s"),
        lambda: found.require_room_to_save(release(3)),
        lambda: found.require_room_to_restore(None, 1, None),
        lambda: found.lay_out(release(3), "p", ""),
        lambda: found.carry(release(3), None, "d", "s"),
    ):
        with pytest.raises(Usage, match="nothing is backed up or restored here"):
            refused()
    lost = Migration("0001", (Revision("0002", "Tokens", reversible=False, lossless=True),))
    ((name, text),) = migrate.facts(lost, found.keeper)
    assert name == "not backed up"
    assert "0002" in text
    assert "the database that DATABASE_URL names" in text
    assert migrate.facts(NO_DATA, found.keeper) == ()
