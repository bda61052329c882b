"""The table [ecs]: what is refused, in words, and what belongs to the digest of a plan's inputs."""

import json
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.settings.ecs import MEMORY
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import ELSEWHERE, Settings
from decodeat_ops.settings.secrets import resolve
from tests.support.aws import ACCOUNT, GROUP, SETTINGS, loaded_from

BALANCING = f"arn:aws:elasticloadbalancing:eu-central-1:{ACCOUNT}"


def refused(home: Path, text: str, **environ: str) -> str:
    (home / "decodeat-ops.toml").write_text(text)
    with pytest.raises(Configuration) as caught:
        load(home / "decodeat-ops.toml", environ=environ)
    return "\n".join((caught.value.advice.what, *caught.value.advice.lines))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("account", '"12345"', "must be 12 digits"),
        ("region", '"Frankfurt"', "must be a region such as eu-central-1"),
        ("role", '"deployer"', "must be a role's ARN"),
        ("endpoint", '"localhost:4566"', "must be http:// or https:// and a host"),
        ("address", '"https://user@api.example.com"', "must be http:// or https:// and a host"),
        ("address", '"https://api.example.com/v1"', "must be http:// or https:// and a host"),
        ("cluster", '"a cluster"', "must be letters, digits, - and _"),
        ("image", '"decodeat"', "must be an image with a tag or a digest"),
        ("image", '"registry.example.com:5000/decodeat"', "must be an image with a tag or a digest"),
        ("image", '"decodeat@sha256:abc"', "must be an image with a tag or a digest"),
        ("cpu", "1000", "must be one of 256, 512, 1024, 2048, 4096, 8192, 16384"),
        ("memory", "1024", "must be from 2048 to 8192 in steps of 1024 with cpu = 1024"),
        ("memory", "2560", "must be from 2048 to 8192 in steps of 1024 with cpu = 1024"),
        ("stop_timeout", "121", "must be less than or equal to 120"),
        ("subnets", '["vpc-1"]', "must be the id of a subnet"),
        ("subnets", '"subnet-0a"', "must be a list"),
        ("security_groups", '["default"]', "must be the id of a security group"),
        ("target_group", f'"{BALANCING}:loadbalancer/app/a/1"', "must be a target group's ARN"),
        ("listener_rule", f'"{GROUP}"', "must be the ARN of a listener or of its rule"),
        ("execution_role", '"arn:aws:iam::1:role/x"', "must be a role's name or ARN"),
        ("log_retention_days", "31", "must be 1, 3, 5"),
        ("strategy", '"rainbow"', "must be 'rolling', 'blue-green', 'linear' or 'canary'"),
        ("keep_revisions", "1", "must be greater than or equal to 2"),
    ],
)
def test_a_wrong_value_is_told_in_words(tmp_path: Path, key: str, value: str, words: str) -> None:
    told = refused(tmp_path, f"[ecs]\n{key} = {value}\n")
    assert f"decodeat-ops.toml: ecs.{key}" in told
    assert words in told


@pytest.mark.parametrize(("cpu", "memory"), [(cpu, size) for cpu, sizes in MEMORY.items() for size in sizes[:1]])
def test_fargates_smallest_sizes_are_taken_and_one_less_is_not(tmp_path: Path, cpu: int, memory: int) -> None:
    sized = f"{SETTINGS}cpu = {cpu}\nmemory = {memory}\n"
    assert loaded_from(tmp_path, sized).settings.ecs.memory == memory
    assert f"with cpu = {cpu}" in refused(tmp_path, f"[ecs]\ncpu = {cpu}\nmemory = {memory - 1}\n")


def test_the_default_memory_has_to_fit_another_cpu(tmp_path: Path) -> None:
    assert "must be from 8192 to 30720 in steps of 1024 with cpu = 4096" in refused(tmp_path, "[ecs]\ncpu = 4096\n")


@pytest.mark.parametrize(
    "line",
    [
        f'target_group = "{GROUP}"',
        f'listener_rule = "{BALANCING}:listener-rule/app/web/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee"',
        f'listener_rule = "{BALANCING}:listener/net/web/50dc6c495c0c9188/f2f7dc8efc522ab2"',
        f'task_role = "arn:aws:iam::{ACCOUNT}:role/teams/web/tasks"',
        'region = "us-gov-west-1"',
        'address = "https://api.example.com:8443/"',
        'image = "a/b:1.2"',
        f'image = "registry.example.com:5000/a/b:1.2@sha256:{"0" * 64}"',
        'log_group = "/ecs/web"',
        'pull_secret = "shared/registry"',
    ],
)
def test_what_aws_itself_writes_is_taken(tmp_path: Path, line: str) -> None:
    (tmp_path / "decodeat-ops.toml").write_text(f"[ecs]\n{line}\n")
    load(tmp_path / "decodeat-ops.toml", environ={})


