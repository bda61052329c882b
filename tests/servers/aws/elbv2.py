"""Answer Elastic Load Balancing: target groups with the health of their targets, load balancers, listeners, rules."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.servers.aws.account import Account
from tests.servers.aws.errors import Answer, Params, Refused
from tests.servers.aws.paging import ELB, page

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws


@dataclass
class TargetGroup:
    """Hold a target group; `health` is the state of each target by address."""

    name: str
    arn: str
    vpc: str
    port: int = 8000
    protocol: str = "HTTP"
    kind: str = "ip"
    path: str = "/health"
    balancers: list[str] = field(default_factory=list)
    health: dict[str, str] = field(default_factory=dict)
    deregistration_delay: int = 300


@dataclass
class Balancer:
    """Hold a load balancer; `dns` is its public name."""

    name: str
    arn: str
    dns: str
    vpc: str
    kind: str = "application"
    scheme: str = "internet-facing"
    groups: list[str] = field(default_factory=list)


@dataclass
class Listener:
    """Hold a listener with its rules: the weight of each target group by ARN, by rule."""

    arn: str
    balancer: str
    port: int
    protocol: str
    rules: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass
class Balancing:
    """Hold the load balancing of an account."""

    account: Account
    targets: dict[str, TargetGroup] = field(default_factory=dict)  # by ARN
    balancers: dict[str, Balancer] = field(default_factory=dict)
    listeners: dict[str, Listener] = field(default_factory=dict)

    def target_group(self, name: str, vpc: str, **how: Any) -> TargetGroup:
        arn = self.account.arn("elasticloadbalancing", f"targetgroup/{name}/{self.account.unique(16)}")
        self.targets[arn] = TargetGroup(name, arn, vpc, **how)
        return self.targets[arn]

    def balancer(self, name: str, vpc: str, *groups: str) -> Balancer:
        identifier = f"app/{name}/{self.account.unique(16)}"
        arn = self.account.arn("elasticloadbalancing", f"loadbalancer/{identifier}")
        dns = f"{name}-1234567890.{self.account.region}.elb.amazonaws.com"
        self.balancers[arn] = Balancer(name, arn, dns, vpc, groups=list(groups))
        return self.balancers[arn]

    def listener(self, balancer: Balancer, port: int, *rules: dict[str, int], protocol: str = "HTTP") -> Listener:
        """Add a listener whose first rule is the default one."""
        path = f"{balancer.arn.partition(':loadbalancer/')[2]}/{self.account.unique(16)}"
        arn = self.account.arn("elasticloadbalancing", f"listener/{path}")
        named = {
            self.account.arn("elasticloadbalancing", f"listener-rule/{path}/{self.account.unique(16)}"): dict(weights)
            for weights in rules
        }
        self.listeners[arn] = Listener(arn, balancer.arn, port, protocol, named)
        for weights in rules:
            for group in weights:
                if balancer.arn not in self.targets[group].balancers:
                    self.targets[group].balancers.append(balancer.arn)
        return self.listeners[arn]

    def rule(self, arn: str) -> dict[str, int] | None:
        """Return the weights of a rule, None when there is no such rule."""
        return next((one.rules[arn] for one in self.listeners.values() if arn in one.rules), None)


def _all(held: dict[str, Any], arns: Iterable[str] | None, code: str, message: str) -> list[Any]:
    if arns is None:
        return list(held.values())
    if not set(arns) <= set(held):
        raise Refused(code, message)
    return [held[arn] for arn in arns]


def describe_target_groups(aws: "Aws", params: Params) -> Answer:
    message = "One or more target groups not found"
    groups = _all(aws.balancing.targets, params.get("TargetGroupArns"), "TargetGroupNotFound", message)
    if "Names" in params:
        groups = [one for one in groups if one.name in params["Names"]]
        if len(groups) < len(params["Names"]):
            raise Refused("TargetGroupNotFound", message)
    if "LoadBalancerArn" in params:
        groups = [one for one in groups if params["LoadBalancerArn"] in one.balancers]
    shown, more = page([_group(one) for one in groups], params, ELB, aws.switches, "ValidationError")
    return {"TargetGroups": shown, **more}


def _group(one: TargetGroup) -> Answer:
    return {
        "TargetGroupArn": one.arn,
        "TargetGroupName": one.name,
        "Protocol": one.protocol,
        "Port": one.port,
        "VpcId": one.vpc,
        "HealthCheckProtocol": one.protocol,
        "HealthCheckPort": "traffic-port",
        "HealthCheckEnabled": True,
        "HealthCheckIntervalSeconds": 30,
        "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
        "HealthCheckPath": one.path,
        "Matcher": {"HttpCode": "200"},
        "LoadBalancerArns": one.balancers,
        "TargetType": one.kind,
        "ProtocolVersion": "HTTP1",
        "IpAddressType": "ipv4",
    }


def describe_target_group_attributes(aws: "Aws", params: Params) -> Answer:
    message = "One or more target groups not found"
    (group,) = _all(aws.balancing.targets, [params["TargetGroupArn"]], "TargetGroupNotFound", message)
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": str(group.deregistration_delay)}
    return {"Attributes": [delay, {"Key": "stickiness.enabled", "Value": "false"}]}


def describe_target_health(aws: "Aws", params: Params) -> Answer:
    message = f"Target groups '{params['TargetGroupArn']}' not found"
    (group,) = _all(aws.balancing.targets, [params["TargetGroupArn"]], "TargetGroupNotFound", message)
    wanted = [one["Id"] for one in params.get("Targets", ())]
    reasons = {
        "initial": ("Elb.RegistrationInProgress", "Target registration is in progress"),
        "unhealthy": ("Target.FailedHealthChecks", "Health checks failed"),
        "draining": ("Target.DeregistrationInProgress", "Target deregistration is in progress"),
    }
    told = []
    for address, state in group.health.items():
        if wanted and address not in wanted:
            continue
        reason, text = reasons.get(state, ("", ""))
        health = {"State": state} | ({"Reason": reason, "Description": text} if reason else {})
        target = {"Id": address, "Port": group.port, "AvailabilityZone": f"{aws.account.region}a"}
        told.append({"Target": target, "HealthCheckPort": str(group.port), "TargetHealth": health})
    return {"TargetHealthDescriptions": told}


def describe_load_balancers(aws: "Aws", params: Params) -> Answer:
    message = "One or more load balancers not found"
    found = _all(aws.balancing.balancers, params.get("LoadBalancerArns"), "LoadBalancerNotFound", message)
    if "Names" in params:
        found = [one for one in found if one.name in params["Names"]]
        if len(found) < len(params["Names"]):
            raise Refused("LoadBalancerNotFound", message)
    shown, more = page([_balancer(aws, one) for one in found], params, ELB, aws.switches, "ValidationError")
    return {"LoadBalancers": shown, **more}


def _balancer(aws: "Aws", one: Balancer) -> Answer:
    return {
        "LoadBalancerArn": one.arn,
        "DNSName": one.dns,
        "LoadBalancerName": one.name,
        "Scheme": one.scheme,
        "VpcId": one.vpc,
        "State": {"Code": "active"},
        "Type": one.kind,
        "AvailabilityZones": [],
        "SecurityGroups": one.groups,
        "IpAddressType": "ipv4",
        "CreatedTime": aws.account.now(),
    }


def describe_listeners(aws: "Aws", params: Params) -> Answer:
    message = "One or more listeners not found"
    found = _all(aws.balancing.listeners, params.get("ListenerArns"), "ListenerNotFound", message)
    if "LoadBalancerArn" in params:
        if params["LoadBalancerArn"] not in aws.balancing.balancers:
            raise Refused("LoadBalancerNotFound", "One or more load balancers not found")
        found = [one for one in found if one.balancer == params["LoadBalancerArn"]]
    held = [
        {
            "ListenerArn": one.arn,
            "LoadBalancerArn": one.balancer,
            "Port": one.port,
            "Protocol": one.protocol,
            "DefaultActions": [_forward(next(iter(one.rules.values()), {}))],
        }
        for one in found
    ]
    shown, more = page(held, params, ELB, aws.switches, "ValidationError")
    return {"Listeners": shown, **more}


def _forward(weights: dict[str, int]) -> Answer:
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
    action: Answer = {"Type": "forward", "Order": 1, "ForwardConfig": {"TargetGroups": groups}}
    return action | ({"TargetGroupArn": next(iter(weights))} if len(weights) == 1 else {})


def describe_rules(aws: "Aws", params: Params) -> Answer:
    listeners = list(aws.balancing.listeners.values())
    if "ListenerArn" in params:
        arn = params["ListenerArn"]
        listeners = _all(aws.balancing.listeners, [arn], "ListenerNotFound", "One or more listeners not found")
    held = {
        rule: {
            "RuleArn": rule,
            "Priority": "default" if number == 0 else str(number),
            "Conditions": [],
            "Actions": [_forward(weights)],
            "IsDefault": number == 0,
        }
        for listener in listeners
        for number, (rule, weights) in enumerate(listener.rules.items())
    }
    rules = _all(held, params.get("RuleArns"), "RuleNotFound", "One or more rules not found")
    shown, more = page(rules, params, ELB, aws.switches, "ValidationError")
    return {"Rules": shown, **more}


OPERATIONS: dict[str, Callable[["Aws", Params], Answer]] = {
    "DescribeTargetGroups": describe_target_groups,
    "DescribeTargetGroupAttributes": describe_target_group_attributes,
    "DescribeTargetHealth": describe_target_health,
    "DescribeLoadBalancers": describe_load_balancers,
    "DescribeListeners": describe_listeners,
    "DescribeRules": describe_rules,
}
