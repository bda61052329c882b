"""What everything is called in AWS, and what the settings have to give."""

from pathlib import Path

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.targets.ecs.names import Names, built_repository, in_ecr
from tests.support.aws import ACCOUNT, GREEN, GROUP, REGION, RULE, SETTINGS, loaded_from


def test_everything_has_the_deployments_name_unless_the_settings_say_another(tmp_path: Path) -> None:
    names = Names.of(loaded_from(tmp_path))
    assert {names.cluster, names.service, names.family, names.secret} == {"demo-production"}
    assert names.execution_role_arn == f"arn:aws:iam::{ACCOUNT}:role/demo-production-execution"
    assert names.task_role_arn == f"arn:aws:iam::{ACCOUNT}:role/demo-production-task"
    assert names.log_group == "/ecs/demo-production"
    assert names.repository == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/demo"
    assert names.place == f"demo-production/demo-production in eu-central-1, account {ACCOUNT}"
    assert names.tags() == [{"key": "decodeat-ops:deployment", "value": "demo-production"}]
    assert (names.pull_secret, names.target_groups, names.infrastructure_role_arn) == ("", (), "")
    own = 'cluster = "shared"\nservice = "web"\nfamily = "labels"\nlog_group = "/our/logs"\n'
    role = f"arn:aws:iam::{ACCOUNT}:role/our/tasks"
    names = Names.of(loaded_from(tmp_path, f'{SETTINGS}{own}task_role = "{role}"\n'))
    assert (names.cluster, names.service, names.family) == ("shared", "web", "labels")
    assert (names.task_role_arn, names.log_group) == (role, "/our/logs")


@pytest.mark.parametrize(
    ("region", "partition", "ending"),
    [("eu-central-1", "aws", ".com"), ("cn-north-1", "aws-cn", ".com.cn"), ("us-gov-west-1", "aws-us-gov", ".com")],
)
def test_arns_and_registry_are_those_of_the_regions_partition(
    tmp_path: Path, region: str, partition: str, ending: str
) -> None:
    names = Names.of(loaded_from(tmp_path, SETTINGS.replace(REGION, region)))
    assert names.execution_role_arn.startswith(f"arn:{partition}:iam::")
    assert names.repository == f"{ACCOUNT}.dkr.ecr.{region}.amazonaws{ending}/demo"
    registry = in_ecr(names.repository)
    assert registry is not None
    assert (registry.account, registry.region, names.of_ours) == (ACCOUNT, region, True)


def test_all_missing_keys_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(Configuration) as raised:
        Names.of(loaded_from(tmp_path, 'target = "ecs"\n[ecs]\nstrategy = "canary"\n'))
    wanted = ("account", "region", "subnets", "security_groups", "target_group", "green_target_group", "listener_rule")
    assert all(f"ecs.{key}" in str(raised.value) for key in (*wanted, "infrastructure_role"))
    assert "ecs.account: The AWS account, 12 digits; another one is refused" in raised.value.advice.lines
    with pytest.raises(Configuration) as raised:
        Names.of(loaded_from(tmp_path, SETTINGS.replace('security_groups = ["sg-0c"]\n', "")))
    assert str(raised.value) == "--target ecs needs ecs.security_groups, which the settings don't give."


def test_a_shift_names_both_target_groups_and_its_role(tmp_path: Path) -> None:
    shift = f'strategy = "linear"\ntarget_group = "{GROUP}"\ngreen_target_group = "{GREEN}"\nlistener_rule = "{RULE}"\n'
    names = Names.of(loaded_from(tmp_path, f'{SETTINGS}{shift}infrastructure_role = "shifter"\n'))
    assert names.target_groups == (GROUP, GREEN)
    assert names.infrastructure_role_arn == f"arn:aws:iam::{ACCOUNT}:role/shifter"


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("docker.io/library/decodeat:1.2", "docker.io/library/decodeat"),
        (f"registry.example.com:5000/a/b@sha256:{'0' * 64}", "registry.example.com:5000/a/b"),
        (f"registry.example.com:5000/a/b:1.2@sha256:{'0' * 64}", "registry.example.com:5000/a/b"),
    ],
)
def test_an_image_of_somebody_else_says_its_repository(tmp_path: Path, image: str, repository: str) -> None:
    names = Names.of(loaded_from(tmp_path, f'{SETTINGS}image = "{image}"\n'))
    assert (names.repository, in_ecr(names.repository), names.of_ours) == (repository, None, False)


def test_what_is_built_here_goes_to_a_registry_of_ours_whatever_image_is_named(tmp_path: Path) -> None:
    """`build` and `push` work without image.repository, and never push to where somebody else's image is."""
    ecr = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/demo"
    assert built_repository(loaded_from(tmp_path)) == ecr
    named = f'{SETTINGS}image = "docker.io/library/decodeat:1.2"\n'
    assert built_repository(loaded_from(tmp_path, named)) == ecr
    chosen = f'{named}[image]\nrepository = "registry.example.com/decodeat"\n'
    assert built_repository(loaded_from(tmp_path, chosen)) == "registry.example.com/decodeat"


def test_a_registry_with_a_login_gets_a_secret_for_tasks_and_ecr_none(tmp_path: Path) -> None:
    login = 'user = "robot"\npassword = "env:REGISTRY_PASSWORD"\n'
    elsewhere = f'{SETTINGS}[image]\nrepository = "registry.example.com/decodeat"\n{login}'
    assert Names.of(loaded_from(tmp_path, elsewhere)).pull_secret == "demo-production-registry"
    chosen = elsewhere.replace("[image]", 'pull_secret = "shared/registry"\n[image]')
    assert Names.of(loaded_from(tmp_path, chosen)).pull_secret == "shared/registry"
    ecr = f'{SETTINGS}[image]\nrepository = "999999999999.dkr.ecr.{REGION}.amazonaws.com/decodeat"\n{login}'
    names = Names.of(loaded_from(tmp_path, ecr))
    assert (names.pull_secret, names.of_ours) == ("", False)
