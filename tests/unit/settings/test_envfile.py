"""Environment files: what is accepted means the same to everybody, what isn't is told by line and without the value."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decodeat_ops.core.errors import Configuration
from decodeat_ops.settings import envfile
from tests.support.examples import ONE_FIXTURE, examples

VARIABLES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
QUOTING = st.text(alphabet="ab =#'\"\\$`~;&|<>(){}[]*?!\t\r\n:,한", max_size=12)


def test_plain_files_are_read_in_order() -> None:
    text = "# secrets\n\nB=1\nA='x y'\r\nC=\"tab\\tquote\\\" back\\\\slash \\$HOME\\n\"\n  # indented\nEMPTY=\nQ=''\n"
    found = envfile.parse(text)
    assert list(found) == ["B", "A", "C", "EMPTY", "Q"]
    assert found == {"B": "1", "A": "x y", "C": 'tab\tquote" back\\slash $HOME\n', "EMPTY": "", "Q": ""}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("KEY=hunter2 # mine", "comment behind the value of KEY: a shell would drop it, docker would"),
        ("export KEY=hunter2", "`export` is for shells"),
        ("KEY = hunter2", "spaces around ="),
        ("KEY= hunter2", "spaces around ="),
        (" KEY=hunter2", "spaces around ="),
        ("KEY='hunter2", "the quote of KEY is not closed"),
        ('KEY="hunter2', "the quote of KEY is not closed"),
        ("KEY='hunter2' x", "something follows the quoted value of KEY"),
        ("KEY='hunter2'x", "something follows the quoted value of KEY"),
        ("KEY=hunter2 ", "ends with a space"),
        ("KEY=hunter2 more", "holds a space or a sign that a shell would interpret"),
        ("KEY=hunter2$HOME", "a sign that a shell would interpret"),
        ("KEY=~/hunter2", "a sign that a shell would interpret"),
        ("KEY=hunter2;ls", "a sign that a shell would interpret"),
        ('KEY="hunter2$HOME"', "a shell would replace $ in the value of KEY"),
        ('KEY="hunter2\\x"', "an unknown escape in the value of KEY"),
        ("KEY=hunter2\0", "NUL"),
        ("KEY='hunter2\0'", "NUL"),
        ("KEY", "not an assignment"),
        ("2KEY=hunter2", "not the name of a variable"),
        ("KEY.X=hunter2", "not the name of a variable"),
        ("A=hunter2", "A is there twice (first on line 1)"),
    ],
)
def test_what_two_readers_could_understand_apart_is_refused(line: str, says: str) -> None:
    with pytest.raises(Configuration) as caught:
        envfile.parse(f"A=1\n{line}\n", "x.env")
    told = caught.value.advice
    assert told.what.startswith("x.env:2: ")
    assert says.replace("NUL", "") in told.what or "control character" in told.what
    assert told.hint
    assert "hunter2" not in f"{told} {caught.value.where}"


def test_the_line_of_what_is_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.env").write_bytes(b"A=1\nB=\xff\n")
    with pytest.raises(Configuration, match=r"x\.env:2: not UTF-8 text"):
        envfile.read(tmp_path / "x.env")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_private_file_is_nobody_elses(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "x.env"
    path.write_text("A=1\n")
    path.chmod(mode)
    with pytest.raises(Configuration) as caught:
        envfile.read(path, private=True)
    assert caught.value.advice.hint == f"chmod 600 {path}"
    assert envfile.read(path) == {"A": "1"}
    path.chmod(0o600)
    assert envfile.read(path, private=True) == {"A": "1"}


def test_a_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(Configuration, match="can't be read: No such file"):
        envfile.read(tmp_path / "none.env")


@pytest.mark.parametrize(("name", "value"), [("A", "x\0y"), ("A", "\ud800"), ("A=B", "x"), ("", "x")])
def test_what_no_environment_can_hold_is_not_written(name: str, value: str) -> None:
    with pytest.raises(Configuration):
        envfile.render({name: value})


@settings(max_examples=examples(400))
@given(values=st.dictionaries(VARIABLES, TEXT | QUOTING, max_size=5))
def test_what_is_written_is_read_back(values: dict[str, str]) -> None:
    assert envfile.parse(envfile.render(values)) == values


@settings(max_examples=examples(300))
@given(text=TEXT | QUOTING)
def test_any_text_is_variables_or_a_refusal(text: str) -> None:
    try:
        assert isinstance(envfile.parse(text), dict)
    except Configuration as error:
        assert error.advice.hint


def by_bash(path: Path, names: list[str]) -> list[str]:
    """What a shell makes of a file, each value ended by a NUL."""
    script = f'set -a; . "$0"; for name in {" ".join(names)}; do printf "%s\\0" "${{!name}}"; done'
    done = subprocess.run(["bash", "-c", script, str(path)], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    assert done.stderr == b""
    return done.stdout.decode().split("\0")[:-1]


@settings(max_examples=examples(40), suppress_health_check=ONE_FIXTURE)
@given(values=st.lists(TEXT | QUOTING, min_size=1, max_size=12))
def test_a_shell_reads_the_same_unless_a_value_breaks_lines(tmp_path: Path, values: list[str]) -> None:
    named = {f"VALUE_{number}": value.replace("\n", " ") for number, value in enumerate(values)}
    path = tmp_path / "x.env"
    path.write_bytes(envfile.render(named).encode())
    assert by_bash(path, list(named)) == list(named.values())


@settings(max_examples=examples(40), suppress_health_check=ONE_FIXTURE)
@given(lines=st.lists(QUOTING.map(lambda text: text.replace("\n", "")), min_size=1, max_size=12))
def test_whatever_one_line_is_accepted_for_a_shell_agrees(tmp_path: Path, lines: list[str]) -> None:
    accepted: dict[str, str] = {}
    kept = []
    for number, line in enumerate(lines):
        try:
            found = envfile.parse(f"VALUE_{number}={line}\n")
        except Configuration:
            continue
        if not any(sign in value for value in found.values() for sign in "\n\t"):  # a shell knows no \n and \t
            accepted |= found
            kept.append(f"VALUE_{number}={line.removesuffix(chr(13))}\n")
    path = tmp_path / "x.env"
    path.write_bytes("".join(kept).encode())
    assert by_bash(path, list(accepted)) == list(accepted.values())
