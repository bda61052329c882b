"""Given no address in the settings, when the load balancer's own name can't confirm a release, that is a problem."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.targets.ecs.cloud import Call, Reply
from tests.unit.targets.ecs.healthy import DNS, GREEN, GROUP, SECTIONS, listener
from tests.unit.targets.ecs.test_verifying import judged

ELSEWHERE = [{"Type": "forward", "TargetGroupArn": "arn:other"}]
SECURE = [{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "StatusCode": "HTTP_301"}}]
OURS = [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": GREEN, "Weight": 100}]}}]


def rule(priority: str, actions: list[dict[str, Any]], *conditions: Mapping[str, Any]) -> dict[str, Any]:
    return {"Priority": priority, "Actions": actions, "Conditions": list(conditions)}


def path(*patterns: str) -> dict[str, Any]:
    return {"Field": "path-pattern", "Values": list(patterns)}


def host(*patterns: str) -> dict[str, Any]:
    return {"Field": "host-header", "HostHeaderConfig": {"Values": list(patterns)}}


def problems(tmp_path: Path, listeners: list[dict[str, Any]], *rules: dict[str, Any], **ecs: Any) -> tuple[str, ...]:
    def answer(params: Mapping[str, Any]) -> dict[str, Any]:
        if "RuleArns" in params:
            return {"Rules": [{"Actions": [{"TargetGroupArn": GROUP}]}]}
        return {"Rules": [*rules, {"Priority": "default", "IsDefault": True, "Actions": []}]}

    answers: dict[Call, Reply] = {
        ("elbv2", "DescribeListeners"): {"Listeners": listeners},
        ("elbv2", "DescribeRules"): answer,
    }
    sections = {**SECTIONS, "ecs": {**SECTIONS["ecs"], **ecs}}
    verdict = judged(tmp_path, answers, sections=sections)
    assert verdict.doubts == ()
    return verdict.problems


@pytest.mark.parametrize(
    "listeners",
    [
        [],
        [listener(Port=443, Protocol="HTTPS")],
        [listener(Port=8080)],
        [listener(DefaultActions=ELSEWHERE)],
        [listener(DefaultActions=SECURE), listener(Port=443, Protocol="HTTPS")],
        [listener(Protocol="TLS")],
        [listener(Protocol="TCP", DefaultActions=ELSEWHERE)],
    ],
    ids=["none", "https alone", "another port", "elsewhere", "redirect", "tls", "tcp elsewhere"],
)
def test_a_name_that_no_plain_request_gets_through_is_a_problem(
    tmp_path: Path, listeners: list[dict[str, Any]]
) -> None:
    (problem,) = problems(tmp_path, listeners)
    assert f"GET http://{DNS}/health" in problem and "set ecs.address to the URL that clients use" in problem


def test_with_an_address_nobody_asks_for_listeners(tmp_path: Path) -> None:
    assert problems(tmp_path, [], address="https://api.example.com") == ()


@pytest.mark.parametrize("protocol", ["TCP", "TCP_UDP"])
def test_a_network_load_balancer_has_no_rules(tmp_path: Path, protocol: str) -> None:
    assert problems(tmp_path, [listener(Protocol=protocol)], rule("1", ELSEWHERE)) == ()


@pytest.mark.parametrize(
    ("rules", "reaches"),
    [
        ((rule("1", OURS, path("/*")),), True),
        ((rule("1", OURS, path("/health", "/ready")),), True),
        ((rule("1", OURS, {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/h??lth"]}}),), True),
        ((rule("1", OURS, host("*.ELB.amazonaws.com")),), True),
        ((rule("1", OURS, {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}}),), True),
        ((rule("1", OURS, host("api.example.com")),), False),
        ((rule("1", OURS, path("/*"), host("api.example.com")),), False),
        ((rule("1", OURS, path("/v1/*")),), False),
        ((rule("1", OURS, {"Field": "http-header", "HttpHeaderConfig": {"Values": ["*"]}}),), False),
        ((rule("10", OURS, path("/*")), rule("9", SECURE, path("/*"))), False),
        ((rule("10", SECURE, path("/*")), rule("9", OURS, path("/*"))), True),
    ],
)
def test_the_first_rule_that_the_request_meets_decides(
    tmp_path: Path, rules: tuple[dict[str, Any], ...], reaches: bool
) -> None:
    found = problems(tmp_path, [listener(DefaultActions=ELSEWHERE)], *rules)
    assert (found == ()) is reaches, found


def test_a_rule_that_takes_the_request_away_hides_the_default(tmp_path: Path) -> None:
    assert len(problems(tmp_path, [listener()], rule("1", SECURE, path("/*")))) == 1
