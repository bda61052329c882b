"""Test that what the pages name is there: tests, files, commands with their options, programs, targets of make."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.cli.app import TREE, Branch, root

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md")))
# Where a file may lie that a page names by the end of its path.
ROOMS = (".", "decodeat", "decodeat_ops")
COMMON = {"--json", "--env", "--config", "--lang"}
OF_A_CHANGE = {"--dry-run", "--yes", "--lock-wait"}


def quoted(pages: tuple[Path, ...] = PAGES) -> Iterator[tuple[str, str]]:
    """Yield what stands in backticks or in an indented block, with its place."""
    for page in pages:
        for number, line in enumerate(page.read_text().splitlines(), 1):
            spans = [line[4:]] if line.startswith("    ") else re.findall(r"`([^`]+)`", line)
            yield from ((f"{page.relative_to(REPOSITORY)}:{number}", span) for span in spans)


QUOTED = tuple(quoted())
NAMED = [(place, *found) for place, span in QUOTED for found in re.findall(r"^(tests/[\w/.]+)(?:::(\w+))?$", span)]


def test_the_threat_model_names_tests() -> None:
    assert sum(place.startswith("docs/security.md") for place, _, _ in NAMED) > 40


@pytest.mark.parametrize(("place", "file", "test"), NAMED)
def test_a_test_that_is_named_exists(place: str, file: str, test: str) -> None:
    path = REPOSITORY / file
    assert path.exists(), place
    assert not test or f"def {test}(" in path.read_text(), place


def test_a_file_that_is_named_with_its_directory_exists() -> None:
    named = [(place, span) for place, span in QUOTED if re.fullmatch(r"[\w.]+/[\w/.]+\.(py|md|sh|toml|txt)", span)]
    assert len(named) > 60
    assert [one for one in named if not any((REPOSITORY / room / one[1]).exists() for room in ROOMS)] == []


def options(command: Any) -> set[str]:
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}


def commands() -> Iterator[tuple[str, set[str]]]:
    """Yield every command with its options."""
    program = root()
    for name, (_, node) in TREE.items():
        yield name, options(program.commands[name])
        for below in node.commands if isinstance(node, Branch) else ():
            yield f"{name} {below}", options(program.commands[name].commands[below])


OURS = dict(commands())


def lacking(words: list[str]) -> str:
    """Return what of a command's words does not exist, "" when all of it does."""
    name = max((name for name in OURS if words[: len(name.split())] == name.split()), key=len, default="")
    wrong = {word for word in words if re.match(r"--?[a-z]", word)} - OURS.get(name, set())
    return f"no command {words[0]}" if not name else ", ".join(sorted(wrong))


def test_commands_and_options_that_are_named_exist() -> None:
    named = [(place, span.split()[1:]) for place, span in QUOTED if span.startswith("decodeat-ops ")]
    assert len(named) > 5
    assert [(place, lacking(words)) for place, words in named if lacking(words)] == []


def test_the_readmes_table_has_every_command_with_options_of_its_own() -> None:
    """Read a row as its command's words, and the options that the second cell names as options of each of them."""
    table = (REPOSITORY / "README.md").read_text().partition("| command |")[2].partition("\n\n")[0]
    there = set()
    for first, second in re.findall(r"^\| (`.*?) \| (.*) \|$", table, re.MULTILINE):
        more = re.findall(r"`(--[a-z-]+)", second)
        for span in re.findall(r"`([^`]+)`", first):
            words = re.sub(r"[][]", " ", span).split()
            assert not lacking([*words, *more]), first
            there |= {" ".join(words[:count]) for count in (1, 2)}
    assert OURS.keys() - there == {"version"}


def test_every_command_takes_what_the_readme_says_that_every_one_takes() -> None:
    said = " ".join((REPOSITORY / "README.md").read_text().split())
    assert all(f"`{option}" in said for option in COMMON | OF_A_CHANGE)
    groups = {name for name, (_, node) in TREE.items() if isinstance(node, Branch) and node.alone == Branch.alone}
    assert {name: COMMON - OURS[name] for name in OURS if name not in groups and not OURS[name] >= COMMON} == {}
    changing = {name for name in OURS if "--lock-wait" in OURS[name]}
    verbs = {
        "deploy",
        "rollback",
        "resume",
        "start",
        "stop",
        "restart",
        "prune",
        "scale",
        "remove",
        "backup",
        "restore",
    }
    only_some = {
        "bootstrap",
        "build",
        "cert install",
        "cert issue",
        "cert renew",
        "firewall apply",
        "maintenance",
        "push",
    }
    assert changing == verbs | only_some
    assert {name: OF_A_CHANGE - OURS[name] for name in changing if not OURS[name] >= OF_A_CHANGE} == {}


def test_pages_that_are_linked_exist() -> None:
    links = [(page, link) for page in PAGES for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text())]
    assert len(links) > 20
    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []


def test_programs_and_their_flags_that_are_named_exist() -> None:
    named = [(place, found) for place, span in QUOTED for found in re.findall(r"python -m ([\w.]+)(.*)", span)]
    ours = [(place, name, rest) for place, (name, rest) in named if name.startswith(("decodeat", "bench", "tests"))]
    assert len(ours) > 10
    for place, name, rest in ours:
        spec = find_spec(name)
        assert spec is not None and spec.origin is not None, place
        source = Path(spec.origin)
        text = (source.with_name("__main__.py") if source.name == "__init__.py" else source).read_text()
        assert [flag for flag in re.findall(r"--[a-z-]+", rest) if f'"{flag}"' not in text] == [], place


def test_targets_of_make_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = [(place, found) for place, span in QUOTED for found in re.findall(r"^(?:\S+=\S+ )?make ([a-z-]+)", span)]
    assert len(named) > 10
    assert [one for one in named if one[1] not in targets] == []
