"""What only some targets can do is refused on the others in a sentence, and nothing is done."""

from pathlib import Path

import pytest

from tests.unit.cli.program import run


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("exec", "--", "ls", "-l"), "There is nothing to enter on local."),
        (("scale", "3", "--yes"), "There is no number of instances to choose on local."),
        (("render", "--against", "decodeat-ops.toml"), "There is nothing written by hand to compare with on local."),
    ],
)
def test_local_refuses_what_it_can_not_do(home: Path, words: tuple[str, ...], says: str) -> None:
    ran = run(home, *words)
    assert (ran.status, ran.stdout) == (2, "")
    assert says in ran.stderr
    assert not (home / "state").exists()


def test_a_terminal_is_no_json(home: Path) -> None:
    ran = run(home, "exec", "--json")
    told = ran.json
    assert (ran.status, told["command"], told["error"]["kind"]) == (2, "exec", "usage")


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_a_number_of_tasks_is_at_least_one(home: Path, count: str) -> None:
    assert run(home, "scale", "--yes", "--", count).status == 2
