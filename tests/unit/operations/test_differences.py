"""Test that a plan lists every change: code, dependencies, configuration with its values, secrets by name alone."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.targets import open_desk
from decodeat_ops.application.workflow import Change
from decodeat_ops.core.errors import Configuration
from decodeat_ops.deployment import files, inputs
from decodeat_ops.deployment.configured import Configured, difference
from decodeat_ops.settings import envfile, trust
from decodeat_ops.targets.local import configuration
from tests.support.ports import free_port
from tests.unit.checks.stage import NEW, OLD, Stage

KEYS = "first-secret-value-1234"
ROTATED = "second-secret-value-5678"


def test_variables_are_shown_with_both_values() -> None:
    before = Configured({"LOG_LEVEL": "INFO", "GONE": "1", "SAME": "x"})
    after = Configured({"LOG_LEVEL": "DEBUG", "NEW": "two words", "SAME": "x"})
    assert difference(before, after) == (
        ("configuration", "GONE 1 -> (not set); LOG_LEVEL INFO -> DEBUG; NEW (not set) -> two words"),
    )


def test_what_is_long_is_cut_and_what_is_unprintable_is_escaped() -> None:
    told = difference(Configured({"A": "x" * 200, "B": "\x1b[31m"}), Configured({"A": "y", "B": ""}))[0][1]
    assert told == f"A {'x' * 60}... -> y; B '\\x1b[31m' -> ''"


@pytest.mark.parametrize(("name", "value"), [("API_KEYS", "k"), ("ODD", "k"), ("LINK", "redis://:k@host/0")])
def test_no_secret_is_shown_even_where_an_earlier_version_let_it_stand(name: str, value: str) -> None:
    told = difference(Configured({name: value, "A": "1"}), Configured({"A": "1"}), frozenset({"ODD"}))
    assert told == (("configuration", f"{name} (hidden) -> (not set)"),)


def test_secrets_are_named() -> None:
    before = Configured({"A": "1"}, secrets={"KEPT": "1", "CHANGED": "1", "GONE": "1"})
    after = Configured({"A": "1"}, secrets={"KEPT": "1", "CHANGED": "2", "NEW": "1"})
    assert difference(before, after) == (("secrets", "CHANGED (another value), GONE (gone), NEW (new)"),)


def test_a_rendered_file_is_named_when_no_value_explains_it() -> None:
    before, after = Configured({"A": "1"}, {"x.conf": "1"}), Configured({"A": "1"}, {"x.conf": "2"})
    assert difference(before, after) == (("configuration", "x.conf is rendered anew"),)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Make a stage where NEW serves, configured with LIMIT 5 and a key, and OLD is kept."""
    made = Stage(tmp_path)
    for name in ("environments", "backups"):
        trust.private_directory(tmp_path / name)
    given = {"local": {"port": free_port()}, "checks": {"label_url": ""}}
    made.settings = {**given, "service": {"environment": {"LIMIT": 5}, "secrets": {"API_KEYS": "file:key"}}}
    files.write(tmp_path / "key", KEYS)
    made.secrets = {"API_KEYS": KEYS}
    for name, text in ((OLD, "a = 0\n"), (NEW, "a = 1\n")):
        lay_out(made, name, text)
    made.layout.active.symlink_to(f"releases/{NEW}")
    made.settings["service"]["environment"] = {"LIMIT": 6}
    return made


def lay_out(stage: Stage, name: str, text: str) -> None:
    """Write files and secrets as a deploy with the stage's settings does."""
    made = stage.release(name, text, port=stage.settings["local"]["port"])
    release = replace(made, secrets=inputs.secrets_digest(stage.resolved, stage.layout))
    files.write(stage.layout.manifest(name), json.dumps(release.as_json()))
    for file, content in configuration.files(stage.loaded).items():
        path = stage.layout.release(name) / file
        path.parent.mkdir(exist_ok=True)
        files.write(path, content)
    files.write(stage.layout.unit(name), configuration.unit(release, stage.machine).dumps())
    files.write(stage.layout.secrets(name), envfile.render(stage.secrets))


def facts(stage: Stage, *, rollback: bool = False) -> dict[str, str]:
    desk, change = open_desk(stage.loaded), Change(dry_run=True)
    outcome = verbs.rollback(desk, change) if rollback else verbs.deploy(desk, change)
    plan = outcome.data["plan"]
    assert KEYS not in json.dumps(plan) and ROTATED not in json.dumps(plan)
    return dict(plan["facts"])


def test_a_changed_variable_beside_a_rotated_secret_is_listed(stage: Stage) -> None:
    files.write(stage.home / "key", ROTATED)
    told = facts(stage)
    assert told["changed"] == "configuration, secrets"
    assert told["configuration"] == "LIMIT 5 -> 6"
    assert told["secrets"] == "API_KEYS (another value)"


def test_a_changed_variable_beside_changed_code_is_listed(stage: Stage) -> None:
    stage.package("source", "a = 2\n")
    told = facts(stage)
    assert told["changed"] == "code, configuration"
    assert told["configuration"] == "LIMIT 5 -> 6"


def test_settings_that_are_no_variables_are_listed(stage: Stage) -> None:
    stage.settings["local"]["drain_timeout"] = 40.0
    stage.settings["logs"] = {"keep_days": 3}
    assert facts(stage)["configuration"] == "LIMIT 5 -> 6; local.drain_timeout 150 -> 40; logs.keep_days 30 -> 3"


def test_a_rollback_lists_what_it_brings_back(stage: Stage) -> None:
    files.write(stage.layout.environment(OLD), "LIMIT=4\nWORKERS=2\n")
    files.write(stage.home / "key", ROTATED)
    told = facts(stage, rollback=True)
    assert told["configuration"] == "LIMIT 5 -> 4"
    assert told["secrets"] == "API_KEYS (another value)"


def test_nothing_is_told_where_nothing_differs(stage: Stage) -> None:
    stage.settings["service"]["environment"] = {"LIMIT": 5}
    stage.package("source", "a = 2\n")
    told = facts(stage)
    assert told["changed"] == "code"
    assert "configuration" not in told and "secrets" not in told


@pytest.mark.parametrize(("name", "what"), [("LIMIT", "must be a whole number"), ("OPEN_SESAME", "is not known")])
def test_a_wrong_variable_is_refused_before_a_plan_is_made(stage: Stage, name: str, what: str) -> None:
    stage.settings["service"]["environment"] = {name: "many"}
    with pytest.raises(Configuration) as caught:
        facts(stage)
    assert caught.value.advice.what == f"{name} {what}."
    assert caught.value.where == f"service.environment.{name}"


@pytest.fixture
def occupied(stage: Stage) -> Iterator[Stage]:
    """Let another program have the port while nothing of ours runs."""
    stage.layout.active.unlink()
    with socket.socket() as other:
        other.bind(("127.0.0.1", stage.settings["local"]["port"]))
        other.listen()
        yield stage


def test_a_taken_port_is_found_before_anything_is_built(occupied: Stage) -> None:
    with pytest.raises(Configuration) as caught:
        facts(occupied)
    assert "can't listen on" in caught.value.advice.what
    assert caught.value.where == "local.port"


def test_the_port_of_a_release_that_lost_its_supervisor_is_its_own(stage: Stage) -> None:
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", stage.settings["local"]["port"]))
        ours.listen()
        assert facts(stage)["changed"] == "configuration"
