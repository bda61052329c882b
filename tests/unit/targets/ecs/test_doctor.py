"""What a deploy needs is looked at by the doctor too: an engine, rights and room for its tasks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.checks import words
from decodeat_ops.checks.run import run
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Finding, Status
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.targets.ecs import checks
from decodeat_ops.targets.ecs.observing import observe
from decodeat_ops.targets.ecs.view import EcsView
from tests.unit.targets.ecs.cloud import Call, Cloud, Reply, place
from tests.unit.targets.ecs.healthy import SECTIONS, healthy
from tests.unit.targets.ecs.wrong import decided

NO_SERVICE: Mapping[Call, Reply] = {
    ("ecs", "DescribeServices"): {"services": []},
    ("ecs", "ListTaskDefinitions"): {"taskDefinitionArns": []},
}


def asked(home: Path, name: str, answers: Mapping[Call, Reply] | None = None, images: Any = None) -> Finding:
    """Run one check in an account where nothing is deployed yet."""
    here = place(Cloud({**healthy(), **NO_SERVICE, **(answers or {})}), home, SECTIONS)
    if images is not None:
        object.__setattr__(here, "images", images)
    subject = Subject(here.loaded, EcsView(here, {}), lambda: observe(here), home, {})
    (finding,) = run((name,), subject)
    assert words.sentence(finding) and words.sentence(finding, "ko")
    return finding


def test_it_asks_for_all_that_a_deploy_would_refuse() -> None:
    assert {"ecs.engine", "ecs.rights", "ecs.quota", "ecs.alarms"} <= set(checks.DOCTOR)


@pytest.mark.parametrize("name", ["ecs.engine", "ecs.rights", "ecs.quota"])
def test_a_healthy_account_passes(tmp_path: Path, name: str) -> None:
    assert asked(tmp_path, name).status is Status.PASS


def test_without_an_engine_nothing_is_built(tmp_path: Path) -> None:
    def none() -> Any:
        raise Unreachable("There is no engine at unix:///nowhere.")

    finding = asked(tmp_path, "ecs.engine", images=none)
    assert finding.status is Status.FAIL and "unix:///nowhere" in words.hint(finding)


def test_a_right_that_is_missing_is_named(tmp_path: Path) -> None:
    denied: Mapping[Call, Reply] = {("iam", "SimulatePrincipalPolicy"): decided("ecs:CreateService", "implicitDeny")}
    finding = asked(tmp_path, "ecs.rights", denied)
    assert finding.status is Status.FAIL and "ecs:CreateService" in words.hint(finding)


def test_a_quota_that_is_too_small_is_named(tmp_path: Path) -> None:
    small: Mapping[Call, Reply] = {("service-quotas", "GetServiceQuota"): {"Quota": {"Value": 1.0}}}
    finding = asked(tmp_path, "ecs.quota", small)
    assert finding.status is Status.FAIL and "may use 1 of Fargate" in words.hint(finding)
