"""The fake decides about calls as IAM does, and simulates the same decisions."""

from typing import Any

import pytest

from tests.servers.aws.clients import client
from tests.servers.aws.furnished import allowing, definition
from tests.servers.aws.policy import FULL, evaluate, trusts
from tests.unit.servers.aws_account import NAME, Rig, furnished_account, refused

__all__ = ["furnished_account"]


def statement(effect: str = "Allow", **parts: Any) -> dict[str, Any]:
    told = {"Effect": effect, "Action": "ecs:*", "Resource": "*"} | parts
    return {"Version": "2012-10-17", "Statement": [told]}


@pytest.mark.parametrize(
    ("policies", "context", "decision"),
    [
        ([FULL], {}, "allowed"),
        ([], {}, "implicitDeny"),
        ([FULL, statement("Deny")], {}, "explicitDeny"),
        ([statement(Action="ecs:Update*")], {}, "allowed"),
        ([statement(Action="ecs:update????????")], {}, "implicitDeny"),
        ([statement(Resource="arn:aws:ecs:*:*:service/a/*")], {}, "allowed"),
        ([statement(Resource="arn:aws:ecs:*:*:service/b/*")], {}, "implicitDeny"),
        ([statement(NotAction="ecs:Update*") | {}], {}, "implicitDeny"),
        ([statement(Condition={"StringEquals": {"ecs:cluster": "c"}})], {"ecs:cluster": ["c"]}, "allowed"),
        ([statement(Condition={"StringEquals": {"ecs:cluster": "c"}})], {"ecs:cluster": ["d"]}, "implicitDeny"),
        ([statement(Condition={"StringEquals": {"ecs:cluster": "c"}})], {}, "implicitDeny"),
        ([statement(Condition={"StringEqualsIfExists": {"ecs:cluster": "c"}})], {}, "allowed"),
        ([statement(Condition={"ArnLike": {"ecs:cluster": ["x", "c*"]}})], {"ecs:cluster": ["cc"]}, "allowed"),
        ([statement(Condition={"Null": {"ecs:cluster": "true"}})], {}, "allowed"),
    ],
)
def test_policies_are_evaluated(policies: list[Any], context: dict[str, list[str]], decision: str) -> None:
    for one in policies:
        for part in one["Statement"]:
            if "NotAction" in part:
                part.pop("Action", None)
    verdict = evaluate(policies, "ecs:UpdateService", "arn:aws:ecs:r:1:service/a/b", context)
    assert verdict.decision == decision
    assert bool(verdict.missing) is (
        "StringEquals" in str(policies) and "IfExists" not in str(policies) and not context
    )


def test_a_trust_policy_names_services_and_principals() -> None:
    document: dict[str, Any] = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:root"}, "Action": ["sts:AssumeRole"]},
        ],
    }
    assert trusts(document, "ecs-tasks.amazonaws.com") and trusts(document, "arn:aws:iam::1:user/a")
    document["Statement"][0]["Condition"] = {"StringEquals": {"aws:SourceAccount": "1"}}
    assert trusts(document, "ecs-tasks.amazonaws.com", {"aws:SourceAccount": ["1"]})
    assert not trusts(document, "ecs-tasks.amazonaws.com", {"aws:SourceAccount": ["2"]})
    assert not trusts(document, "ecs.amazonaws.com") and not trusts(document, "arn:aws:iam::2:user/a")


def test_permissions_are_taken_away_one_by_one(rig: Rig) -> None:
    fake = rig.fake
    fake.identity.deny("ecs:UpdateService", "secretsmanager:GetSecretValue", "iam:GetRole", "ec2:DescribeVpcs")
    rig.create(rig.register())
    explicit = "with an explicit deny in an identity-based policy"
    where = f"on resource: arn:aws:ecs:{fake.account.region}:{fake.account.id}:service/{NAME}/{NAME}"
    refused(lambda: rig.update(desiredCount=1), "AccessDeniedException", "ecs:UpdateService", where, explicit)
    fake.secrets.put("a", "1")
    secrets = client(fake, "secretsmanager")
    refused(lambda: secrets.get_secret_value(SecretId="a"), "AccessDeniedException", explicit)
    refused(lambda: client(fake, "iam").get_role(RoleName="a"), "AccessDenied", explicit)
    refused(client(fake, "ec2").describe_vpcs, "UnauthorizedOperation", "not authorized")
    fake.identity.deny("ecs:UpdateService", only=True)
    refused(
        lambda: rig.update(desiredCount=1), "AccessDeniedException",
        "because no identity-based policy allows the ecs:UpdateService action",
    )  # fmt: skip
    assert client(fake, "sts").get_caller_identity()["Arn"] == fake.identity.operator.arn


def test_roles_have_to_be_passed_and_tags_allowed(rig: Rig) -> None:
    document = definition(rig.fake, NAME, rig.image)
    register = rig.ecs.register_task_definition
    rig.fake.identity.allow_only(allowing("ecs:RegisterTaskDefinition"))
    refused(lambda: register(**document), "AccessDeniedException", "iam:PassRole", f"role/{NAME}-execution")
    passes = statement(
        Action="iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    )
    rig.fake.identity.allow_only(allowing("ecs:RegisterTaskDefinition"), passes)
    assert register(**document)["taskDefinition"]["revision"] == 1
    tagged = document | {"tags": [{"key": "a", "value": "1"}]}
    refused(lambda: register(**tagged), "AccessDeniedException", "ecs:TagResource")
    creating = {"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}}
    rig.fake.identity.operator.policies["tags"] = statement(Action="ecs:TagResource", Condition=creating)
    assert register(**tagged)["taskDefinition"]["revision"] == 2


def test_the_simulation_answers_from_the_same_policies(rig: Rig) -> None:
    fake, iam = rig.fake, client(rig.fake, "iam")
    passes = statement(
        Action="iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    )
    fake.identity.allow_only(allowing("ecs:*", "iam:SimulatePrincipalPolicy"), passes)
    fake.identity.deny("ecs:DeleteService")

    def decided(action: str, **context: str) -> tuple[str, list[str]]:
        entries = [
            {"ContextKeyName": key.replace("_", ":"), "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in context.items()
        ]
        told = iam.simulate_principal_policy(
            PolicySourceArn=fake.identity.operator.arn, ActionNames=[action], ContextEntries=entries
        )["EvaluationResults"]
        return told[0]["EvalDecision"], told[0]["MissingContextValues"]

    assert decided("ecs:UpdateService") == ("allowed", [])
    assert decided("ecs:DeleteService") == ("explicitDeny", [])
    assert decided("ecr:PutImage") == ("implicitDeny", [])
    assert decided("iam:PassRole") == ("implicitDeny", ["iam:PassedToService"])
    assert decided("iam:PassRole", iam_PassedToService="ecs-tasks.amazonaws.com") == ("allowed", [])
    root = f"arn:aws:iam::{fake.account.id}:root"
    simulate = iam.simulate_principal_policy
    refused(lambda: simulate(PolicySourceArn=root, ActionNames=["ecs:A"]), "InvalidInput")
    nobody = fake.identity.operator.arn + "x"
    refused(lambda: simulate(PolicySourceArn=nobody, ActionNames=["ecs:A"]), "NoSuchEntity")
