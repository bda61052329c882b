"""Judge the target groups that the load balancer sends clients to, and the rules of a shift."""

from typing import Any

from decodeat_ops.core.aws import Answer
from decodeat_ops.targets.ecs.findings import Findings, listed
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.verifying import listening
from decodeat_ops.targets.ecs.verifying.listening import forwards

PATHS = ("/health", "/ready")  # they answer 200 without a key
_WEB = frozenset({"HTTP", "HTTPS"})
_NO_GROUP = frozenset({"TargetGroupNotFound", "TargetGroupNotFoundException"})
_NO_RULE = frozenset({"RuleNotFound", "RuleNotFoundException", "ListenerNotFound", "ListenerNotFoundException"})


def judge(place: Place, vpc: str, findings: Findings) -> None:
    """Add target groups, rules and listeners by which no client would reach a task to the problems."""
    ecs = place.loaded.settings.ecs
    balancers: list[str] = []
    for arn in place.names.target_groups:
        told = findings.look(
            f"the target group {short(arn)}",
            lambda arn=arn: place.aws.call("elbv2", "DescribeTargetGroups", TargetGroupArns=[arn]),  # type: ignore[misc]
            _NO_GROUP,
            f"there is no target group {arn}",
        )
        for group in told["TargetGroups"] if told else ():
            _group(place, group, vpc, findings)
            balancers += group.get("LoadBalancerArns", ()) if arn == ecs.target_group else ()
    listening.judge(place, balancers, findings)
    for arn in (ecs.listener_rule, ecs.test_listener_rule) if ecs.strategy != "rolling" else ():
        if arn:
            _rule(place, arn, findings)


def short(arn: str) -> str:
    """Return the name in a target group's ARN."""
    return arn.rpartition(":targetgroup/")[2].partition("/")[0] or arn


def _group(place: Place, group: Answer, vpc: str, findings: Findings) -> None:
    name, port = group["TargetGroupName"], place.names.port

    def wrong(text: str) -> None:
        findings.problem(f"the target group {name} {text}")

    if group.get("TargetType") != "ip":
        wrong(f"has targets of type {group.get('TargetType')}; tasks of Fargate need ip")
    if vpc and group.get("VpcId") != vpc:
        wrong(f"is of {group.get('VpcId')}, and the subnets are of {vpc}")
    if not group.get("LoadBalancerArns"):
        wrong("is not attached to a load balancer: no listener forwards to it")
    if group.get("Protocol") not in {"HTTP", "TCP"}:
        wrong(f"speaks {group.get('Protocol')}; the service speaks HTTP")
    if group.get("ProtocolVersion", "HTTP1") != "HTTP1":
        wrong(f"speaks {group.get('ProtocolVersion')}; the service speaks HTTP1")
    if group.get("Port", port) != port:
        findings.doubt(f"the target group {name} has port {group['Port']}; ECS gives each task's own, {port}, to it")
    _health(group, port, wrong)


def _health(group: Answer, port: int, wrong: Any) -> None:
    asked, protocol = group.get("HealthCheckPort", "traffic-port"), group.get("HealthCheckProtocol")
    if asked not in {"traffic-port", str(port)}:
        wrong(f"checks health at port {asked}; the service listens on {port}")
    if protocol not in _WEB:
        return
    if protocol == "HTTPS":
        wrong("checks health over HTTPS; the service speaks HTTP")
    if group.get("HealthCheckPath") not in PATHS:
        wrong(f"checks health at {group.get('HealthCheckPath')}; the service answers at {' and '.join(PATHS)}")
    codes = group.get("Matcher", {}).get("HttpCode", "200")
    if not _takes_200(codes):
        wrong(f"takes {codes} for healthy; a healthy service answers 200")


def _takes_200(codes: str) -> bool:
    """Return whether "200", "200,301" or "200-399" takes 200 for healthy."""
    for part in codes.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdigit() and int(first) <= 200 <= int(last if last.isdigit() else first):
            return True
    return False


def _rule(place: Place, arn: str, findings: Findings) -> None:
    told = findings.look(f"the listener rule {arn}", lambda: _read(place, arn), _NO_RULE, f"there is no rule {arn}")
    if told is None:
        return
    groups = {group for action in _actions(told) for group in forwards(action)}
    if groups and not groups & {*place.names.target_groups}:
        names = listed(map(short, place.names.target_groups))
        findings.problem(f"the listener rule {arn} forwards to none of the target groups {names}")


def _read(place: Place, arn: str) -> Answer:
    """Return a rule, or the listener whose default action takes the place of one."""
    if ":listener/" in arn:
        return place.aws.call("elbv2", "DescribeListeners", ListenerArns=[arn])
    return place.aws.call("elbv2", "DescribeRules", RuleArns=[arn])


def _actions(told: Answer) -> list[Answer]:
    rules = [action for rule in told.get("Rules", ()) for action in rule.get("Actions", ())]
    return rules + [action for one in told.get("Listeners", ()) for action in one.get("DefaultActions", ())]
