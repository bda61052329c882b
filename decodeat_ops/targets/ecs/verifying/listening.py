"""Judge whether the load balancer's own name can confirm a release, where the settings name no address."""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from decodeat_ops.core.aws import Answer
from decodeat_ops.targets.ecs import endpoint
from decodeat_ops.targets.ecs.findings import Findings
from decodeat_ops.targets.ecs.place import Place

PLAIN = frozenset({"HTTP", "TCP", "TCP_UDP"})  # protocols of listeners that take a plain GET
ASKED = "/health"


def judge(place: Place, balancers: Sequence[str], findings: Findings) -> None:
    """Add load balancers, given by ARN, that don't send plain HTTP on to the target groups to the problems."""
    if place.loaded.settings.ecs.address or not balancers:
        return
    found = findings.ask("the load balancer", lambda: endpoint.described(place, balancers))
    if not found:
        return
    balancer = found[0]  # the one whose name is asked
    name = balancer["DNSName"]
    reaches = findings.ask(f"the listeners of {name}", lambda: _reaches(place, balancer))
    if reaches is False:
        findings.problem(
            f"no listener of {name} forwards GET http://{name}{ASKED} to the target group, so that no release can be "
            "confirmed there; set ecs.address to the URL that clients use"
        )


def _reaches(place: Place, balancer: Answer) -> bool:
    """Return whether a plain GET to the load balancer's own name ends at one of the target groups."""
    listeners = place.aws.pages("elbv2", "DescribeListeners", "Listeners", LoadBalancerArn=balancer["LoadBalancerArn"])
    wanted = {*place.names.target_groups}
    for listener in listeners:
        if listener.get("Port") == endpoint.PORTS["http"] and listener.get("Protocol") in PLAIN:
            return bool(_groups(_taken(place, listener, balancer["DNSName"])) & wanted)
    return False


def _taken(place: Place, listener: Answer, host: str) -> Iterable[Answer]:
    """Return the actions of the first rule that such a request meets; a network load balancer has no rules."""
    default: Iterable[Answer] = listener.get("DefaultActions", ())
    if listener["Protocol"] != "HTTP":
        return default
    rules = place.aws.pages("elbv2", "DescribeRules", "Rules", ListenerArn=listener["ListenerArn"])
    numbered = [one for one in rules if str(one.get("Priority", "")).isdecimal()]
    for rule in sorted(numbered, key=lambda one: int(one["Priority"])):
        if all(_meets(condition, host) for condition in rule.get("Conditions", ())):
            actions: Iterable[Answer] = rule.get("Actions", ())
            return actions
    return default


def _meets(condition: Answer, host: str) -> bool:
    """Return whether the request meets a condition. One that can't be told, as of headers, counts as not met."""
    asked = {"path-pattern": ASKED, "host-header": host.lower(), "http-request-method": "GET"}
    field = condition.get("Field", "")
    text = asked.get(field)
    patterns = (one.lower() if field == "host-header" else one for one in _patterns(condition))
    return text is not None and any(fnmatchcase(text, pattern) for pattern in patterns)


def _patterns(condition: Answer) -> Iterator[str]:
    yield from condition.get("Values", ())
    for kind in ("PathPatternConfig", "HostHeaderConfig", "HttpRequestMethodConfig"):
        yield from condition.get(kind, {}).get("Values", ())


def _groups(actions: Iterable[Answer]) -> set[str]:
    return {group for action in actions for group in forwards(action)}


def forwards(action: Answer) -> set[str]:
    """Return the target groups that an action of a rule or a listener forwards to, by ARN."""
    several = {one["TargetGroupArn"] for one in action.get("ForwardConfig", {}).get("TargetGroups", ())}
    return several | ({action["TargetGroupArn"]} if action.get("TargetGroupArn") else set())
