"""The platform's own probes: each can fail, a permission that is missing is no fault of the release."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.checks import words
from decodeat_ops.checks.lists import CHECKLISTS
from decodeat_ops.checks.registry import checks_of
from decodeat_ops.checks.run import run
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Finding, Status
from decodeat_ops.core.ports import Endpoint
from decodeat_ops.targets.ecs import checks
from decodeat_ops.targets.ecs.observing import observe
from decodeat_ops.targets.ecs.view import EcsView
from tests.support.aws import ACCOUNT, GROUP, IDENTITY, REGION, SETTINGS, refused
from tests.unit.targets.ecs.healthy import role
from tests.unit.targets.ecs.seen import ONE, TWO, Script, Seen, Web, deployment, said, task

BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/web/0123"
BALANCED = f'{SETTINGS}\ntarget_group = "{GROUP}"\nalarms = ["errors", "slow"]\n'
OPENED = {
    "elbv2:DescribeTargetGroups": {"TargetGroups": [{"TargetGroupArn": GROUP, "LoadBalancerArns": [BALANCER]}]},
    "elbv2:DescribeLoadBalancers": {
        "LoadBalancers": [{"LoadBalancerArn": BALANCER, "DNSName": "web.example.com", "Type": "application"}]
    },
}


def asked(home: Path, name: str, looked_at: Seen | None = None, text: str = SETTINGS, **ports: Any) -> Finding:
    """Run one check on release TWO at clients' address."""
    place = (looked_at or Seen()).place(home, text, **ports)
    view = EcsView(place, {})
    subject = Subject(place.loaded, view, lambda: observe(place), home, {}, TWO, Endpoint("127.0.0.1", 1))
    (finding,) = run((name,), subject)
    assert words.sentence(finding) and words.sentence(finding, "ko")
    return finding


def outcome(finding: Finding) -> tuple[Status, str]:
    return finding.status, finding.says


# Deployment


@pytest.mark.parametrize(
    ("deployments", "wanted"),
    [
        ([deployment(2)], (Status.PASS, "ecs.complete")),
        ([deployment(1)], (Status.FAIL, "ecs.other_release")),
        ([deployment(2, rolloutState="FAILED")], (Status.FAIL, "ecs.failed")),
        ([deployment(2, rolloutState="IN_PROGRESS")], (Status.FAIL, "ecs.under_way")),
        ([deployment(2), deployment(1, status="ACTIVE")], (Status.FAIL, "ecs.under_way")),
        ([deployment(2, runningCount=1)], (Status.FAIL, "ecs.too_few")),
    ],
)
def test_one_complete_deployment_of_the_release(tmp_path: Path, deployments: Any, wanted: Any) -> None:
    assert outcome(asked(tmp_path, "ecs.deployment", Seen(deployments=deployments))) == wanted


def test_no_service_is_a_failure(tmp_path: Path) -> None:
    assert outcome(asked(tmp_path, "ecs.deployment", Seen(service=None))) == (Status.FAIL, "release.none")


# Targets


def targets(*states: str) -> dict[str, Any]:
    told = [
        {"Target": {"Id": f"10.0.0.{number}", "Port": 8000}, "TargetHealth": {"State": state}}
        for number, state in enumerate(states)
    ]
    return {"elbv2:DescribeTargetHealth": {"TargetHealthDescriptions": told}}


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        (("healthy", "healthy", "draining"), (Status.PASS, "ecs.healthy")),
        (("healthy", "initial"), (Status.WARN, "ecs.starting")),
        (("healthy", "unhealthy"), (Status.FAIL, "ecs.sick")),
        (("initial",), (Status.FAIL, "ecs.sick")),
        ((), (Status.FAIL, "ecs.sick")),
    ],
)
def test_every_target_is_healthy(tmp_path: Path, states: tuple[str, ...], wanted: Any) -> None:
    assert outcome(asked(tmp_path, "ecs.targets", Seen(more=targets(*states)), BALANCED)) == wanted


def test_without_a_balancer_there_are_no_targets(tmp_path: Path) -> None:
    assert outcome(asked(tmp_path, "ecs.targets")) == (Status.SKIP, "ecs.no_balancer")


