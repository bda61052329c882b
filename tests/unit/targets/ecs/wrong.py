"""Hold everything that can be wrong before a deploy, each as one answer of AWS, and what is said of it."""

from collections.abc import Mapping
from typing import Any

from tests.unit.targets.ecs.cloud import ACCOUNT, REGION, Call, Reply, refused
from tests.unit.targets.ecs.healthy import GROUP, RULE, SECRET, described, group, role, rules, subnet, value

ECR = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/decodeat"


def but(name: str, **other: Any) -> Reply:
    """Answer with the target groups, of which one is different."""

    def answer(params: Mapping[str, Any]) -> dict[str, Any]:
        changed = [group(arn, **(other if f"/{name}/" in arn else {})) for arn in params["TargetGroupArns"]]
        return {"TargetGroups": changed}

    return answer


def missing_role(name: str) -> Reply:
    def answer(params: Mapping[str, Any]) -> dict[str, Any]:
        if params["RoleName"] == name:
            raise refused("NoSuchEntity")
        return role(params)

    return answer


def strange_role(name: str, **other: Any) -> Reply:
    def answer(params: Mapping[str, Any]) -> dict[str, Any]:
        told = role(params)
        return {"Role": {**told["Role"], **(other if params["RoleName"] == name else {})}}

    return answer


def one_value(secret: str, text: str) -> Reply:
    return lambda params: {"SecretString": text} if params["SecretId"] == secret else value(params)


def no_value(secret: str, error: str) -> Reply:
    def answer(params: Mapping[str, Any]) -> dict[str, Any]:
        if params["SecretId"] == secret:
            raise refused(error)
        return value(params)

    return answer


def one_described(secret: str, **other: Any) -> Reply:
    return lambda params: {**described(params), **(other if params["SecretId"] == secret else {})}


def undescribed(secret: str, error: str) -> Reply:
    def answer(params: Mapping[str, Any]) -> dict[str, Any]:
        if params["SecretId"] == secret:
            raise refused(error)
        return described(params)

    return answer


def named_rule(action: Mapping[str, Any] | str) -> Reply:
    """Answer for the rule of the settings with another action, or with the code of a refusal."""

    def answer(params: Mapping[str, Any]) -> dict[str, Any]:
        if "RuleArns" not in params:
            return rules(params)
        if isinstance(action, str):
            raise refused(action)
        return {"Rules": [{"Actions": [action]}]}

    return answer


def decided(action: str, decision: str, **other: Any) -> Reply:
    """Answer a simulation in which one action is not allowed."""

    def answer(params: Mapping[str, Any]) -> dict[str, Any]:
        results = [
            {"EvalActionName": name, "EvalDecision": decision if name == action else "allowed", **other}
            for name in params["ActionNames"]
        ]
        return {"EvaluationResults": results}

    return answer


def gone(params: Mapping[str, Any]) -> dict[str, Any]:
    raise refused("TargetGroupNotFound")


