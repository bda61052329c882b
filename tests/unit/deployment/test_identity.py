"""Test that environments of one settings file never share state, and that state of earlier versions works."""

import json
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Plan
from decodeat_ops.deployment import identity, inputs
from decodeat_ops.deployment.places import layout_of
from decodeat_ops.engine.journal import Journal
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded
from tests.unit.cli.program import run


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make settings as in the README: the overlay changes only the port."""
    (tmp_path / "decodeat-ops.toml").write_text('name = "label"\n[local]\nport = 8001\nstate_dir = "state"\n')
    (tmp_path / "decodeat-ops.staging.toml").write_text("[local]\nport = 8002\n")
    return tmp_path


def loaded(home: Path, env: str = "production") -> Loaded:
    return load(start=home, env=env, environ={})


def flat(home: Path, *, deployment: str = "") -> Layout:
    """Make state as the previous version left it: in `local.state_dir` itself, and without a record."""
    layout = Layout(home / "state")
    inputs.prepare(layout)
    if deployment:
        Journal.begin(layout.journals, Plan("deploy", deployment, "x", ())).end("done")
    return layout


def test_the_setting_is_a_parent_for_all_environments(home: Path) -> None:
    assert layout_of(loaded(home)).root == home / "state" / "label-production"
    assert layout_of(loaded(home, "staging")).root == home / "state" / "label-staging"


def test_the_record_names_deployment_and_environment_and_keeps_the_salt(home: Path) -> None:
    layout = layout_of(loaded(home))
    identity.claim(layout, loaded(home))
    first = json.loads(layout.format_file.read_text())
    assert (first["name"], first["env"]) == ("label", "production")
    identity.claim(layout, loaded(home))
    assert json.loads(layout.format_file.read_text()) == first


def test_names_that_join_alike_are_still_two(tmp_path: Path) -> None:
    """Keep a-b in c apart from a in b-c, whose directories have the same name."""
    for name, env in (("a-b", "c"), ("a", "b-c")):
        (tmp_path / f"{env}.toml").write_text(f'name = "{name}"\n[local]\nstate_dir = "state"\n')
        (tmp_path / f"{env}.{env}.toml").write_text("")
    first = load(tmp_path / "c.toml", "c", environ={})
    identity.claim(layout_of(first), first)
    with pytest.raises(Configuration) as caught:
        layout_of(load(tmp_path / "b-c.toml", "b-c", environ={}))
    assert "belongs to a-b, environment c, not to a, environment b-c" in caught.value.advice.what


VERBS: tuple[tuple[str, ...], ...] = (
    ("status",),
    ("releases",),
    ("logs",),
    ("deploy", "--yes"),
    ("rollback", "--yes"),
    ("resume", "--yes"),
    ("start",),
    ("stop", "--yes"),
    ("restart", "--yes"),
    ("remove", "--dry-run"),
    ("backup",),
    ("backup", "list"),
    ("restore", "--yes"),
    ("lock", "status"),
    ("lock", "release"),
    ("checklist", "pre-deploy", "--non-interactive"),
    ("checklist", "records"),
    ("check", "disk.space"),
    ("doctor",),
    ("render", "--diff"),
)


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_command_refuses_the_state_of_another_environment(home: Path, words: tuple[str, ...]) -> None:
    layout = flat(home)
    identity.claim(layout, loaded(home))
    before = {path: path.stat().st_mtime_ns for path in layout.root.rglob("*")}
    ran = run(home, *words, "--env", "staging", "--json")
    assert ran.status == 3, str(ran)
    assert "belongs to label, environment production, not to label, environment staging" in ran.json["error"]["what"]
    assert "local.state_dir" in ran.json["error"]["hint"]
    assert {path: path.stat().st_mtime_ns for path in layout.root.rglob("*")} == before


def test_state_of_an_earlier_version_stays_where_it_is_and_is_recorded(home: Path) -> None:
    layout = flat(home, deployment="label-production")
    salt = inputs.salt(layout)
    assert layout_of(loaded(home)) == layout
    identity.claim(layout, loaded(home))
    assert json.loads(layout.format_file.read_text())["env"] == "production"
    assert inputs.salt(layout) == salt


def test_the_journal_of_an_earlier_version_says_whose_it_is(home: Path) -> None:
    flat(home, deployment="label-staging")
    assert layout_of(loaded(home, "staging")).root == home / "state"
    with pytest.raises(Configuration) as caught:
        layout_of(loaded(home))
    assert "belongs to label, environment staging" in caught.value.advice.what


def test_state_that_tells_nothing_was_made_without_an_environment(home: Path) -> None:
    layout = flat(home)
    with pytest.raises(Configuration) as caught:
        layout_of(loaded(home, "staging"))
    assert f'"name": "label", "env": "staging" to {layout.format_file}' in caught.value.advice.hint
    assert layout_of(loaded(home)) == layout
