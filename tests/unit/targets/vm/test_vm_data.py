"""The data of a deployment on machines: who keeps it, what it was brought to, and the one step that migrates it."""

import json
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Usage
from decodeat_ops.core.migration import Migration
from decodeat_ops.targets.vm.data import VmData
from tests.unit.targets.vm.recorded import ONE, TWO, record, serving
from tests.unit.targets.vm.test_vm_view import release
from tests.unit.targets.vm.told import Told, place_of

NONE = '[service.environment]\nDATABASE_URL = "none"\n'
SERVER = '[service.secrets]\nDATABASE_URL = "env:DATABASE_URL"\n'
PINNED = f"postgres@sha256:{'1' * 64}"
POSTGRES = f'postgres = true\npostgres_image = "{PINNED}"\npostgres_password = "env:POSTGRES_PASSWORD"\n'
RECORDS = {
    ONE: json.dumps(record(ONE, knows="0001 0002", irreversible="0002")),
    TWO: json.dumps(record(TWO, knows="0001 0002 0003")),
}


def data_of(home: Path, more: str = "", *names: str) -> VmData:
    return VmData(place_of(home, *(Told(name, serving(TWO, records=RECORDS)) for name in names or ("a",)), more=more))


@pytest.mark.parametrize(
    ("more", "names", "keeper", "there"),
    [
        ("", ("a",), "/opt/decodeat-ops/demo-production/data on a", True),
        ("", ("a", "b"), "/opt/decodeat-ops/demo-production/data on a", False),
        (NONE, ("a",), "/opt/decodeat-ops/demo-production/data on a", False),
        (SERVER, ("a", "b"), "the database that DATABASE_URL names", True),
        (POSTGRES, ("a",), "PostgreSQL on a, in a volume of Docker's", True),
    ],
)
def test_who_keeps_the_data(tmp_path: Path, more: str, names: tuple[str, ...], keeper: str, there: bool) -> None:
    data = data_of(tmp_path, more, *names)
    assert (data.keeper, data.there) == (keeper, there)


def test_its_revision_is_what_kept_releases_brought_it_to(tmp_path: Path) -> None:
    assert data_of(tmp_path).revision("") == "0003"
    assert data_of(tmp_path, NONE).revision("") == ""


def test_a_record_tells_what_its_code_knows(tmp_path: Path) -> None:
    data, one = data_of(tmp_path), release(ONE, knows="0001 0002", irreversible="0002")
    assert data.knows(one) == {"0001", "0002"}
    assert [(found.id, found.reversible) for found in data.known(one)] == [("0001", True), ("0002", False)]


def test_it_is_migrated_by_one_step_on_the_first_machine(tmp_path: Path) -> None:
    one = release(ONE, knows="0001 0002", irreversible="0002")
    [step] = data_of(tmp_path, SERVER, "a", "b").migrate(one, Migration())
    named = step.do.params
    assert (step.do.name, named["host"], named["colour"]) == ("migrate", "a", "green")
    assert named["change"] == f"{ONE}/{TWO}"
    assert data_of(tmp_path, NONE).migrate(one, Migration()) == ()


def test_nothing_is_backed_up_or_restored_here(tmp_path: Path) -> None:
    data = data_of(tmp_path)
    with pytest.raises(Usage, match="nothing is backed up"):
        data.save(release(), "snapshot")
