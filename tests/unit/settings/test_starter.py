"""What `init` writes: every key of the schema, and settings that load as what they say."""

import tomllib
from pathlib import Path
from typing import Literal

import pytest

from decodeat_ops.application.settings import init
from decodeat_ops.core.errors import Usage
from decodeat_ops.settings import envfile, names, starter
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import OMITTED

Target = Literal["local", "ecs", "vm"]
TARGETS: tuple[Target, ...] = ("local", "ecs", "vm")


def written(target: Target) -> str:
    return starter.files(starter.Answers(target=target))["decodeat-ops.toml"]


@pytest.mark.parametrize("target", TARGETS)
def test_every_key_that_the_target_reads_is_there_with_its_description(target: Target) -> None:
    text = written(target)
    plain = " ".join(text.replace("\n# ", " ").split())
    for path, info in names.fields().items():
        if path.partition(".")[0] in OMITTED[target]:
            assert f"[{path.partition('.')[0]}]" not in text
            continue
        if path in names.open_tables():
            assert f"[{path}]" in text
        else:
            name = path.rpartition(".")[2]
            assert f"\n{name} = " in text or f"\n#{name} = " in text
        assert info.description is not None, f"{path} has no description"
        assert " ".join(info.description.split()) in plain


def test_each_table_is_in_what_some_target_gets() -> None:
    assert set(OMITTED) == set(TARGETS)
    assert not frozenset.intersection(*OMITTED.values())


@pytest.mark.parametrize("target", TARGETS)
def test_with_its_defaults_written_out_it_says_the_same(tmp_path: Path, target: Target) -> None:
    text = written(target)
    opened = "\n".join(
        line[1:] if line.startswith("#") and " = " in line and line[1] != " " else line for line in text.splitlines()
    )
    examples = {"LOG_LEVEL", "WORKERS", "API_KEYS"}
    opened = "\n".join(line for line in opened.splitlines() if line.partition(" ")[0] not in examples)
    for name, content in (("short.toml", text), ("long.toml", opened)):
        (tmp_path / name).write_text(content)
    short = load(tmp_path / "short.toml", environ={}).settings
    assert short == load(tmp_path / "long.toml", environ={}).settings
    table = tomllib.loads(opened)[target]
    assert set(table) == {path.partition(".")[2] for path in names.fields() if path.startswith(f"{target}.")}
    assert (short.name, short.target, short.local.port) == ("decodeat", target, 8000)
    assert short.checks.label_url == ("http://127.0.0.1:8099/known-label.png" if target == "local" else "")


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


def test_init_for_ecs_writes_out_the_keys_that_nobody_can_guess(tmp_path: Path) -> None:
    path = tmp_path / "decodeat-ops.toml"
    done = init(path, "web", 8000, force=False, dry_run=False, target="ecs")
    assert done.next[0] == "decodeat-ops bootstrap"
    assert "port" not in done.data
    given = tomllib.loads(path.read_text())
    needed = {"account": "", "region": "", "subnets": [], "security_groups": [], "target_group": ""}
    assert (given["name"], given["target"], given["ecs"]) == ("web", "ecs", needed)
    assert init(path, "web", 8000, force=False, dry_run=False, target="ecs").changed == 0


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