# Alarms


def alarm(name: str, state: str = "OK", **more: Any) -> dict[str, Any]:
    return {"AlarmName": name, "StateValue": state, "StateReason": "3 > 1", "AlarmActions": ["arn:topic"], **more}


@pytest.mark.parametrize(
    ("found", "rings", "reach"),
    [
        ([alarm("errors"), alarm("slow")], (Status.PASS, "ecs.alarms_quiet"), (Status.PASS, "ecs.alarms_told")),
        ([alarm("errors")], (Status.FAIL, "ecs.alarm_missing"), (Status.PASS, "ecs.alarms_told")),
        (
            [alarm("errors", "ALARM"), alarm("slow", AlarmActions=[])],
            (Status.FAIL, "ecs.alarm_rings"),
            (Status.WARN, "ecs.alarm_mute"),
        ),
        (
            [alarm("errors", "INSUFFICIENT_DATA"), alarm("slow", ActionsEnabled=False)],
            (Status.WARN, "ecs.alarm_blind"),
            (Status.WARN, "ecs.alarm_mute"),
        ),
    ],
)
def test_alarms_are_there_quiet_and_heard(tmp_path: Path, found: Any, rings: Any, reach: Any) -> None:
    looked_at = Seen(more={"cloudwatch:DescribeAlarms": {"MetricAlarms": found[:1], "CompositeAlarms": found[1:]}})
    assert outcome(asked(tmp_path, "ecs.alarms", looked_at, BALANCED)) == rings
    assert outcome(asked(tmp_path, "alerts.reach", looked_at, BALANCED)) == reach
    assert outcome(asked(tmp_path, "ecs.alarms", looked_at)) == (Status.SKIP, "ecs.no_alarms")


# Metrics


def measured(since: Mapping[str, list[float]], before: Mapping[str, list[float]] | None = None) -> dict[str, Any]:
    """Answer GetMetricData: for a time that ends with the deployment's begin, with what was before."""

    def answer(params: Mapping[str, Any]) -> dict[str, Any]:
        values = (before or {}) if params["EndTime"] - params["StartTime"] >= timedelta(hours=1) else since
        results = [
            {"Id": one["Id"], "Values": values.get(one["Id"].partition("_")[0], [])}
            for one in params["MetricDataQueries"]
        ]
        return {"MetricDataResults": results}

    return {**OPENED, "cloudwatch:GetMetricData": answer}


def serving(minutes: float, more: dict[str, Any]) -> Seen:
    began = datetime.now(UTC) - timedelta(minutes=minutes)
    return Seen(deployments=[deployment(2, createdAt=began)], more=more)


@pytest.mark.parametrize(
    ("errors", "wanted"),
    [([], (Status.PASS, "ecs.no_errors")), ([1.0], (Status.WARN, "ecs.errors_seen")),
     ([1.0, 20.0], (Status.FAIL, "ecs.errors_seen"))],
)  # fmt: skip
def test_errors_are_counted_against_requests(tmp_path: Path, errors: list[float], wanted: Any) -> None:
    looked_at = serving(60, measured({"requests": [150.0, 50.0], "errors": errors}))
    found = asked(tmp_path, "ecs.errors", looked_at, BALANCED)
    assert outcome(found) == wanted
    assert (found.evidence["requests"], found.evidence["minutes"]) == (200, 15)


def test_errors_of_the_load_balancer_itself_are_told(tmp_path: Path) -> None:
    """It answers 502, 503 and 504 in the place of tasks, and counts them for everything that it stands before."""
    for requests in ([], [9.0]):
        told = measured({"requests": requests, "refused": [3.0]})
        assert outcome(asked(tmp_path, "ecs.errors", serving(60, told), BALANCED)) == (Status.WARN, "ecs.refused")
    both = measured({"requests": [9.0], "errors": [5.0], "refused": [3.0]})
    assert outcome(asked(tmp_path, "ecs.errors", serving(60, both), BALANCED)) == (Status.FAIL, "ecs.errors_seen")
    early = measured({"errors": [5.0], "refused": [3.0]})  # the requests of that minute are not counted yet
    assert outcome(asked(tmp_path, "ecs.errors", serving(60, early), BALANCED)) == (Status.FAIL, "ecs.errors_seen")
    alone = measured({"refused": [3.0]})
    assert outcome(asked(tmp_path, "ecs.latency", serving(60, alone), BALANCED)) == (Status.SKIP, "ecs.no_traffic")


