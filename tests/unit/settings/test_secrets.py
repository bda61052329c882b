"""Secret references: where they are looked up, and which values are refused without being shown."""

from pathlib import Path

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded, Service
from decodeat_ops.settings.secrets import resolve


def loaded(home: Path, **references: str) -> Loaded:
    lines = [f'{name} = "{reference}"' for name, reference in references.items()]
    (home / "decodeat-ops.toml").write_text("[service.secrets]\n" + "\n".join(lines) + "\n")
    return load(home / "decodeat-ops.toml", environ={})


def store(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def refused(home: Path, environ: dict[str, str], **references: str) -> str:
    with pytest.raises(Configuration) as caught:
        resolve(loaded(home, **references), environ=environ)
    return "\n".join((caught.value.advice.what, *caught.value.advice.lines, caught.value.advice.hint))


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    store(tmp_path / "decodeat-ops.env", "A=from-file-1\nB='from file 2'\n")
    found = resolve(loaded(tmp_path, ONE="env:A", TWO="env:B"), environ={"A": "from-environment"})
    assert {name: secret.reveal() for name, secret in found.items()} == {
        "ONE": "from-environment",
        "TWO": "from file 2",
    }
    assert "from" not in repr(found)


def test_a_file_loses_one_line_end_and_no_more(tmp_path: Path) -> None:
    store(tmp_path / "key", "line one\nline two\n\n")
    store(tmp_path / "dos", "value\r\n")
    found = resolve(loaded(tmp_path, KEY="file:key", DOS=f"file:{tmp_path}/dos"), environ={})
    assert found["KEY"].reveal() == "line one\nline two\n"
    assert found["DOS"].reveal() == "value"


def test_no_secrets_need_no_file(tmp_path: Path) -> None:
    (tmp_path / "decodeat-ops.toml").touch()
    assert resolve(load(tmp_path / "decodeat-ops.toml", environ={}), environ={}) == {}


def test_everything_missing_is_listed_at_once(tmp_path: Path) -> None:
    told = refused(tmp_path, {}, ONE="env:A", TWO="env:B", THREE="file:none")
    assert "3 secrets can't be used." in told
    assert "ONE (env:A): A is neither in the environment nor in decodeat-ops.env" in told
    assert "THREE (file:none): the file can't be read: No such file or directory" in told
    assert str(tmp_path / "decodeat-ops.env") in told


@pytest.mark.parametrize(
    "value",
    [
        "your_api_key_here", "your-key", "changeme", "CHANGE_ME", "please-change-me", "xxx", "XXXXXXXX", "example",
        "<your key>", "secret", "Password", "my-secret", "api_key", "${API_KEY}", "{{ api_key }}", "todo", "...",
        "real-key-abcdef,changeme",
    ],
)  # fmt: skip
def test_placeholders_are_refused_and_not_repeated(tmp_path: Path, value: str) -> None:
    told = refused(tmp_path, {"A": value}, ONE="env:A")
    where = tmp_path / "decodeat-ops.env"
    assert told == (
        f"The secret ONE (env:A): it is still a placeholder.\nPut env: values into {where} (mode 0600) as NAME=value."
    )


@pytest.mark.parametrize(
    "value", ["k3y-4f9c1b7e", "AIzaSyD-xxxyyyzzz123", "secretariat-horse", "a,b,c", "examples/are/fine", "0", "hunter2"]
)
def test_what_merely_looks_like_one_is_taken(tmp_path: Path, value: str) -> None:
    assert resolve(loaded(tmp_path, ONE="env:A"), environ={"A": value})["ONE"].reveal() == value


@pytest.mark.parametrize(("value", "why"), [("", "empty"), ("  \t", "empty"), ("a\0b", "NUL"), ("\udcff", "UTF-8")])
def test_what_can_be_no_secret_is_refused(tmp_path: Path, value: str, why: str) -> None:
    assert why in refused(tmp_path, {"A": value}, ONE="env:A")


def test_files_that_others_may_read_are_refused(tmp_path: Path) -> None:
    store(tmp_path / "key", "hunter2", 0o644)
    told = refused(tmp_path, {}, ONE="file:key")
    assert "others may read the file (mode 0644); chmod 600" in told
    store(tmp_path / "decodeat-ops.env", "A=hunter2\n", 0o644)
    told = refused(tmp_path, {}, ONE="env:A")
    assert "chmod 600" in told
    assert "hunter2" not in told


def test_an_env_file_is_not_asked_for_what_the_environment_holds(tmp_path: Path) -> None:
    store(tmp_path / "decodeat-ops.env", "this is not an environment file\n", 0o644)
    assert resolve(loaded(tmp_path, ONE="env:A"), environ={"A": "real-key-1"})["ONE"].reveal() == "real-key-1"


def test_references_are_told_apart_by_their_kind_alone() -> None:
    given = {"A": "env:A_NAME", "B": "file:/keys/env:b", "C": "env:file:c", "D": "file:keys/d"}
    service = Service(secrets=given)
    assert service.references("env") == {"A": "A_NAME", "C": "file:c"}
    assert service.references("file") == {"B": "/keys/env:b", "D": "keys/d"}
