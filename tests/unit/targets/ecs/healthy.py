"""Describe an account in which everything is as a deploy needs it, as answers of AWS."""

from collections.abc import Mapping
from typing import Any

from tests.unit.targets.ecs.cloud import ACCOUNT, ANN, REGION, Call, Reply

GROUP = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/blue/0123456789abcdef"
GREEN = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/green/0123456789abcdef"
RULE = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener-rule/app/front/0a/1b/2c"
BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/front/0a"
LISTENER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener/app/front/0a/1b"
DNS = f"Front-1.{REGION}.elb.amazonaws.com"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:gemini-AbCdEf"
SECTIONS: dict[str, dict[str, Any]] = {
    "ecs": {
        "target_group": GROUP,
        "green_target_group": GREEN,
        "listener_rule": RULE,
        "strategy": "canary",
        "infrastructure_role": "shifter",
        "alarms": ["errors"],
        "pull_secret": "registry-login",
    },
    "service": {"secrets": {"GEMINI_API_KEY": f"aws-secretsmanager:{SECRET}#key", "API_KEYS": "env:KEYS"}},
}


def role(params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer GetRole with a role that trusts both services."""
    name = params["RoleName"]
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    services = ["ecs-tasks.amazonaws.com", "ecs.amazonaws.com"]
    document = {"Version": "2012-10-17", "Statement": {**trust, "Principal": {"Service": services}}}
    return {
        "Role": {
            "RoleName": name,
            "Arn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
            "AssumeRolePolicyDocument": document,
        }
    }


def value(params: Mapping[str, Any]) -> dict[str, Any]:
    texts = {SECRET: '{"key": "v"}', "registry-login": '{"username": "u", "password": "p"}'}
    return {"SecretString": texts[params["SecretId"]]}


def described(params: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a secret that holds a value."""
    return {"Name": params["SecretId"], "VersionIdsToStages": {"v1": ["AWSCURRENT"]}}


def listener(**other: Any) -> dict[str, Any]:
    """Describe a listener for plain HTTP that forwards to the first target group."""
    forwards = [{"Type": "forward", "TargetGroupArn": GROUP}]
    return {"ListenerArn": LISTENER, "Port": 80, "Protocol": "HTTP", "DefaultActions": forwards, **other}


def rules(params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer with the rule that is asked for, or with those of the listener, which has its default one alone."""
    forwards = {"Actions": [{"Type": "forward", "TargetGroupArn": GROUP}]}
    return {"Rules": [forwards if "RuleArns" in params else {**forwards, "Priority": "default", "IsDefault": True}]}


def group(arn: str, **other: Any) -> dict[str, Any]:
    """Describe a target group that reaches tasks."""
    return {
        "TargetGroupArn": arn,
        "TargetGroupName": arn.split("/")[1],
        "Protocol": "HTTP",
        "ProtocolVersion": "HTTP1",
        "Port": 8000,
        "VpcId": "vpc-1",
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckPath": "/health",
        "Matcher": {"HttpCode": "200"},
        "LoadBalancerArns": [BALANCER],
        "TargetType": "ip",
        **other,
    }


def groups(params: Mapping[str, Any]) -> dict[str, Any]:
    return {"TargetGroups": [group(arn) for arn in params["TargetGroupArns"]]}


def allowed(params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a simulation: everything is allowed."""
    results = [{"EvalActionName": action, "EvalDecision": "allowed"} for action in params["ActionNames"]]
    return {"EvaluationResults": results}


def subnet(name: str, **other: Any) -> dict[str, Any]:
    return {"SubnetId": name, "VpcId": "vpc-1", "AvailableIpAddressCount": 200, **other}


def healthy() -> dict[Call, Reply]:
    """Return the answers to all that is looked at before a deploy that builds its image."""
    answers: dict[Call, Reply] = {
        ("sts", "GetCallerIdentity"): {"Account": ACCOUNT, "Arn": ANN, "UserId": "AIDA"},
        ("ecs", "DescribeClusters"): {"clusters": [{"clusterName": "decodeat-production", "status": "ACTIVE"}]},
        ("logs", "DescribeLogGroups"): {"logGroups": [{"logGroupName": "/ecs/decodeat-production"}]},
        ("ecr", "DescribeRepositories"): {"repositories": [{"repositoryName": "decodeat"}]},
        ("iam", "GetRole"): role,
        ("secretsmanager", "DescribeSecret"): described,
        ("secretsmanager", "GetSecretValue"): value,
        ("ec2", "DescribeSubnets"): {"Subnets": [subnet("subnet-a1"), subnet("subnet-b2")]},
        ("ec2", "DescribeSecurityGroups"): {"SecurityGroups": [{"GroupId": "sg-a1", "VpcId": "vpc-1"}]},
        ("elbv2", "DescribeTargetGroups"): groups,
        ("elbv2", "DescribeLoadBalancers"): {"LoadBalancers": [{"LoadBalancerArn": BALANCER, "DNSName": DNS}]},
        ("elbv2", "DescribeListeners"): {"Listeners": [listener()]},
        ("elbv2", "DescribeRules"): rules,
        ("cloudwatch", "DescribeAlarms"): {"MetricAlarms": [{"AlarmName": "errors", "StateValue": "OK"}]},
        ("service-quotas", "GetServiceQuota"): {"Quota": {"Value": 100.0}},
        ("iam", "SimulatePrincipalPolicy"): allowed,
    }
    return answers
