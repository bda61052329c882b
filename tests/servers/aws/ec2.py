"""Answer EC2: the network that tasks run in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.servers.aws.account import Account
from tests.servers.aws.errors import Answer, Params, Refused
from tests.servers.aws.paging import EC2, page

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws


@dataclass
class Network:
    """Hold VPCs, and subnets, security groups and network interfaces with the VPC that each is in."""

    account: Account
    vpcs: list[str] = field(default_factory=list)
    subnets: dict[str, str] = field(default_factory=dict)  # VPC by subnet
    groups: dict[str, str] = field(default_factory=dict)  # VPC by security group
    interfaces: dict[str, dict[str, str]] = field(default_factory=dict)

    def vpc(self, name: str = "vpc-0a1b2c3d4e5f60718") -> str:
        """Add a VPC with two subnets and a security group, and return its id."""
        self.vpcs.append(name)
        for _ in range(2):
            self.subnets[f"subnet-{self.account.unique(17)}"] = name
        self.groups[f"sg-{self.account.unique(17)}"] = name
        return name

    def subnets_of(self, vpc: str) -> list[str]:
        return [subnet for subnet, held in self.subnets.items() if held == vpc]

    def groups_of(self, vpc: str) -> list[str]:
        return [group for group, held in self.groups.items() if held == vpc]

    def attach(self, subnet: str, address: str, *, public: bool) -> str:
        """Add a network interface of a task and return its id."""
        name = f"eni-{self.account.unique(17)}"
        self.interfaces[name] = {"SubnetId": subnet, "PrivateIpAddress": address}
        if public:
            self.interfaces[name]["PublicIp"] = f"203.0.113.{len(self.interfaces) % 250 + 1}"
        return name


def _chosen(held: dict[str, Any], wanted: list[str] | None, code: str, what: str) -> list[str]:
    missing = [name for name in wanted or () if name not in held]
    if missing:
        raise Refused(code, f"The {what} '{missing[0]}' does not exist")
    return list(wanted or held)


def _filtered(rows: list[Answer], params: Params, fields: dict[str, str]) -> list[Answer]:
    for one in params.get("Filters", ()):
        if one["Name"] not in fields:
            raise Refused("InvalidParameterValue", f"The filter '{one['Name']}' is invalid")
        rows = [row for row in rows if str(row.get(fields[one["Name"]], "")) in one["Values"]]
    return rows


def describe_vpcs(aws: "Aws", params: Params) -> Answer:
    held = dict.fromkeys(aws.network.vpcs)
    names = _chosen(held, params.get("VpcIds"), "InvalidVpcID.NotFound", "vpc ID")
    rows = _filtered(
        [{"VpcId": name, "State": "available", "CidrBlock": "10.0.0.0/16"} for name in names], params, _VPC
    )
    shown, more = page(rows, params, EC2, aws.switches, "InvalidParameterValue")
    return {"Vpcs": shown, **more}


def describe_subnets(aws: "Aws", params: Params) -> Answer:
    names = _chosen(aws.network.subnets, params.get("SubnetIds"), "InvalidSubnetID.NotFound", "subnet ID")
    rows = [
        {
            "SubnetId": name,
            "VpcId": aws.network.subnets[name],
            "State": "available",
            "AvailabilityZone": f"{aws.account.region}{'ab'[number % 2]}",
            "AvailableIpAddressCount": 250,
            "MapPublicIpOnLaunch": False,
        }
        for number, name in enumerate(names)
    ]
    shown, more = page(_filtered(rows, params, _VPC), params, EC2, aws.switches, "InvalidParameterValue")
    return {"Subnets": shown, **more}


def describe_security_groups(aws: "Aws", params: Params) -> Answer:
    names = _chosen(aws.network.groups, params.get("GroupIds"), "InvalidGroup.NotFound", "security group")
    rows = [
        {
            "GroupId": name,
            "GroupName": name,
            "Description": "of a test",
            "OwnerId": aws.account.id,
            "VpcId": aws.network.groups[name],
            "IpPermissions": [],
            "IpPermissionsEgress": [],
        }
        for name in names
    ]
    shown, more = page(_filtered(rows, params, _VPC), params, EC2, aws.switches, "InvalidParameterValue")
    return {"SecurityGroups": shown, **more}


def describe_network_interfaces(aws: "Aws", params: Params) -> Answer:
    what, code = "networkInterface ID", "InvalidNetworkInterfaceID.NotFound"
    rows = []
    for name in _chosen(aws.network.interfaces, params.get("NetworkInterfaceIds"), code, what):
        held = aws.network.interfaces[name]
        row: Answer = {
            "NetworkInterfaceId": name,
            "SubnetId": held["SubnetId"],
            "VpcId": aws.network.subnets[held["SubnetId"]],
            "PrivateIpAddress": held["PrivateIpAddress"],
            "Status": "in-use",
        }
        rows.append(row | ({"Association": {"PublicIp": held["PublicIp"]}} if "PublicIp" in held else {}))
    shown, more = page(rows, params, EC2, aws.switches, "InvalidParameterValue")
    return {"NetworkInterfaces": shown, **more}


_VPC = {"vpc-id": "VpcId", "subnet-id": "SubnetId", "group-id": "GroupId", "state": "State"}
OPERATIONS: dict[str, Callable[["Aws", Params], Answer]] = {
    "DescribeVpcs": describe_vpcs,
    "DescribeSubnets": describe_subnets,
    "DescribeSecurityGroups": describe_security_groups,
    "DescribeNetworkInterfaces": describe_network_interfaces,
}
