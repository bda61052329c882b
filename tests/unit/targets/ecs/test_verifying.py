"""Before a deploy changes anything it names all that is wrong, and what it could not make sure of."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.image import RemoteImage
from decodeat_ops.core.target import Origin
from decodeat_ops.targets.ecs import verifying
from decodeat_ops.targets.ecs.findings import Verdict
from decodeat_ops.targets.ecs.observed import EcsObserved, ServiceState
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.verifying.roles import trusts
from tests.unit.targets.ecs.cloud import ACCOUNT, REGION, Call, Cloud, Reply, Shelf, Ticking, place
from tests.unit.targets.ecs.healthy import SECRET, SECTIONS, healthy, subnet
from tests.unit.targets.ecs.wrong import ECR, EXECUTION, WRONG, but, decided, strange_role

NOTHING = EcsObserved(None, None, (), frozenset())
BUILT = Origin("built")
NEW = EcsRelease("", "f", "c", "l", "s", "", "", "", "", "")
DIGEST = "sha256:" + "a" * 64


def judged(
    tmp_path: Path,
    answers: Mapping[Call, Reply] | None = None,
    *,
    sections: Any = SECTIONS,
    release: EcsRelease = NEW,
    origin: Origin = BUILT,
    observed: EcsObserved = NOTHING,
    shelf: Shelf | None = None,
) -> Verdict:
    cloud = Cloud({**healthy(), **(answers or {})})
    return verifying.problems(place(cloud, tmp_path, sections, shelf), release, origin, observed)


# Both groups are missing; three roles are passed; a new service is tagged as its revisions are; three secrets are read.
OF_SEVERAL = {
    "an execution role that may read no secret": 3,
    "no target group": 2, "a right that a policy takes": 3, "a right beyond the boundary": 2,
}  # fmt: skip


def test_a_healthy_account_has_neither_problems_nor_doubts(tmp_path: Path) -> None:
    assert judged(tmp_path) == Verdict()


@pytest.mark.parametrize("name", WRONG)
def test_each_problem_alone_is_named(tmp_path: Path, name: str) -> None:
    call, reply, words = WRONG[name]
    verdict = judged(tmp_path, {call: reply})
    assert any(words in problem for problem in verdict.problems), verdict
    assert len(verdict.problems) == OF_SEVERAL.get(name, 1), verdict
    assert verdict.doubts == ()


def test_a_verdict_without_problems_holds_for_a_minute(tmp_path: Path) -> None:
    """A plan is made before the lock and once more under it, a moment later: nothing is asked twice for that."""
    cloud = Cloud(healthy())
    here = place(cloud, tmp_path, SECTIONS)
    clock = cast(Ticking, here.clock)
    assert verifying.problems(here, NEW, BUILT, NOTHING) == Verdict()
    asked = len(cloud.asked)
    clock.moment += 59
    assert verifying.problems(here, NEW, BUILT, NOTHING) == Verdict() and len(cloud.asked) == asked
    changed = replace(NOTHING, guard=("ecs-svc/1",))
    verifying.problems(here, NEW, BUILT, changed)
    assert len(cloud.asked) > asked, "somebody else's deployment came meanwhile"
    asked = len(cloud.asked)
    clock.moment += 1
    cloud.answers["ecs", "DescribeClusters"] = {"clusters": []}
    for _ in range(2):
        assert len(verifying.problems(here, NEW, BUILT, NOTHING).problems) == 1 and len(cloud.asked) > asked
        asked = len(cloud.asked)


def test_a_list_that_ignores_its_filter_finds_no_group_that_was_not_asked_for(tmp_path: Path) -> None:
    others = {"SecurityGroups": [{"GroupId": name, "VpcId": "vpc-1"} for name in ("sg-z1", "sg-z2")]}
    verdict = judged(tmp_path, {("ec2", "DescribeSecurityGroups"): others})
    (problem,) = verdict.problems
    assert "there is no security group sg-a1" in problem


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    several = [
        "no cluster", "no log group, but one whose name goes on", "no repository", "no execution role", "no subnet",
        "a secret that is being deleted", "no such key", "no security group", "no target group", "no rule", "no alarm",
        "a quota that is too small", "a right that no policy gives",
    ]  # fmt: skip
    verdict = judged(tmp_path, {call: reply for call, reply, _ in (WRONG[name] for name in several)})
    for name in several:
        assert any(WRONG[name][2] in problem for problem in verdict.problems), name
    assert len(verdict.problems) == len(several) + 1  # both target groups are missing
    assert verdict.doubts == ()


def asked(tmp_path: Path) -> set[Call]:
    cloud = Cloud(healthy())
    verifying.problems(place(cloud, tmp_path, SECTIONS), NEW, BUILT, NOTHING)
    return {*cloud.asked}


def test_each_denied_look_is_a_doubt_and_no_problem(tmp_path: Path) -> None:
    looks = asked(tmp_path) - {("sts", "GetCallerIdentity")}
    assert looks == healthy().keys() - {("sts", "GetCallerIdentity")}
    for service, operation in looks - {("secretsmanager", "DescribeSecret")}:  # no deploy does without its answer
        verdict = judged(tmp_path, {(service, operation): "AccessDeniedException"})
        assert verdict.problems == (), operation
        assert any(f"{service}:{operation}" in doubt for doubt in verdict.doubts), operation


@pytest.mark.parametrize(
    ("call", "reply", "words"),
    [
        (("elbv2", "DescribeTargetGroups"), but("blue", Port=80), "the target group blue has port 80"),
        (
            ("cloudwatch", "DescribeAlarms"),
            {"CompositeAlarms": [{"AlarmName": "errors", "StateValue": "ALARM"}]},
            "the alarm errors rings already",
        ),
        (
            ("ec2", "DescribeSubnets"),
            {"Subnets": [subnet(one, AvailableIpAddressCount=1) for one in ("subnet-a1", "subnet-b2")]},
            "the subnets have 2 free addresses, and a deploy may need 4",
        ),
        (
            ("iam", "SimulatePrincipalPolicy"),
            decided("ecs:CreateService", "implicitDeny", MissingContextValues=["aws:RequestTag/team"]),
            "depends on aws:RequestTag/team",
        ),
        (
            ("iam", "SimulatePrincipalPolicy"),
            decided("ecr:PutImage", "implicitDeny"),
            f"no policy of the caller allows ecr:PutImage on arn:aws:ecr:{REGION}:{ACCOUNT}:repository/decodeat",
        ),
        (
            ("iam", "SimulatePrincipalPolicy"),
            decided("secretsmanager:GetSecretValue", "implicitDeny"),
            f"no policy of the role {EXECUTION} allows secretsmanager:GetSecretValue on {SECRET}; the resource's own",
        ),
        (
            ("iam", "SimulatePrincipalPolicy"),
            decided("ecs:TagResource", "implicitDeny", OrganizationsDecisionDetail={"AllowedByOrganizations": False}),
            "a policy of the organization may keep the caller from ecs:TagResource on",
        ),
        (
            ("iam", "SimulatePrincipalPolicy"),
            decided(
                "logs:PutLogEvents",
                "explicitDeny",
                ResourceSpecificResults=[{"MissingContextValues": ["aws:SourceVpce"]}],
            ),
            f"whether the role {EXECUTION} may logs:PutLogEvents on",
        ),
        (
            ("sts", "GetCallerIdentity"),
            {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root", "UserId": ACCOUNT},
            "root user",
        ),
        (("service-quotas", "GetServiceQuota"), "InternalFailure", "quota of Fargate could not be looked at"),
    ],
)
def test_what_is_not_certain_is_a_doubt(tmp_path: Path, call: Call, reply: Reply, words: str) -> None:
    verdict = judged(tmp_path, {call: reply})
    assert verdict.problems == ()
    assert any(words in doubt for doubt in verdict.doubts), verdict


def test_health_checks_of_a_network_load_balancer_have_no_path(tmp_path: Path) -> None:
    tcp = {"Protocol": "TCP", "HealthCheckProtocol": "TCP", "HealthCheckPath": "", "Matcher": {}}
    assert judged(tmp_path, {("elbv2", "DescribeTargetGroups"): but("blue", **tcp)}) == Verdict()


def test_a_range_of_states_takes_200(tmp_path: Path) -> None:
    reply = but("blue", Matcher={"HttpCode": "100,200-399"})
    assert judged(tmp_path, {("elbv2", "DescribeTargetGroups"): reply}) == Verdict()


def test_the_default_quota_counts_where_the_account_has_no_own(tmp_path: Path) -> None:
    answers: dict[Call, Reply] = {
        ("service-quotas", "GetServiceQuota"): "NoSuchResourceException",
        ("service-quotas", "GetAWSDefaultServiceQuota"): {"Quota": {"Value": 6.0}},
    }
    assert judged(tmp_path, answers) == Verdict()
    running = ServiceState("arn", "ACTIVE", desired=4, running=4, pending=0, task_definition="t")
    verdict = judged(tmp_path, answers, observed=replace(NOTHING, service=running))
    assert "up to 8 vCPUs" in verdict.problems[0]


def test_another_account_stops_before_anything_else_is_asked(tmp_path: Path) -> None:
    cloud = Cloud(healthy() | {("sts", "GetCallerIdentity"): {"Account": "9" * 12, "Arn": "arn:a", "UserId": "A"}})
    with pytest.raises(Configuration, match=f"account {'9' * 12}"):
        verifying.problems(place(cloud, tmp_path, SECTIONS), NEW, BUILT, NOTHING)
    assert cloud.asked == [("sts", "GetCallerIdentity")]


def test_an_image_that_is_brought_has_to_be_there_for_the_right_processors(tmp_path: Path) -> None:
    name = "registry.example.com/decodeat:1"
    sections = {**SECTIONS, "ecs": {**SECTIONS["ecs"], "image": name}}

    def verdict(shelf: Shelf) -> Verdict:
        return judged(tmp_path, sections=sections, shelf=shelf)

    assert verdict(Shelf({name: RemoteImage(DIGEST, frozenset({"linux/amd64"}))})) == Verdict()
    assert verdict(Shelf()).problems == (f"there is no image {name}",)
    arm = verdict(Shelf({name: RemoteImage(DIGEST, frozenset({"linux/arm64"}))}))
    assert arm.problems == (f"the image {name} is made for linux/arm64, and image.platform is linux/amd64",)
    assert verdict(Shelf(engine=False)).doubts == (f"the image {name} could not be looked at: There is no engine",)


@pytest.mark.parametrize("image", [f"{ECR}@{DIGEST}", f"registry.example.com/decodeat@{DIGEST}"])
def test_a_release_of_before_needs_its_image(tmp_path: Path, image: str) -> None:
    release = replace(NEW, id="r1", image=image)
    kept = Origin("kept", of=release)
    there = {("ecr", "DescribeImages"): {"imageDetails": [{"imageDigest": DIGEST}]}}
    shelf = Shelf({image: RemoteImage(DIGEST)})
    assert judged(tmp_path, there, release=release, origin=kept, shelf=shelf) == Verdict()
    away: dict[Call, Reply] = {("ecr", "DescribeImages"): "ImageNotFoundException"}
    (problem,) = judged(tmp_path, away, release=release, origin=kept).problems
    assert image in problem


def test_a_service_that_is_there_needs_the_right_to_update_it(tmp_path: Path) -> None:
    running = ServiceState("arn", "ACTIVE", desired=2, running=2, pending=0, task_definition="t")
    denied = {("iam", "SimulatePrincipalPolicy"): decided("ecs:UpdateService", "implicitDeny")}
    assert judged(tmp_path, denied) == Verdict()
    (problem,) = judged(tmp_path, denied, observed=replace(NOTHING, service=running)).problems
    assert "ecs:UpdateService" in problem


def test_going_back_without_rotated_secrets_registers_nothing(tmp_path: Path) -> None:
    denied: dict[Call, Reply] = {
        ("iam", "SimulatePrincipalPolicy"): decided("ecs:RegisterTaskDefinition", "implicitDeny"),
        ("ecr", "DescribeImages"): {"imageDetails": [{"imageDigest": DIGEST}]},
    }
    before = replace(NEW, id="r1", image=f"{ECR}@{DIGEST}")
    assert judged(tmp_path, denied, release=before, origin=Origin("kept", of=before)) == Verdict()
    rotated = replace(before, secrets="others")
    (problem,) = judged(tmp_path, denied, release=rotated, origin=Origin("kept", of=before)).problems
    assert "ecs:RegisterTaskDefinition" in problem


def test_migrations_need_the_right_to_run_a_task(tmp_path: Path) -> None:
    denied = {("iam", "SimulatePrincipalPolicy"): decided("ecs:RunTask", "implicitDeny")}
    assert judged(tmp_path, denied) == Verdict()
    service = {"environment": {"DATABASE_URL": "postgresql://db/x"}}
    (problem,) = judged(tmp_path, denied, sections={"service": service}).problems
    assert "ecs:RunTask" in problem


def test_what_is_not_configured_is_not_looked_at(tmp_path: Path) -> None:
    cloud = Cloud(healthy())
    assert verifying.problems(place(cloud, tmp_path), NEW, BUILT, NOTHING) == Verdict()
    services = {service for service, _ in cloud.asked}
    assert services == {"sts", "ecs", "logs", "ecr", "iam", "ec2", "service-quotas"}


def test_a_session_is_judged_by_its_role_with_its_path(tmp_path: Path) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso/Admin"
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/ann@example.com"
    sources: list[str] = []

    def simulated(params: Mapping[str, Any]) -> dict[str, Any]:
        sources.append(params["PolicySourceArn"])
        return {"EvaluationResults": []}

    judged(
        tmp_path,
        {
            ("sts", "GetCallerIdentity"): {"Account": ACCOUNT, "Arn": session, "UserId": "A:b"},
            ("iam", "GetRole"): strange_role("Admin", Arn=arn),
            ("iam", "SimulatePrincipalPolicy"): simulated,
        },
    )
    assert {*sources} == {arn, f"arn:aws:iam::{ACCOUNT}:role/{EXECUTION}"}


TRUST = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("statement", "holds"),
    [
        (TRUST, True),
        ({**TRUST, "Action": ["sts:AssumeRole", "sts:TagSession"]}, True),
        ({**TRUST, "Principal": {"Service": ["a", "ecs-tasks.amazonaws.com"]}}, True),
        ({**TRUST, "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}, True),
        ({**TRUST, "Condition": {"StringEquals": {"aws:SourceAccount": "9" * 12}}}, False),
        ({**TRUST, "Effect": "Deny"}, False),
        ({**TRUST, "Principal": "*"}, False),
        ({**TRUST, "Principal": {"AWS": ACCOUNT}}, False),
        ({**TRUST, "Action": "sts:TagSession"}, False),
    ],
)
def test_trust_is_read_as_iam_reads_it(statement: Mapping[str, Any], holds: bool) -> None:
    assert trusts({"Statement": [statement]}, "ecs-tasks.amazonaws.com", ACCOUNT) is holds
