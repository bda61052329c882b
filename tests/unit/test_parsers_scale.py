"""Test that the operator's parsers take linear time and no deep recursion for files of any length and nesting."""

import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.settings import envfile, toml
from decodeat_ops.targets.local.logs import _Tail

LENGTH = 400_000  # characters
SECONDS = 3.0  # of processor time; time that grows with the square of the length would be minutes


@pytest.mark.parametrize(
    "pattern",
    ["A=1\n", "A='", 'A="\\n', "A=", " ", "\t", "#", "#\n", "\n", "export ", "'", '"', "=", "A=x #", "A=\\", "\r", "0"],
)
def test_an_environment_file_is_read_in_linear_time(pattern: str) -> None:
    began = time.thread_time()
    with suppress(Configuration):
        envfile.parse(pattern * (LENGTH // len(pattern)))
    assert time.thread_time() - began < SECONDS


def test_many_variables_are_read_in_linear_time() -> None:
    began = time.thread_time()
    found = envfile.parse("".join(f"NAME_{number}='value'\n" for number in range(LENGTH // 20)))
    assert (len(found), time.thread_time() - began < SECONDS) == (LENGTH // 20, True)


@pytest.mark.parametrize(
    "pattern", ["a=[", "[[a]]\n", "[", "{", "a={b=", '"', "'''", "a.", "#", " ", "\n", "a=1\n", "0"]
)
def test_a_toml_file_is_read_in_linear_time(pattern: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(pattern * (LENGTH // 10 // len(pattern)))
    began = time.thread_time()
    with suppress(Configuration):
        toml.read(path)
    toml.scalar(path.read_text())
    assert time.thread_time() - began < SECONDS


def test_a_log_of_one_endless_line_is_read_in_linear_time() -> None:
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "x.log"
        with log.open("wb") as stream:
            stream.truncate(128 * 1024 * 1024)  # a sparse file takes no disk space
            stream.seek(0, 2)
            stream.write("\n끝\nwithout an end".encode())
        tail = _Tail.open("x", log)
        assert tail is not None
        began = time.thread_time()
        with tail.stream:
            lengths = [len(line.line) for line in tail.lines()]
        assert lengths == [128 * 1024 * 1024, 1]
        assert bytes(tail.rest) == b"without an end"
        assert time.thread_time() - began < SECONDS
