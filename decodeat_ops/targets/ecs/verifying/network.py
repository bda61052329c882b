"""Judge the subnets and security groups of tasks."""

from collections.abc import Mapping
from typing import Any

from decodeat_ops.targets.ecs.findings import Findings, listed
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.quotas import TWICE


def judge(place: Place, findings: Findings) -> str:
    """Add what is missing, or not of one VPC, to the problems. Return that VPC, "" when it is not known."""
    ecs = place.loaded.settings.ecs
    subnets = findings.ask("the subnets", lambda: _subnets(place, ecs.subnets))
    groups = findings.ask("the security groups", lambda: _groups(place, ecs.security_groups))
    _missing("subnet", ecs.subnets, subnets, findings)
    _missing("security group", ecs.security_groups, groups, findings)
    if subnets:
        _room(place, subnets, findings)
    vpcs = {one["VpcId"] for one in (*(subnets or {}).values(), *(groups or {}).values())}
    if len(vpcs) > 1:
        findings.problem(f"subnets and security groups are of several VPCs: {listed(vpcs)}")
    return vpcs.pop() if len(vpcs) == 1 else ""


Found = Mapping[str, Mapping[str, Any]]


def _subnets(place: Place, ids: list[str]) -> Found:
    """Return those that exist; a filter answers with them, where a list of ids is refused whole."""
    wanted = [{"Name": "subnet-id", "Values": ids}]
    return {one["SubnetId"]: one for one in place.aws.pages("ec2", "DescribeSubnets", "Subnets", Filters=wanted)}


def _groups(place: Place, ids: list[str]) -> Found:
    """Return those that exist. Some engines answer with all groups whatever the filter, so it is applied again."""
    wanted = [{"Name": "group-id", "Values": ids}]
    found = place.aws.pages("ec2", "DescribeSecurityGroups", "SecurityGroups", Filters=wanted)
    return {one["GroupId"]: one for one in found if one["GroupId"] in ids}


def _missing(what: str, wanted: list[str], found: Found | None, findings: Findings) -> None:
    if found is None:
        return
    for name in wanted:
        if name not in found:
            findings.problem(f"there is no {what} {name} in {found_in(found)}this account and region")


def found_in(found: Found) -> str:
    """Return the VPC of those that were found, as a part of a sentence, "" when there are none."""
    vpcs = {one["VpcId"] for one in found.values()}
    return f"{vpcs.pop()} of " if len(vpcs) == 1 else ""


def _room(place: Place, subnets: Found, findings: Findings) -> None:
    free = [one.get("AvailableIpAddressCount") for one in subnets.values()]
    needed = place.loaded.settings.ecs.desired * TWICE
    if all(isinstance(count, int) for count in free) and sum(free) < needed:  # type: ignore[arg-type]
        findings.doubt(f"the subnets have {sum(free)} free addresses, and a deploy may need {needed}")  # type: ignore[arg-type]