@pytest.mark.parametrize(
    ("before", "wanted"),
    [([], (Status.PASS, "ecs.measured")), ([2.0], (Status.PASS, "ecs.as_before")),
     ([0.5], (Status.WARN, "ecs.slower"))],
)  # fmt: skip
def test_latency_is_compared_with_the_hour_before(tmp_path: Path, before: list[float], wanted: Any) -> None:
    told = measured({"requests": [9.0], "p95": [0.4, 2.1]}, {"requests": [9.0], "p95": before})
    found = asked(tmp_path, "ecs.latency", serving(60, told), BALANCED)
    assert outcome(found) == wanted
    assert found.evidence["p95"] == 2100


@pytest.mark.parametrize("name", ["ecs.errors", "ecs.latency"])
def test_what_was_not_measured_is_not_judged(tmp_path: Path, name: str) -> None:
    busy = measured({"requests": [9.0], "p95": [0.1]})
    assert outcome(asked(tmp_path, name, serving(1, busy), BALANCED)) == (Status.SKIP, "ecs.too_early")
    assert outcome(asked(tmp_path, name, serving(60, measured({})), BALANCED)) == (Status.SKIP, "ecs.no_traffic")
    assert outcome(asked(tmp_path, name, serving(60, busy))) == (Status.SKIP, "ecs.no_balancer")
    network = {"elbv2:DescribeLoadBalancers": {"LoadBalancers": [{"LoadBalancerArn": BALANCER, "Type": "network"}]}}
    assert outcome(asked(tmp_path, name, serving(60, {**busy, **network}), BALANCED))[1] == "ecs.no_balancer"


def test_the_queries_name_balancer_and_target_group(tmp_path: Path) -> None:
    looked_at = serving(60, measured({"requests": [9.0]}))
    place = looked_at.place(tmp_path, BALANCED)
    view = EcsView(place, {})
    run(("ecs.errors",), Subject(place.loaded, view, lambda: observe(place), tmp_path, {}, TWO, None))
    query = place.aws.made("cloudwatch:GetMetricData")[0]["MetricDataQueries"][0]  # type: ignore[attr-defined]
    assert query["MetricStat"]["Metric"]["Dimensions"] == [
        {"Name": "LoadBalancer", "Value": "app/web/0123"},
        {"Name": "TargetGroup", "Value": "targetgroup/blue/0123456789abcdef"},
    ]
    queries = place.aws.made("cloudwatch:GetMetricData")[0]["MetricDataQueries"]  # type: ignore[attr-defined]
    assert queries[-1]["MetricStat"]["Metric"] == {
        "Namespace": "AWS/ApplicationELB",
        "MetricName": "HTTPCode_ELB_5XX_Count",
        "Dimensions": [{"Name": "LoadBalancer", "Value": "app/web/0123"}],
    }


@pytest.mark.parametrize(("values", "wanted"), [([7.4], "ecs.watched"), ([], "ecs.unmeasured")])
def test_cloudwatch_measures_the_tasks(tmp_path: Path, values: list[float], wanted: str) -> None:
    told = {"cloudwatch:GetMetricData": {"MetricDataResults": [{"Id": "cpu", "Values": values}]}}
    assert outcome(asked(tmp_path, "monitoring.targets", Seen(more=told)))[1] == wanted


def test_counters_of_several_tasks_are_not_compared(tmp_path: Path) -> None:
    assert outcome(asked(tmp_path, "monitoring.counters")) == (Status.SKIP, "ecs.counted_apart")
    alone = Seen(deployments=[deployment(2, runningCount=1)])
    assert outcome(asked(tmp_path, "monitoring.counters", alone, http=Web()))[1] == "metrics.other_release"