EXECUTION = "decodeat-production-execution"
WRONG: dict[str, tuple[Call, Reply, str]] = {
    "no cluster": (("ecs", "DescribeClusters"), {"clusters": []}, "there is no cluster decodeat-production"),
    "a deleted cluster": (
        ("ecs", "DescribeClusters"),
        {"clusters": [{"clusterName": "decodeat-production", "status": "INACTIVE"}]},
        "there is no cluster decodeat-production",
    ),
    "no log group, but one whose name goes on": (
        ("logs", "DescribeLogGroups"),
        {"logGroups": [{"logGroupName": "/ecs/decodeat-production-old"}]},
        "there is no log group /ecs/decodeat-production",
    ),
    "no repository": (("ecr", "DescribeRepositories"), "RepositoryNotFoundException", f"there is no repository {ECR}"),
    "no execution role": (("iam", "GetRole"), missing_role(EXECUTION), f"there is no role {EXECUTION}"),
    "no task role": (("iam", "GetRole"), missing_role("decodeat-production-task"), "no role decodeat-production-task"),
    "no role for the shift": (("iam", "GetRole"), missing_role("shifter"), "there is no role shifter"),
    "a role that trusts nobody": (
        ("iam", "GetRole"),
        strange_role(EXECUTION, AssumeRolePolicyDocument={"Statement": []}),
        f"the role {EXECUTION} does not trust ecs-tasks.amazonaws.com",
    ),
    "a role with a path": (
        ("iam", "GetRole"),
        strange_role(EXECUTION, Arn=f"arn:aws:iam::{ACCOUNT}:role/team/{EXECUTION}"),
        f"is arn:aws:iam::{ACCOUNT}:role/team/{EXECUTION}, and the settings name",
    ),
    "a secret that is being deleted": (
        ("secretsmanager", "DescribeSecret"),
        one_described("decodeat-production", DeletedDate="2026-11-01"),
        "the secret decodeat-production is marked for deletion",
    ),
    "a secret that is being deleted elsewhere": (
        ("secretsmanager", "DescribeSecret"),
        one_described(SECRET, DeletedDate="2026-11-01"),
        f"the secret {SECRET} is marked for deletion",
    ),
    "no such secret": (
        ("secretsmanager", "DescribeSecret"),
        undescribed(SECRET, "ResourceNotFoundException"),
        f"there is no secret {SECRET}",
    ),
    "a secret without a value": (
        ("secretsmanager", "DescribeSecret"),
        one_described(SECRET, VersionIdsToStages={}),
        f"the secret {SECRET} holds no value yet",
    ),
    "a secret whose version may not be read": (
        ("secretsmanager", "DescribeSecret"),
        undescribed(SECRET, "AccessDeniedException"),
        f"the version of the secret {SECRET} can't be named: a:B is denied",
    ),
    "no secret": (
        ("secretsmanager", "GetSecretValue"),
        no_value(SECRET, "ResourceNotFoundException"),
        f"there is no secret {SECRET}",
    ),
    "a secret that can't be read": (
        ("secretsmanager", "GetSecretValue"),
        no_value(SECRET, "InvalidRequestException"),
        f"the secret {SECRET} could not be looked at: it says why (InvalidRequestException)",
    ),
    "no such key": (
        ("secretsmanager", "GetSecretValue"),
        one_value(SECRET, '{"other": "v"}'),
        f"the secret {SECRET} has no key key",
    ),
    "no JSON": (("secretsmanager", "GetSecretValue"), one_value(SECRET, "v"), f"the secret {SECRET} has no key key"),
    "half a login": (
        ("secretsmanager", "GetSecretValue"),
        one_value("registry-login", '{"username": "u"}'),
        "the secret registry-login has no key password",
    ),
    "no subnet": (
        ("ec2", "DescribeSubnets"),
        {"Subnets": [subnet("subnet-a1")]},
        "there is no subnet subnet-b2 in vpc-1 of this account and region",
    ),
    "subnets of two networks": (
        ("ec2", "DescribeSubnets"),
        {"Subnets": [subnet("subnet-a1"), subnet("subnet-b2", VpcId="vpc-2")]},
        "subnets and security groups are of several VPCs: vpc-1, vpc-2",
    ),
    "no security group": (
        ("ec2", "DescribeSecurityGroups"),
        {"SecurityGroups": []},
        "there is no security group sg-a1",
    ),
    "no target group": (("elbv2", "DescribeTargetGroups"), gone, f"there is no target group {GROUP}"),
    "targets of another type": (
        ("elbv2", "DescribeTargetGroups"),
        but("blue", TargetType="instance"),
        "the target group blue has targets of type instance",
    ),
    "the green group of another network": (
        ("elbv2", "DescribeTargetGroups"),
        but("green", VpcId="vpc-2"),
        "the target group green is of vpc-2, and the subnets are of vpc-1",
    ),
    "no load balancer": (
        ("elbv2", "DescribeTargetGroups"),
        but("blue", LoadBalancerArns=[]),
        "the target group blue is not attached to a load balancer",
    ),
    "another protocol": (("elbv2", "DescribeTargetGroups"), but("blue", Protocol="HTTPS"), "blue speaks HTTPS"),
    "another version": (("elbv2", "DescribeTargetGroups"), but("blue", ProtocolVersion="GRPC"), "blue speaks GRPC"),
    "health at another port": (
        ("elbv2", "DescribeTargetGroups"),
        but("blue", HealthCheckPort="9000"),
        "blue checks health at port 9000; the service listens on 8000",
    ),
    "health at another path": (
        ("elbv2", "DescribeTargetGroups"),
        but("blue", HealthCheckPath="/"),
        "blue checks health at /; the service answers at /health and /ready",
    ),
    "health over HTTPS": (
        ("elbv2", "DescribeTargetGroups"),
        but("blue", HealthCheckProtocol="HTTPS"),
        "blue checks health over HTTPS",
    ),
    "health by another status": (
        ("elbv2", "DescribeTargetGroups"),
        but("blue", Matcher={"HttpCode": "204,301-399"}),
        "blue takes 204,301-399 for healthy; a healthy service answers 200",
    ),
    "no rule": (("elbv2", "DescribeRules"), named_rule("RuleNotFound"), f"there is no rule {RULE}"),
    "a rule to elsewhere": (
        ("elbv2", "DescribeRules"),
        named_rule({"ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "arn:other"}]}}),
        f"the listener rule {RULE} forwards to none of the target groups blue, green",
    ),
    "no alarm": (("cloudwatch", "DescribeAlarms"), {"CompositeAlarms": []}, "there is no alarm errors"),
    "a quota that is too small": (
        ("service-quotas", "GetServiceQuota"),
        {"Quota": {"Value": 3.0}},
        "a deploy runs up to 4 vCPUs at once, and the account may use 3 of Fargate",
    ),
    "a right that no policy gives": (
        ("iam", "SimulatePrincipalPolicy"),
        decided("ecs:CreateService", "implicitDeny"),
        "you may not ecs:CreateService on "
        f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/decodeat-production/decodeat-production: no policy allows it",
    ),
    "a right that a policy takes": (
        ("iam", "SimulatePrincipalPolicy"),
        decided("iam:PassRole", "explicitDeny"),
        f"you may not iam:PassRole on arn:aws:iam::{ACCOUNT}:role/{EXECUTION}: a policy denies it",
    ),
    "an execution role that may not write the log": (
        ("iam", "SimulatePrincipalPolicy"),
        decided("logs:PutLogEvents", "implicitDeny"),
        f"the role {EXECUTION} may not logs:PutLogEvents on "
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/ecs/decodeat-production:log-stream:decodeat/decodeat/0: "
        "no policy allows it",
    ),
    "an execution role that may read no secret": (
        ("iam", "SimulatePrincipalPolicy"),
        decided("secretsmanager:GetSecretValue", "explicitDeny"),
        f"the role {EXECUTION} may not secretsmanager:GetSecretValue on {SECRET}: a policy denies it",
    ),
    "a right beyond the boundary": (
        ("iam", "SimulatePrincipalPolicy"),
        decided(
            "ecs:TagResource",
            "implicitDeny",
            PermissionsBoundaryDecisionDetail={"AllowedByPermissionsBoundary": False},
        ),
        "the permissions boundary does not allow it",
    ),
}
