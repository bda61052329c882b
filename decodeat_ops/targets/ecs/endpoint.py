"""Find where clients reach the service: the address in the settings, the load balancer's, or a task's own."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from decodeat_ops.core.ports import Endpoint
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.tasks import Task, tasks

PORTS = {"http": 80, "https": 443}


def public(place: Place, task_definition: str = "") -> Endpoint | None:
    """Return where clients reach the service, None when nothing runs that has an address.

    Without a load balancer it is the newest task of `task_definition`, "" for one of any.
    """
    address = place.loaded.settings.ecs.address or balancer(place)
    if address:
        return _of(address)
    running = [one for one in tasks(place) if one.status == "RUNNING"]
    chosen = next((one for one in running if task_definition in {"", one.task_definition}), None)
    host = _own(place, chosen) if chosen else ""
    return Endpoint(host, place.names.port) if host else None


def balancer(place: Place) -> str:
    """Return the URL of the load balancer before the target group, "" when there is none. It is asked once."""
    if "balancer" not in place.remembered:
        place.remembered["balancer"] = _balancer(place)
    return str(place.remembered["balancer"])


def _balancer(place: Place) -> str:
    found = balancers(place)
    return f"http://{found[0]['DNSName']}" if found else ""


def balancers(place: Place) -> list[dict[str, Any]]:
    """Return the load balancers before the target group, as ELB describes them."""
    group = place.loaded.settings.ecs.target_group
    if not group:
        return []
    told = place.aws.call("elbv2", "DescribeTargetGroups", TargetGroupArns=[group])
    return described(place, [arn for one in told["TargetGroups"] for arn in one.get("LoadBalancerArns", ())])


def described(place: Place, arns: Sequence[str]) -> list[dict[str, Any]]:
    """Return load balancers by ARN, as ELB describes them; clients without another address ask the first one's name."""
    if not arns:
        return []
    return list(place.aws.call("elbv2", "DescribeLoadBalancers", LoadBalancerArns=[*arns])["LoadBalancers"])


def _of(address: str) -> Endpoint:
    parts = urlsplit(address)
    host = parts.hostname or ""
    name = f"[{host}]" if ":" in host else host
    return Endpoint(host, parts.port or PORTS[parts.scheme], name=name, tls=parts.scheme == "https")


def _own(place: Place, task: Task) -> str:
    """Return a task's own address: the public one where it has one, since clients are outside."""
    private, interface = task.network.get("privateIPv4Address", ""), task.network.get("networkInterfaceId", "")
    if not place.loaded.settings.ecs.public_ip or not interface:
        return private
    told = place.aws.call("ec2", "DescribeNetworkInterfaces", NetworkInterfaceIds=[interface])
    found = [one.get("Association", {}).get("PublicIp", "") for one in told["NetworkInterfaces"]]
    return next((address for address in found if address), private)