# Logs


def test_a_marked_request_arrives(tmp_path: Path) -> None:
    looked_at = Seen(tasks=[task("bb", 2)])
    script = Script(600)

    def later(headers: Mapping[str, str]) -> None:
        event = said("bb", f'{{"request_id": "{headers["X-Request-Id"]}"}}', 0)
        script.doing = [(4.0, lambda: looked_at.events.append(event))]

    found = asked(tmp_path, "logs.marker", looked_at, http=Web(later), clock=script)
    assert outcome(found) == (Status.PASS, "ecs.log_arrived")
    assert 4.0 <= found.evidence["latency"] < 10


def test_a_release_of_before_is_looked_for_in_its_own_log(tmp_path: Path) -> None:
    """What a rollback brought back writes where its revision says; today's settings may name another log."""
    read: list[str] = []

    def lines(params: Mapping[str, Any]) -> dict[str, Any]:
        read.append(params["logGroupName"])
        return {"events": [said("bb", params["filterPattern"].strip('"'), 0)]}

    looked_at = Seen(more={"logs:FilterLogEvents": lines})
    found = asked(tmp_path, "logs.marker", looked_at, SETTINGS + 'log_group = "/todays"\n', http=Web())
    assert outcome(found) == (Status.PASS, "ecs.log_arrived")
    assert {*read} == {found.evidence["log"]} == {"/ecs/demo-production"}


def test_a_request_without_a_line_is_told(tmp_path: Path) -> None:
    found = asked(tmp_path, "logs.marker", Seen(), http=Web(), clock=Script(600))
    assert outcome(found) == (Status.FAIL, "ecs.log_lost")


@pytest.mark.parametrize(
    ("groups", "wanted"),
    [
        ([{"logGroupName": "/ecs/demo-production", "retentionInDays": 30}], (Status.PASS, "ecs.log_kept")),
        ([{"logGroupName": "/ecs/demo-production"}], (Status.WARN, "ecs.log_for_ever")),
        ([{"logGroupName": "/ecs/demo-production-2"}], (Status.FAIL, "ecs.no_log_group")),
    ],
)
def test_the_log_group_collects_lines_for_a_time(tmp_path: Path, groups: Any, wanted: Any) -> None:
    looked_at = Seen(more={"logs:DescribeLogGroups": {"logGroups": groups}})
    assert outcome(asked(tmp_path, "logs.sink", looked_at)) == wanted


# The way back


def ways(**images: Any) -> dict[str, Any]:
    return {
        "ecr:DescribeImages": images.get("image", {"imageDetails": [{}]}),
        "secretsmanager:DescribeSecret": {"Name": "demo-production"},
        "ecs:DescribeClusters": {"clusters": [{"clusterName": "demo-production", "status": "ACTIVE"}]},
        "iam:GetRole": images.get("role", role),
        "logs:DescribeLogGroups": lambda params: {"logGroups": [{"logGroupName": params["logGroupNamePrefix"]}]},
    }


def test_a_role_of_then_that_is_gone_bars_the_way_back(tmp_path: Path) -> None:
    looked_at = Seen(more=ways(role=refused("iam:GetRole", "NoSuchEntity")))
    known = looked_at.aws().answers["ecs:DescribeTaskDefinition"]

    def described(params: Any) -> Any:
        told = known(params)  # type: ignore[operator]
        role_of_then = f"arn:aws:iam::{ACCOUNT}:role/then"
        return {**told, "taskDefinition": {**told["taskDefinition"], "executionRoleArn": role_of_then}}

    looked_at.more["ecs:DescribeTaskDefinition"] = described
    found = asked(tmp_path, "rollback.previous", looked_at)
    assert outcome(found) == (Status.FAIL, "ecs.no_way_back") and "there is no role then" in found.evidence["first"]


def test_a_rollback_finds_revision_image_and_secrets(tmp_path: Path) -> None:
    found = asked(tmp_path, "rollback.previous", Seen(more=ways()))
    assert outcome(found) == (Status.PASS, "ecs.way_back")
    assert found.evidence["kept"] == [TWO.id, ONE.id]


