"""Test that the status file can be read whatever it has to say."""

import json
from pathlib import Path

from decodeat_ops.supervisor.account import Account, Watched


def test_a_long_problem_is_cut_and_not_the_file(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.json"
    Account(path).write({"pid": 1}, {f"r{number}": Watched(problem="한" * 40_000) for number in range(8)})
    told = json.loads(path.read_bytes().rstrip(b"\0 \n"))
    assert [entry["problem"][:2] for entry in told["releases"].values()] == ["한한"] * 8
