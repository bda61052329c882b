"""What only some targets can do is refused on the others in a sentence, and nothing is done."""

from pathlib import Path

import pytest

from tests.unit.cli.program import run


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("exec", "--", "ls", "-l"), "There is nothing to enter on local."),
        (("cert", "issue", "--yes"), "There is no certificate to look after on local."),
        (("cert", "renew", "--yes"), "There is no certificate to look after on local."),
        (("cert", "install", "--chain", "a", "--key", "b", "--yes"), "There is no certificate to look after on local."),
        (("cert", "status"), "There is no certificate to look after on local."),
        (("deploy", "--host", "api2", "--yes"), "There are no hosts to choose from on local."),
        (("prune", "--yes"), "There is nothing to prune by hand on local."),
        (("maintenance", "on", "--yes"), "There is nothing in front of the service that could answer for it on local."),
        (("logs", "--part", "nginx"), "There is no log of a part 'nginx' here."),
        (("scale", "3", "--yes"), "There is no number of instances to choose on local."),
        (("firewall", "plan"), "There is no firewall to change for local,"),
        (("firewall", "apply", "--yes"), "There is no firewall to change for local,"),
        (("firewall", "status"), "There is no firewall to change for local,"),
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