def test_an_image_that_is_gone_bars_the_way_back(tmp_path: Path) -> None:
    looked_at = Seen(more=ways(image=refused("ecr:DescribeImages", "ImageNotFoundException")))
    found = asked(tmp_path, "rollback.previous", looked_at)
    assert outcome(found) == (Status.FAIL, "ecs.no_way_back")
    assert "no longer in the registry" in found.evidence["first"]


def test_a_missing_permission_is_a_doubt_of_the_way_back(tmp_path: Path) -> None:
    looked_at = Seen(more=ways(image=refused("ecr:DescribeImages", "AccessDeniedException")))
    assert outcome(asked(tmp_path, "rollback.previous", looked_at)) == (Status.WARN, "ecs.unsure")


def test_a_deregistered_revision_is_no_way_back(tmp_path: Path) -> None:
    looked_at = Seen(more=ways())
    known = looked_at.aws().answers["ecs:DescribeTaskDefinition"]

    def described(params: Any) -> Any:
        told = known(params)  # type: ignore[operator]
        return {**told, "taskDefinition": {**told["taskDefinition"], "status": "INACTIVE"}}

    looked_at.more["ecs:DescribeTaskDefinition"] = described
    assert outcome(asked(tmp_path, "rollback.previous", looked_at)) == (Status.FAIL, "ecs.deregistered")


def test_a_first_deploy_has_no_way_back_yet(tmp_path: Path) -> None:
    assert outcome(asked(tmp_path, "rollback.previous", Seen(service=None))) == (Status.SKIP, "rollback.first")


# Security, code, account


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ('address = "https://api.example.com"', (Status.PASS, "ecs.https")),
        ('address = "http://api.example.com"', (Status.WARN, "ecs.http")),
        ("", (Status.WARN, "ecs.bare_tasks")),
    ],
)
def test_clients_use_tls(tmp_path: Path, more: str, wanted: Any) -> None:
    assert outcome(asked(tmp_path, "security.address", text=SETTINGS + more)) == wanted


def test_secrets_here_are_closed(tmp_path: Path) -> None:
    (tmp_path / "decodeat-ops.toml").touch(mode=0o600)
    env_file = tmp_path / "decodeat-ops.env"
    env_file.write_text("A=b\n")
    env_file.chmod(0o644)
    found = asked(tmp_path, "security.files")
    assert outcome(found) == (Status.FAIL, "security.readable")
    assert "decodeat-ops.env 0644" in found.evidence["files"]


def test_a_label_that_is_served_here_is_not_asked_for_there(tmp_path: Path) -> None:
    text = f'{SETTINGS}\n[checks]\nlabel_url = "http://127.0.0.1:8099/a.png"\n'
    place = Seen().place(tmp_path, text)
    view = EcsView(place, {})
    subject = Subject(place.loaded, view, lambda: observe(place), tmp_path, {}, TWO, Endpoint("api.example.com", 443))
    (found,) = run(("api.label",), subject)
    assert outcome(found) == (Status.SKIP, "ecs.label_here")


def test_variables_of_older_code_are_left_to_its_image(tmp_path: Path) -> None:
    package = tmp_path / "source" / "decodeat"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "requirements.txt").touch()
    place = Seen().place(tmp_path, f'{SETTINGS}\n[service]\nsource = "source"\n')
    subject = Subject(place.loaded, EcsView(place, {}), lambda: observe(place), tmp_path, {}, TWO, None)
    (found,) = run(("environment.valid",), replace(subject, coming=ONE))
    assert outcome(found) == (Status.SKIP, "ecs.in_image")
    (package / "__init__.py").unlink()
    assert run(("environment.valid",), replace(subject, coming=ONE))[0].says == "ecs.in_image"


def test_a_port_for_a_label_that_is_not_served_here_is_not_looked_at(tmp_path: Path) -> None:
    label = '[checks]\nlabel_url = "http://127.0.0.1:8099/a.png"\n'
    assert outcome(asked(tmp_path, "machine.label_port", text=f"{SETTINGS}\n{label}"))[1] == "machine.label_elsewhere"
    near = f'{SETTINGS}address = "http://127.0.0.1:1"\n{label}'
    assert outcome(asked(tmp_path, "machine.label_port", text=near))[1] != "machine.label_elsewhere"


