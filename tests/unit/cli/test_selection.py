"""Test that a command copied from a message acts on the deployment that the message was about."""

import ast
import re
from pathlib import Path

import pytest

from decodeat_ops.cli import selection
from decodeat_ops.cli.app import TREE, known
from tests.unit.cli.program import REPOSITORY, run

PACKAGE = REPOSITORY / "decodeat_ops"


def texts() -> list[tuple[str, str]]:
    """Return every text of the program with its place; parts of one f-string are joined, values are {}."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        documented = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                text = "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
                text = node.value
            else:
                continue
            if id(node) not in documented:
                found.append((f"{path.relative_to(PACKAGE)}:{node.lineno}", text))
    return found


TEXTS = texts()
VERB = "|".join(TREE)


def test_there_are_texts_with_commands() -> None:
    assert sum("`decodeat-ops " in text for _, text in TEXTS) > 60


def test_every_command_in_a_text_is_one_of_ours_and_whole() -> None:
    """Refuse commands that are shortened or outside backticks, since they could not repeat the selection."""
    wrong = []
    for place, text in TEXTS:
        for quoted in re.findall(r"`([^`]*)`", text):
            if re.match(rf"({VERB})\b", quoted):
                wrong.append(f"{place}: `{quoted}` lacks the program's name")
            if quoted.startswith("decodeat-ops ") and not known(quoted.split()[1:]) and "{}" not in quoted:
                wrong.append(f"{place}: `{quoted}` is no command")
        bare = re.sub(r"`[^`]*`", "", text)
        if not place.startswith("cli/") and not text.startswith("decodeat-ops "):
            wrong += [
                f"{place}: {found} stands outside backticks" for found in re.findall(rf"decodeat-ops ({VERB})\b", bare)
            ]
    assert wrong == []


def test_a_text_that_is_a_command_is_one_whole_command() -> None:
    """Check that each text in an outcome's `next` begins with the program's name and a command."""
    commands = [text for place, text in TEXTS if re.match("decodeat-ops [a-z]", text) and not place.startswith("cli/")]
    assert len(commands) > 20
    assert [text for text in commands if not known(text.split()[1:])] == []


@pytest.fixture
def chosen() -> None:
    selection.select(env="staging", config=Path("my place/x.toml"), target="local")


@pytest.mark.usefixtures("chosen")
@pytest.mark.parametrize(("place", "text"), [pair for pair in TEXTS if "`decodeat-ops " in pair[1]])
def test_every_command_of_every_text_repeats_the_selection(place: str, text: str) -> None:
    for quoted in re.findall(r"`(decodeat-ops [^`]*)`", selection.commands(text)):
        assert quoted.startswith("decodeat-ops --env staging --target local --config 'my place/x.toml' "), place


def test_without_a_selection_nothing_is_added() -> None:
    selection.select()
    assert selection.commands("Run `decodeat-ops deploy`.") == "Run `decodeat-ops deploy`."
    assert selection.command("decodeat-ops status") == "decodeat-ops status"


@pytest.fixture
def staging(home: Path) -> Path:
    (home / "decodeat-ops.staging.toml").write_text("[local]\nport = 1\n")
    return home


CALLS: tuple[tuple[str, ...], ...] = (
    ("status",),
    ("rollback", "--yes"),
    ("backup", "list"),
    ("restore", "--yes"),
    ("checklist", "records"),
    ("render",),
    ("start",),
)


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
@pytest.mark.parametrize("json", [False, True], ids=["people", "json"])
def test_what_a_command_prints_repeats_the_selection(staging: Path, words: tuple[str, ...], json: bool) -> None:
    ran = run(staging, *words, "--env", "staging", *(("--json",) if json else ()), COLUMNS="1000")
    said = re.findall(rf"decodeat-ops (?:--env staging )?(?:{VERB})\b.*", ran.stdout + ran.stderr)
    assert said, str(ran)
    assert [line for line in said if not line.startswith("decodeat-ops --env staging ")] == []


def test_variables_select_as_flags_do(staging: Path) -> None:
    ran = run(staging, "status", DECODEAT_OPS_ENV="staging", DECODEAT_OPS_CONFIG=str(staging / "decodeat-ops.toml"))
    assert f"decodeat-ops --env staging --config {staging}/decodeat-ops.toml deploy" in ran.stderr


def test_a_printed_command_can_be_pasted(staging: Path) -> None:
    then = run(staging, "status", "--env", "staging", "--json").json["next"][0]
    assert then == "decodeat-ops --env staging deploy"
    ran = run(staging, *then.split()[1:], "--dry-run", "--json")
    assert ran.status == 0, str(ran)
    assert ran.json["data"]["plan"]["deployment"] == "tested-staging"
