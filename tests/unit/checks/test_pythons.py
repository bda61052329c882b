"""Test which Pythons the project promises, and how each is found for `make proof`."""

import tomllib
from pathlib import Path

import pytest

from decodeat_ops.checks.machine import OLDEST_PYTHON
from tests import pythons

REPOSITORY = Path(__file__).resolve().parents[3]


def _interpreter(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)
    return path


def test_the_oldest_python_is_the_same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    oldest = ".".join(map(str, OLDEST_PYTHON))
    assert tomllib.loads(Path("pyproject.toml").read_text())["project"]["requires-python"] == f">={oldest}"
    assert pythons.supported() == (oldest, "3.12", "3.13")
    assert pythons.NEXT not in pythons.supported(), "what is promised is tested"


@pytest.mark.parametrize(
    ("on_path", "in_pyenv", "found"),
    [
        ("echo 3.12", "echo 3.12", "bin/python3.12"),
        ("echo 'command not found' >&2; exit 127", "echo 3.12", "pyenv/versions/3.12.1/bin/python"),
        (None, "echo 3.12", "pyenv/versions/3.12.1/bin/python"),
        ("echo 3.11", None, None),
        (None, None, None),
    ],
    ids=["on PATH", "a shim that leads nowhere", "pyenv alone", "another version", "none"],
)
def test_an_interpreter_is_found_by_what_it_answers(
    on_path: str | None, in_pyenv: str | None, found: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    if on_path:
        _interpreter(tmp_path / "bin" / "python3.12", on_path)
    if in_pyenv:
        _interpreter(tmp_path / "pyenv" / "versions" / "3.12.1" / "bin" / "python", in_pyenv)
    assert pythons.find("3.12") == (tmp_path / found if found else None)