def test_the_account_is_the_settings_own(tmp_path: Path) -> None:
    found = asked(tmp_path, "ecs.identity")
    assert (outcome(found), found.evidence["caller"]) == ((Status.PASS, "ecs.caller"), "user/operator")
    other = {"sts:GetCallerIdentity": {**IDENTITY, "Account": "999999999999"}}
    assert outcome(asked(tmp_path, "ecs.identity", Seen(more=other)))[0] is Status.FAIL


def test_an_endpoint_override_is_told(tmp_path: Path) -> None:
    text = f'{SETTINGS}\nendpoint = "http://127.0.0.1:4566"\n'
    assert outcome(asked(tmp_path, "ecs.endpoint", text=text)) == (Status.WARN, "ecs.overridden")
    assert outcome(asked(tmp_path, "ecs.endpoint")) == (Status.PASS, "ecs.itself")


def test_what_a_deploy_needs_is_judged_as_before_a_deploy(tmp_path: Path) -> None:
    nothing: dict[str, Any] = {"ecs:DescribeClusters": {"clusters": []}, "logs:DescribeLogGroups": {"logGroups": []}}
    found = asked(tmp_path, "ecs.platform", Seen(more=nothing))
    assert outcome(found) == (Status.FAIL, "ecs.lacks")
    assert len(found.evidence["problems"]) == 2
    denied = {**nothing, "ecs:DescribeClusters": refused("ecs:DescribeClusters", "AccessDeniedException"),
              "logs:DescribeLogGroups": {"logGroups": [{"logGroupName": "/ecs/demo-production"}]}}  # fmt: skip
    assert outcome(asked(tmp_path, "ecs.platform", Seen(more=denied))) == (Status.WARN, "ecs.unsure")


@pytest.mark.parametrize(
    ("name", "operation", "error"),
    [
        ("ecs.targets", "elbv2:DescribeTargetHealth", "AccessDenied"),
        ("ecs.alarms", "cloudwatch:DescribeAlarms", "AccessDenied"),
        ("alerts.reach", "cloudwatch:DescribeAlarms", "AccessDenied"),
        ("ecs.errors", "cloudwatch:GetMetricData", "AccessDenied"),
        ("ecs.latency", "elbv2:DescribeTargetGroups", "AccessDenied"),
        ("monitoring.targets", "cloudwatch:GetMetricData", "AccessDenied"),
        ("logs.marker", "logs:FilterLogEvents", "AccessDeniedException"),
        ("logs.sink", "logs:DescribeLogGroups", "AccessDeniedException"),
    ],
)
def test_a_missing_permission_is_no_fault_of_the_release(tmp_path: Path, name: str, operation: str, error: str) -> None:
    more = {**OPENED, operation: refused(operation, error)}
    found = asked(tmp_path, name, serving(60, more), BALANCED, http=Web(), clock=Script(600))
    assert outcome(found) == (Status.WARN, "ecs.denied")
    assert found.evidence["operation"] == operation


# All of them


def test_the_checklists_ask_ecs_too_and_locals_stay_as_they_are(tmp_path: Path) -> None:
    view = EcsView(Seen().place(tmp_path), {})
    known = checks_of(view)
    for name, chosen in CHECKLISTS.items():
        longer = chosen.with_more(view.proves)
        assert [item.id for item in longer.items] == [item.id for item in chosen.items]
        for before, after in zip(chosen.items, longer.items, strict=True):
            assert after.checks[: len(before.checks)] == before.checks
            assert set(after.checks) <= set(known), name
        assert chosen.with_more({}) == chosen
    asked_of = {item.id for chosen in CHECKLISTS.values() for item in chosen.items}
    assert set(checks.PROVES) <= asked_of
    assert set(checks.DOCTOR) <= set(known)
    assert len({check.id for module in checks.MODULES for check in module.CHECKS}) == sum(
        len(module.CHECKS) for module in checks.MODULES
    )
