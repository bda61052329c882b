"""The program as people and scripts meet it: every mistake explained, one envelope, nothing loaded for nothing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from decodeat_ops.application.targets import NAMES
from decodeat_ops.cli.app import TREE, Branch
from decodeat_ops.settings.schema import Settings
from tests.unit.cli.program import environment, on_terminal, run

ENVELOPE = ["changed", "command", "data", "error", "exit_code", "next", "ok", "schema", "summary", "warnings"]
PROBLEM = ["hint", "kind", "lines", "state", "what", "where"]
ESCAPE = "\x1b["

COMMANDS = [
    *((name,) for name in TREE),
    *((name, below) for name, (_, node) in TREE.items() if isinstance(node, Branch) for below in node.commands),
]


def test_mistakes_are_explained_with_a_suggestion(home: Path) -> None:
    (home / "secret.toml").write_text('[service.secrets]\nAPI_KEYS = "env:API_KEYS"\n[local]\nstate_dir = "state"\n')
    (home / "typo.toml").write_text("[local]\nprot = 8000\n")
    (home / "type.toml").write_text('[local]\nport = "8000"\n')
    (home / "broken.toml").write_text("[local\n")
    cases: list[tuple[tuple[str, ...], int, str]] = [
        (("deplyo",), 2, "No such command 'deplyo'. Did you mean 'deploy'?"),
        (("checklist", "pre-deplyo"), 2, "Did you mean 'pre-deploy'"),
        (("deploy", "--jsn"), 2, "No such option: --jsn. Did you mean --json?"),
        (("deploy", "--target", "lcoal"), 2, "Did you mean local?"),
        (("deploy",), 2, "Give --yes to carry it out"),
        (("remove",), 2, "Give --yes --name tested-production"),
        (("remove", "--yes"), 2, "Give its name too: --yes --name tested-production"),
        (("remove", "--yes", "--name", "tested"), 2, "is not this deployment, which is tested-production"),
        (("status", "--lang", "kr"), 2, "There are: en, ko."),
        (("logs", "-n", "many"), 2, "'many' is not a whole number"),
        (("logs",), 2, "there is no log"),
        (("logs", "--release", "x"), 2, "There is no release x"),
        (("checklist", "verify"), 2, "Missing argument"),
        (("status", "extra"), 2, "unexpected extra argument"),
        (("init",), 2, "--force"),
        (("init", "--force", "--name", "Bad Name"), 2, "small letters, digits and hyphens"),
        (("status", "--config", "typo.toml"), 3, "typo.toml: local.prot: unknown key; did you mean local.port?"),
        (("status", "--config", "type.toml"), 3, "local.port: must be a whole number, without quotes"),
        (("status", "--config", "broken.toml"), 3, "broken.toml is not valid TOML: expected ']'"),
        (("status", "--config", "none.toml"), 3, "decodeat-ops --config none.toml init"),
        (("status", "--env", "staging"), 3, "Create decodeat-ops.staging.toml"),
        (("deploy", "--yes", "--config", "secret.toml"), 3, "API_KEYS is neither in the environment nor in"),
    ]
    for words, status, says in cases:
        ran = run(home, *words)
        told = " ".join(ran.stderr.split())
        assert ran.status == status, (words, ran)
        assert says in told, (words, told)
        assert " state " in told, (words, told)
        assert " next " in told, (words, told)
        assert ran.stdout == "", words
        assert "Traceback" not in told, words


def test_a_placeholder_is_refused_and_not_shown(home: Path) -> None:
    text = (home / "decodeat-ops.toml").read_text() + '[service.secrets]\nAPI_KEYS = "env:API_KEYS"\n'
    (home / "decodeat-ops.toml").write_text(text)
    ran = run(home, "deploy", "--yes", API_KEYS="your_api_key_1234")
    assert ran.status == 3
    assert "API_KEYS (env:API_KEYS): it is still a placeholder" in " ".join(ran.stderr.split())
    assert "1234" not in ran.stderr + ran.stdout


@pytest.mark.parametrize("text", ['api_key = "hunter2"', 'api_key = "hunter2', '[local]\nport = "hunter2"\n'])
def test_not_even_a_traceback_shows_a_value(home: Path, text: str) -> None:
    (home / "decodeat-ops.toml").write_text(text)
    ran = run(home, "status", "--debug")
    assert ran.status == 3
    assert "Traceback" in ran.stderr
    assert "hunter2" not in ran.stderr


def test_without_settings_it_says_how_to_begin(tmp_path: Path) -> None:
    ran = run(tmp_path, "status")
    assert ran.status == 3
    assert "Write one with `decodeat-ops init`" in ran.stderr


@pytest.mark.parametrize(
    ("words", "status", "kind", "command"),
    [
        (("deplyo", "--json"), 2, "usage", ""),
        (("deploy", "--json", "--nope"), 2, "usage", "deploy"),
        (("--json",), 2, "usage", ""),
        (("checklist", "--json"), 2, "usage", "checklist"),
        (("deploy", "--json"), 2, "usage", "deploy"),
        (("--json", "status", "--env", "none"), 3, "configuration", "status"),
        (("lock", "status", "--config", "none.toml", "--json"), 3, "configuration", "lock status"),
    ],
)
def test_an_error_is_the_envelope_too(home: Path, words: tuple[str, ...], status: int, kind: str, command: str) -> None:
    ran = run(home, *words)
    assert ran.status == status
    assert ran.stderr == ""
    assert sorted(ran.json) == ENVELOPE
    assert sorted(ran.json["error"]) == PROBLEM
    assert (ran.json["ok"], ran.json["exit_code"], ran.json["command"]) == (False, status, command)
    assert ran.json["error"]["kind"] == kind
    assert ran.json["error"]["hint"]
    assert ran.json["schema"] == "decodeat-ops/1"


@pytest.mark.parametrize(
    "words", [("--json", "config", "show"), ("config", "--json", "show"), ("config", "show", "--json")]
)
def test_options_stand_before_or_behind(home: Path, words: tuple[str, ...]) -> None:
    ran = run(home, *words)
    assert (ran.status, ran.stderr) == (0, "")
    assert sorted(ran.json) == ENVELOPE
    assert ran.json["error"] is None
    assert ran.json["data"]["settings"]["name"] == "tested"
    assert ran.json["data"]["origins"]["local.port"] == "decodeat-ops.toml"


def test_what_stands_behind_wins_over_before_and_over_the_variable(home: Path) -> None:
    for env in ("one", "two", "three"):
        (home / f"decodeat-ops.{env}.toml").touch()
    words = ("config", "show", "--json")
    assert run(home, *words, DECODEAT_OPS_ENV="one").json["data"]["env"] == "one"
    assert run(home, "--env", "two", *words, DECODEAT_OPS_ENV="one").json["data"]["env"] == "two"
    assert run(home, "--env", "two", *words, "--env", "three").json["data"]["env"] == "three"
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    config = str(home / "decodeat-ops.toml")
    assert run(elsewhere, *words, DECODEAT_OPS_CONFIG=config).json["data"]["settings"]["name"] == "tested"


def test_data_goes_to_stdout_and_talk_to_stderr(home: Path) -> None:
    ran = run(home, "config", "show", "--origin")
    lines = ran.stdout.splitlines()
    assert lines[0].split() == ["setting", "value", "from"]
    assert ["name", "tested", "decodeat-ops.toml"] in [line.split() for line in lines]
    assert all(line == line.rstrip() for line in lines)
    assert "settings from decodeat-ops.toml" in ran.stderr
    assert ESCAPE not in ran.stdout + ran.stderr


def test_a_pipe_cuts_nothing_off(home: Path) -> None:
    (home / "decodeat-ops.toml").write_text(f'[service.environment]\nLONG = "{"x" * 300}"\n')
    assert "x" * 300 in run(home, "config", "show").stdout


def test_on_a_terminal_there_is_colour_unless_it_is_not_wanted(home: Path) -> None:
    assert ESCAPE in on_terminal(home, "config", "show")[1]
    assert ESCAPE in on_terminal(home, "--help")[1]
    for variables in ({"NO_COLOR": "1"},):
        shown = on_terminal(home, "config", "show", **variables)[1] + on_terminal(home, "--help", **variables)[1]
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]", shown), "a colour"


def test_a_dumb_terminal_gets_plain_text(home: Path) -> None:
    ran = on_terminal(home, "--help")
    assert ESCAPE in ran[1]
    env = environment(TERM="dumb", COLUMNS="80")
    script = f"{sys.executable} -m decodeat_ops config show; {sys.executable} -m decodeat_ops status; "
    script += f"{sys.executable} -m decodeat_ops --help"
    done = subprocess.run(["script", "-qec", script, "/dev/null"], cwd=home, env=env, capture_output=True, check=False)
    assert b"tested" in done.stdout
    assert b"\x1b" not in done.stdout


@pytest.mark.share(3)
@pytest.mark.parametrize("words", [(), *COMMANDS], ids=" ".join)
def test_help_fits_and_begins_with_examples(home: Path, words: tuple[str, ...]) -> None:
    ran = run(home, *words, "--help", COLUMNS="80")
    assert ran.status == 0
    assert max(map(len, ran.stdout.splitlines())) <= 80
    if words[-1:] not in (("config",), ("lock",), ("checklist",), ("firewall",), ("cert",)):
        assert ran.stdout.index("Examples\n") < ran.stdout.index("Usage: ")
    assert "--json" in ran.stdout


def test_help_is_narrow_where_the_terminal_is(home: Path) -> None:
    assert max(map(len, run(home, "deploy", "--help", COLUMNS="60").stdout.splitlines())) <= 60


def test_without_a_command_help_comes_and_the_exit_code_says_so(home: Path) -> None:
    for words in ((), ("checklist",)):
        ran = run(home, *words)
        assert (ran.status, ran.stdout) == (2, "")
        assert "Usage: decodeat-ops" in ran.stderr


def test_every_way_to_ask_for_the_version(home: Path) -> None:
    assert run(home, "--version").stdout == "decodeat-ops 0.1.0\n"
    assert run(home, "--json", "--version").stdout == "decodeat-ops 0.1.0\n"
    assert run(home, "version").stdout == "✓ decodeat-ops 0.1.0\n"
    assert run(home, "version", "--json").json["data"]["version"] == "0.1.0"


HEAVY = ("pydantic", "jinja2", "rich", "tomllib", "http", "ssl", "asyncio", "sqlite3", "boto3", "paramiko", "docker")


def loaded_by(home: Path, *words: str) -> set[str]:
    """The top-level modules that a command line loads, when coverage does not look on."""
    unwatched = {name: value for name, value in environment().items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "decodeat_ops", *words],
        cwd=home,
        env=unwatched,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    names = re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE)
    return {name.partition(".")[0] for name in names} | set(names)


def test_the_version_loads_nothing(home: Path) -> None:
    found = loaded_by(home, "--version")
    assert "typer" not in found
    assert not [name for name in found if name.startswith("decodeat_ops.") and name != "decodeat_ops.__main__"]


def test_help_loads_neither_settings_nor_rich(home: Path) -> None:
    found = loaded_by(home, "--help")
    assert "typer" in found
    assert found.isdisjoint(HEAVY)
    assert not [name for name in found if name.startswith(("decodeat_ops.application.", "decodeat_ops.settings."))]


def test_settings_as_json_load_neither_templates_nor_rich(home: Path) -> None:
    found = loaded_by(home, "config", "show", "--json")
    assert {"typer", "pydantic"} <= found
    assert found.isdisjoint({"jinja2", "rich", "importlib.metadata", "http", "ssl", "asyncio", "sqlite3"})


def test_the_known_targets_are_the_settings_own() -> None:
    assert get_args(Settings.model_fields["target"].annotation) == NAMES


def test_a_closed_pipe_is_no_error(home: Path) -> None:
    script = f"set -o pipefail; {sys.executable} -m decodeat_ops config show 2>&1 | head -c 10"
    for words in (script, script.replace("config show", "--help")):
        done = subprocess.run(
            ["bash", "-c", words], cwd=home, env=environment(), capture_output=True, text=True, check=False
        )
        assert done.stderr == ""
        assert done.returncode == 0


def test_a_bug_is_owned_without_its_message(home: Path) -> None:
    """A broken installation is the nearest thing to a bug that can be had on demand."""
    (home / "sitecustomize.py").write_text(
        "import decodeat_ops.application.settings as s\n"
        "def broken(*words, **named): raise KeyError('hunter2')\n"
        "s.show = broken\n"
    )
    path = os.pathsep.join((str(home), environment()["PYTHONPATH"]))
    ran = run(home, "config", "show", PYTHONPATH=path)
    assert ran.status == 1
    assert "This is a bug of ours: KeyError in sitecustomize.py:2" in ran.stderr
    assert "hunter2" not in ran.stderr
    assert "Traceback" in run(home, "config", "show", "--debug", PYTHONPATH=path).stderr
    told = run(home, "config", "show", "--json", PYTHONPATH=path).json
    assert (told["error"]["kind"], told["exit_code"]) == ("bug", 1)


def test_what_the_system_refuses_is_no_bug(home: Path) -> None:
    """A file where a directory should be: nobody's fault but the machine's."""
    (home / "state").write_text("not a directory\n")
    ran = run(home, "backup", "--yes")
    assert ran.status in (3, 4)
    assert "Traceback" not in ran.stderr
    assert "bug" not in ran.stderr


def test_init_asks_on_a_terminal_only(tmp_path: Path) -> None:
    status, shown = on_terminal(tmp_path, "init", answers="label\n8123\n")
    assert status == 0
    assert "Name of the deployment [decodeat]:" in shown
    text = (tmp_path / "decodeat-ops.toml").read_text()
    assert 'name = "label"' in text
    assert "port = 8123" in text
    other = tmp_path / "other"
    other.mkdir()
    assert run(other, "init", "--port", "8124", "--json").json["changed"] == 2
    assert run(other, "init", "--port", "8124", "--json").json["changed"] == 0
    assert "port = 8124" in (other / "decodeat-ops.toml").read_text()


def test_init_writes_the_file_that_config_names(tmp_path: Path) -> None:
    assert run(tmp_path, "init", "--config", "sub/mine.toml", "--name", "mine").status == 0
    assert (
        run(tmp_path, "config", "show", "--config", "sub/mine.toml", "--json").json["data"]["settings"]["name"]
        == "mine"
    )


def test_init_dry_run_shows_and_writes_nothing(tmp_path: Path) -> None:
    ran = run(tmp_path, "init", "--dry-run")
    assert ran.status == 0
    assert 'name = "decodeat"' in ran.stdout
    assert list(tmp_path.iterdir()) == []


def test_render_shows_writes_and_compares(home: Path) -> None:
    shown = run(home, "render", "--json").json["data"]["files"]
    assert "config/gunicorn.conf.py" in shown
    out = home / "out"
    assert run(home, "render", "--out", "out", "--json").json["changed"] == len(shown)
    assert {name: (out / name).read_text() for name in shown} == shown
    assert run(home, "render", "--out", "out", "--json").json["changed"] == 0
    diff = run(home, "render", "--diff")
    assert "+workers = 2" in diff.stdout.splitlines()


def test_rendering_refuses_what_would_break_a_release(home: Path) -> None:
    text = (home / "decodeat-ops.toml").read_text() + "[service.environment]\nPORT = 1\n"
    (home / "decodeat-ops.toml").write_text(text)
    ran = run(home, "render")
    assert ran.status == 3
    assert "local.port" in ran.stderr


def test_completion_knows_the_commands(home: Path) -> None:
    ran = run(home, _DECODEAT_OPS_COMPLETE="complete_bash", COMP_WORDS="decodeat-ops re", COMP_CWORD="1")
    offered: Any = ran.stdout.split()
    assert {"releases", "render", "restart", "restore", "resume", "remove"} <= set(offered)


def test_json_is_one_line_for_programs(home: Path) -> None:
    ran = run(home, "config", "show", "--json")
    assert ran.stdout.count("\n") == 1
    assert json.loads(ran.stdout)["command"] == "config show"