@pytest.mark.parametrize(
    ("strategy", "percent", "least"),
    [("linear", 2.9, 3.0), ("linear", 0.1, 3.0), ("linear", 33.33, 3.0), ("canary", 0.25, 0.1), ("canary", 99.99, 0.1)],
)
def test_a_step_that_ecs_does_not_take_is_refused(tmp_path: Path, strategy: str, percent: float, least: float) -> None:
    told = refused(tmp_path, f'[ecs]\nstrategy = "{strategy}"\nstep_percent = {percent}\n')
    assert f"ecs.step_percent: must be from {least} to 100.0 in steps of 0.1 with strategy = {strategy}" in told


@pytest.mark.parametrize(
    ("strategy", "percent"),
    [("linear", 3.0), ("linear", 33.3), ("linear", 100), ("canary", 0.1), ("canary", 99.9), ("rolling", 0.25)],
)
def test_a_step_that_ecs_takes_is_taken(tmp_path: Path, strategy: str, percent: float) -> None:
    stepped = f'{SETTINGS}strategy = "{strategy}"\nstep_percent = {percent}\n'
    assert loaded_from(tmp_path, stepped).settings.ecs.step_percent == percent


def test_variables_give_numbers_lists_and_text(tmp_path: Path) -> None:
    (tmp_path / "decodeat-ops.toml").write_text("")
    given = {
        "ACCOUNT": "012345678901",
        "DESIRED": "3",
        "LOG_RETENTION_DAYS": "7",
        "SUBNETS": '["subnet-1", "subnet-2"]',
    }
    environ = {f"DECODEAT_OPS_ECS__{name}": value for name, value in given.items()}
    ecs = load(tmp_path / "decodeat-ops.toml", environ={**environ, "DECODEAT_OPS_TARGET": "ecs"}).settings.ecs
    assert (ecs.account, ecs.desired, ecs.log_retention_days) == ("012345678901", 3, 7)
    assert ecs.subnets == ["subnet-1", "subnet-2"]


def test_other_targets_tables_are_no_part_of_what_a_plan_is_made_of() -> None:
    plain = {"name": "demo"}
    local = Settings.model_validate({**plain, "ecs": {"account": ACCOUNT}})
    assert local.of_target() == Settings.model_validate(plain).of_target()
    assert list(json.loads(local.of_target())) == ["name", "target", "local", "service", "backup", "checks", "logs"]
    ecs = Settings.model_validate({**plain, "target": "ecs", "local": {"port": 9}})
    assert ecs.of_target() == Settings.model_validate({**plain, "target": "ecs"}).of_target()
    assert ecs.of_target() != Settings.model_validate({**plain, "target": "ecs", "ecs": {"cpu": 512}}).of_target()
    assert set(ELSEWHERE) == {"local", "ecs", "vm"}


AWS = '[service.secrets]\nGEMINI_API_KEY = "aws-secretsmanager:shared#gemini"\nAPI_KEYS = "env:KEYS"\n'


def test_a_secret_in_aws_stays_there(tmp_path: Path) -> None:
    loaded = loaded_from(tmp_path, SETTINGS + AWS)
    found = resolve(loaded, environ={"KEYS": "a-key-of-mine"})
    assert {name: secret.reveal() for name, secret in found.items()} == {"API_KEYS": "a-key-of-mine"}
    assert loaded.settings.service.references("aws-secretsmanager") == {"GEMINI_API_KEY": "shared#gemini"}


def test_another_target_says_that_it_can_not_read_it(tmp_path: Path) -> None:
    loaded = loaded_from(tmp_path, AWS)
    with pytest.raises(Configuration, match="target local can't read it; --target ecs can"):
        resolve(loaded, environ={"KEYS": "a-key-of-mine"})


@pytest.mark.parametrize("reference", ["aws-secretsmanager:", "aws-secretsmanager:#key", "aws:shared", "secret-text"])
def test_what_is_no_reference_is_refused_and_not_repeated(tmp_path: Path, reference: str) -> None:
    told = refused(tmp_path, f'[service.secrets]\nAPI_KEYS = "{reference}"\n')
    assert "API_KEYS must be a reference" in told
    assert "secret-text" not in told
