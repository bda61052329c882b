"""Test that every file in the source is deployed or refused by name, and that no file name causes a bug."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.deployment import source
from decodeat_ops.engine.journal import Journal, read
from decodeat_ops.settings.load import load
from decodeat_ops.targets.local.release_actions import copy_package
from tests.unit.cli.program import run

NOT_UTF8 = os.fsdecode(b"caf\xe9.py")


@pytest.fixture
def package(home: Path) -> Path:
    made = home / "source" / "decodeat"
    (made / "below").mkdir(parents=True)
    for name in ("__init__.py", "main.py", "below/one.py"):
        (made / name).write_text(f"# {name}\n")
    (made / source.LOCK_NAME).write_text("fastapi==1\n")
    settings = home / "decodeat-ops.toml"
    settings.write_text(settings.read_text() + '[service]\nsource = "source"\n')
    return made


def dangle(place: Path) -> None:
    place.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("name", "make", "why"),
    [
        (NOT_UTF8, Path.touch, "its name is not UTF-8"),
        ("linked", lambda place: place.symlink_to("below"), "a link to a directory"),
        ("dangling.py", dangle, "a link that leads nowhere"),
        ("loop.py", lambda place: place.symlink_to("loop.py"), "a link that leads nowhere"),
        ("pipe", os.mkfifo, "neither a file nor a directory"),
    ],
)
def test_what_can_not_be_deployed_is_refused_by_name(
    home: Path, package: Path, name: str, make: Callable[[Path], None], why: str
) -> None:
    make(package / name)
    with pytest.raises(Configuration, match=why) as caught:
        source.read(load(home / "decodeat-ops.toml", None, {}))
    assert caught.value.advice.lines == (f"{name}: {why}",)
    for words in (("deploy", "--dry-run"), ("deploy", "--yes", "--json")):
        ran = run(home, *words)
        assert ran.status == 3, ran
        assert why in " ".join((ran.stdout + ran.stderr).split())
        assert "caf" in ran.stdout + ran.stderr or name != NOT_UTF8


def test_a_link_to_a_file_is_deployed_as_that_file(home: Path, package: Path, tmp_path: Path) -> None:
    (package / "linked.py").symlink_to("below/one.py")
    found = source.read(load(home / "decodeat-ops.toml", None, {}))
    copy = tmp_path / "copy"
    copy_package(package, copy)
    assert (copy / "linked.py").read_text() == "# below/one.py\n"
    assert source.tree_digest(copy) == found.code
    assert len(source.files(copy)) == len(source.files(package)) == 5


def test_every_problem_is_named_at_once(home: Path, package: Path) -> None:
    dangle(package / "one.py")
    dangle(package / "two.py")
    with pytest.raises(Configuration, match="and 1 more") as caught:
        source.read(load(home / "decodeat-ops.toml", None, {}))
    assert len(caught.value.advice.lines) == 2


def test_a_way_back_needs_no_source_that_could_be_deployed(package: Path) -> None:
    """Compute the digest that `rollback` and `resume` compare from whatever files are there."""
    before = source.tree_digest(package)
    (package / NOT_UTF8).touch()
    dangle(package / "dangling.py")
    assert source.tree_digest(package) != before


def test_caches_are_no_part_of_it(home: Path, package: Path) -> None:
    loaded = load(home / "decodeat-ops.toml", None, {})
    before = source.read(loaded)
    (package / "__pycache__").mkdir()
    dangle(package / "__pycache__" / "main.pyc")
    assert source.read(loaded) == before


def test_a_journal_keeps_a_path_that_is_not_utf8(tmp_path: Path) -> None:
    step = Step("stage", "한국어", Action("stage", {"package": f"/home/{NOT_UTF8}"}))
    journal = Journal.begin(tmp_path, Plan("deploy", "tested", "r1", (step,)))
    journal.end("done")
    assert read(journal.path).plan.steps == (step,)
    assert "한국어" in journal.path.read_bytes().decode()
    assert json.loads(journal.path.read_bytes().splitlines()[0])["plan"]["subject"] == "r1"
