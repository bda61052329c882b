"""A release that ran before is judged by the roles and the log that its own revision names, not by the settings'."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.target import Origin
from decodeat_ops.targets.ecs import verifying
from decodeat_ops.targets.ecs.findings import Verdict
from tests.unit.targets.ecs.cloud import ACCOUNT, REGION, Call, Cloud, Reply, place, refused
from tests.unit.targets.ecs.healthy import allowed, healthy, role
from tests.unit.targets.ecs.test_verifying import DIGEST, NEW, NOTHING
from tests.unit.targets.ecs.wrong import ECR, decided

Judge = Callable[..., Verdict]
THEN = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/decodeat-production:7"
RAN = replace(NEW, id="r1", image=f"{ECR}@{DIGEST}", task_definition=THEN)
TODAYS = {"ecs": {"execution_role": "todays-execution", "task_role": "todays-task", "log_group": "/todays"}}
KEPT, COPIED = Origin("kept", of=RAN), Origin("copied", of=RAN)
JUDGES: list[tuple[Judge, Origin]] = [
    (verifying.problems, KEPT), (verifying.startable, KEPT), (verifying.startable, COPIED)
]  # fmt: skip
OF_RAN = pytest.mark.parametrize(("judge", "origin"), JUDGES, ids=["rollback", "start", "restart"])


def of_then(**container: Any) -> dict[str, Any]:
    """Describe the revision that ran; `container` is what its container has beside its name."""
    roles = {f"{one}RoleArn": f"arn:aws:iam::{ACCOUNT}:role/then-{one}" for one in ("execution", "task")}
    names = [{"name": "side"}, {"name": "decodeat", "image": RAN.image, **container}]
    return {"taskDefinition": {"taskDefinitionArn": THEN, **roles, "containerDefinitions": names}}


LOGS = {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/then"}}}


def ran(
    tmp_path: Path,
    judge: Judge,
    origin: Origin,
    gone: str = "",
    *,
    document: Any = None,
    sections: Any = TODAYS,
    more: Mapping[Call, Reply] | None = None,
) -> tuple[Verdict, list[str]]:
    """Judge a release that ran with roles and a log of then, where one of all names is gone; return who was asked."""
    asked: list[str] = []

    def role_of(params: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(params["RoleName"])
        if params["RoleName"] == gone or params["RoleName"].startswith("todays"):
            raise refused("NoSuchEntity")
        return role(params)

    def groups(params: Mapping[str, Any]) -> Mapping[str, Any]:
        name = params["logGroupNamePrefix"]
        asked.append(name)
        return {"logGroups": [] if name in (gone, "/todays") else [{"logGroupName": name}]}

    answers: dict[Call, Reply] = {
        ("ecs", "DescribeTaskDefinition"): document or of_then(**LOGS),
        ("ecr", "DescribeImages"): {"imageDetails": [{"imageDigest": DIGEST}]},
        ("iam", "GetRole"): role_of,
        ("logs", "DescribeLogGroups"): groups,
    }
    here = place(Cloud({**healthy(), **answers, **(more or {})}), tmp_path, sections)
    return judge(here, RAN, origin, NOTHING), asked


@OF_RAN
def test_what_only_the_settings_name_keeps_nothing_from_starting(tmp_path: Path, judge: Judge, origin: Origin) -> None:
    """They name what the next bootstrap makes; what is started has its own."""
    verdict, asked = ran(tmp_path, judge, origin)
    assert verdict == Verdict() and {*asked} == {"then-execution", "then-task", "/then"}


@OF_RAN
@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("then-execution", "there is no role then-execution; that revision names it"),
        ("then-task", "there is no role then-task; that revision names it"),
        ("/then", f"there is no log group /then in {REGION}; that revision names it"),
    ],
)
def test_what_the_revision_names_and_is_gone_is_told_before(
    tmp_path: Path, judge: Judge, origin: Origin, gone: str, words: str
) -> None:
    (problem,) = ran(tmp_path, judge, origin, gone)[0].problems
    assert words in problem and "`decodeat-ops deploy`" in problem and "bootstrap" not in problem


def test_a_rollback_needs_the_right_to_pass_the_roles_of_then_alone(tmp_path: Path) -> None:
    def passing(role_name: str) -> dict[Call, Reply]:
        """Answer that this one role may not be passed."""

        def simulated(params: Mapping[str, Any]) -> Mapping[str, Any]:
            forbidden = params["ResourceArns"] == [f"arn:aws:iam::{ACCOUNT}:role/{role_name}"]
            return decided("iam:PassRole", "implicitDeny")(params) if forbidden else allowed(params)  # type: ignore[operator]

        return {("iam", "SimulatePrincipalPolicy"): simulated}

    for name in ("todays-execution", "todays-task"):
        assert ran(tmp_path, verifying.problems, KEPT, more=passing(name))[0] == Verdict()
    for name in ("then-execution", "then-task"):
        verdict = ran(tmp_path, verifying.problems, KEPT, more=passing(name))[0]
        (doubt,) = verdict.doubts
        assert f"iam:PassRole on arn:aws:iam::{ACCOUNT}:role/{name}" in doubt and "AWS may ask for it" in doubt
        assert verdict.problems == (), "nothing is registered, so AWS may well let it through"


@OF_RAN
def test_what_the_settings_name_as_well_is_made_by_a_bootstrap(tmp_path: Path, judge: Judge, origin: Origin) -> None:
    same = {"ecs": {"execution_role": "then-execution", "task_role": "then-task", "log_group": "/then"}}
    for gone in ("then-execution", "/then"):
        (problem,) = ran(tmp_path, judge, origin, gone, sections=same)[0].problems
        assert "`decodeat-ops bootstrap` makes it" in problem


@OF_RAN
def test_a_revision_without_a_log_in_cloudwatch_needs_no_log_group(
    tmp_path: Path, judge: Judge, origin: Origin
) -> None:
    verdict, asked = ran(tmp_path, judge, origin, document=of_then())
    assert verdict == Verdict() and {*asked} == {"then-execution", "then-task"}


def test_a_revisions_role_of_another_path_is_not_said_to_be_the_settings(tmp_path: Path) -> None:
    document = of_then(**LOGS)
    document["taskDefinition"]["taskRoleArn"] = f"arn:aws:iam::{ACCOUNT}:role/team/then-task"
    (problem,) = ran(tmp_path, verifying.startable, KEPT, document=document)[0].problems
    assert problem.endswith(f"and that revision names arn:aws:iam::{ACCOUNT}:role/team/then-task")
