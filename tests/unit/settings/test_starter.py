"""What `init` writes: every key of the schema, and settings that load as what they say."""

import tomllib
from pathlib import Path

import pytest

from decodeat_ops.application.settings import init
from decodeat_ops.core.errors import Usage
from decodeat_ops.settings import envfile, names, starter
from decodeat_ops.settings.load import load


def test_every_key_is_there_with_its_description() -> None:
    text = starter.files(starter.Answers())["decodeat-ops.toml"]
    plain = " ".join(text.replace("\n# ", " ").split())
    for path, info in names.fields().items():
        if path in names.open_tables():
            assert f"[{path}]" in text
        else:
            name = path.rpartition(".")[2]
            assert f"\n{name} = " in text or f"\n#{name} = " in text
        assert info.description is not None, f"{path} has no description"
        assert " ".join(info.description.split()) in plain


def test_with_its_defaults_written_out_it_says_the_same(tmp_path: Path) -> None:
    text = starter.files(starter.Answers())["decodeat-ops.toml"]
    opened = "\n".join(
        line[1:] if line.startswith("#") and " = " in line and line[1] != " " else line for line in text.splitlines()
    )
    examples = {"LOG_LEVEL", "WORKERS", "API_KEYS"}
    opened = "\n".join(line for line in opened.splitlines() if line.partition(" ")[0] not in examples)
    for name, content in (("short.toml", text), ("long.toml", opened)):
        (tmp_path / name).write_text(content)
    short = load(tmp_path / "short.toml", environ={}).settings
    assert short == load(tmp_path / "long.toml", environ={}).settings
    assert len(tomllib.loads(opened)["local"]) == 7
    assert (short.name, short.local.port) == ("decodeat", 8000)
    assert short.checks.label_url == "http://127.0.0.1:8099/known-label.png"


def test_the_examples_are_valid(tmp_path: Path) -> None:
    tables = "".join(f"[{table}]\n" + "\n".join(lines) + "\n" for table, lines in starter.EXAMPLES.items())
    (tmp_path / "x.toml").write_text(tables)
    assert set(starter.EXAMPLES) == set(names.open_tables())
    assert load(tmp_path / "x.toml", environ={}).settings.service.secrets["API_KEYS"].startswith("env:")


def test_init_writes_once_and_then_changes_nothing(tmp_path: Path) -> None:
    first = init(tmp_path / "decodeat-ops.toml", "decodeat", 8000, force=False, dry_run=False)
    assert first.changed == 2
    assert (tmp_path / "decodeat-ops.env").stat().st_mode & 0o777 == 0o600
    assert envfile.read(tmp_path / "decodeat-ops.env", private=True) == {}
    second = init(tmp_path / "decodeat-ops.toml", "decodeat", 8000, force=False, dry_run=False)
    assert (second.changed, "0 changed" in second.summary) == (0, True)


def test_init_refuses_to_replace_and_keeps_what_it_replaces(tmp_path: Path) -> None:
    (tmp_path / "decodeat-ops.toml").write_text('name = "mine"\n')
    (tmp_path / "decodeat-ops.env").write_text("KEY=precious\n")
    with pytest.raises(Usage, match="is there already"):
        init(tmp_path / "decodeat-ops.toml", "decodeat", 8000, force=False, dry_run=False)
    assert init(tmp_path / "decodeat-ops.toml", "decodeat", 8000, force=True, dry_run=True).changed == 0
    assert (tmp_path / "decodeat-ops.toml").read_text() == 'name = "mine"\n'
    assert init(tmp_path / "decodeat-ops.toml", "decodeat", 8000, force=True, dry_run=False).changed == 1
    assert (tmp_path / "decodeat-ops.toml.bak").read_text() == 'name = "mine"\n'
    assert (tmp_path / "decodeat-ops.env").read_text() == "KEY=precious\n"


@pytest.mark.parametrize(("name", "port"), [("Bad Name", 8000), ("ok", 0), ("ok", 70000), ("x" * 40, 8000)])
def test_init_refuses_answers_that_would_not_load(tmp_path: Path, name: str, port: int) -> None:
    with pytest.raises(Usage):
        init(tmp_path / "decodeat-ops.toml", name, port, force=False, dry_run=False)
    assert list(tmp_path.iterdir()) == []
