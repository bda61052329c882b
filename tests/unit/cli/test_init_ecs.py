"""The first settings for Amazon ECS: nothing is asked that this machine alone has, and what is missing is named."""

from pathlib import Path

from tests.unit.cli.program import on_terminal, run


def test_the_target_of_the_command_line_is_written_into_the_settings(tmp_path: Path) -> None:
    done = run(tmp_path, "init", "--target", "ecs", "--name", "web", "--json").json
    assert done["changed"] == 2
    assert "port" not in done["data"]
    shown = run(tmp_path, "config", "show", "--json").json["data"]
    assert (shown["settings"]["target"], shown["origins"]["target"]) == ("ecs", "decodeat-ops.toml")
    assert run(tmp_path, "--target", "ecs", "init", "--name", "web", "--json").json["changed"] == 0


def test_only_the_name_is_asked_for(tmp_path: Path) -> None:
    status, shown = on_terminal(tmp_path, "init", "--target", "ecs", answers="web\n")
    assert status == 0, shown
    assert "Port" not in shown
    assert 'name = "web"' in (tmp_path / "decodeat-ops.toml").read_text()


def test_settings_show_what_the_target_reads_and_what_was_written_for_another(tmp_path: Path) -> None:
    (tmp_path / "decodeat-ops.toml").write_text("[ecs]\ncpu = 512\nmemory = 1024\n")
    here = run(tmp_path, "config", "show").stdout
    assert "ecs.cpu" in here
    assert "ecs.cluster" not in here
    assert "local.port" in here
    there = run(tmp_path, "config", "show", "--target", "ecs").stdout
    assert "ecs.cluster" in there
    assert "local.port" not in there


def test_what_is_still_to_be_filled_in_is_named_before_anything_is_asked_of_aws(tmp_path: Path) -> None:
    assert run(tmp_path, "init", "--target", "ecs").status == 0
    for words in (("deploy", "--dry-run"), ("status",), ("render",), ("bootstrap", "--dry-run")):
        ran = run(tmp_path, *words)
        assert ran.status == 3, str(ran)
        assert "needs ecs.account, ecs.region, ecs.subnets, ecs.security_groups" in ran.stderr
