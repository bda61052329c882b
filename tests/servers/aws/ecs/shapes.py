"""Check the configuration of a service as ECS does when one is created or updated."""

from typing import TYPE_CHECKING

from tests.servers.aws.ecs.behaviour import Document
from tests.servers.aws.ecs.state import TaskDefinition
from tests.servers.aws.errors import invalid

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws

SHIFTS = {"BLUE_GREEN", "LINEAR", "CANARY"}


def check(aws: "Aws", document: Document, definition: TaskDefinition) -> None:
    """Refuse a configuration that ECS refuses."""
    _network(aws, document, definition)
    for balancer in document.get("loadBalancers", ()):
        _balancer(aws, balancer, definition)
    _deployment(aws, document)
    if "healthCheckGracePeriodSeconds" in document and not document.get("loadBalancers"):
        raise invalid("Health check grace period is only valid for services configured to use load balancers")
    if document.get("enableExecuteCommand") and "taskRoleArn" not in definition.document:
        raise invalid(
            "The service couldn't be created because a valid taskRoleArn is not being used. Specify a valid task role "
            "in your task definition and try again."
        )


def _network(aws: "Aws", document: Document, definition: TaskDefinition) -> None:
    network = document.get("networkConfiguration", {}).get("awsvpcConfiguration")
    if definition.document.get("networkMode") == "awsvpc" and network is None:
        raise invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    check_network(aws, network or {"subnets": []})


def check_network(aws: "Aws", network: Document) -> None:
    """Refuse subnets and security groups that are not there, or not in one VPC."""
    for kind, held, wanted in (
        ("subnet", aws.network.subnets, network["subnets"]),
        ("securityGroup", aws.network.groups, network.get("securityGroups", [])),
    ):
        missing = [one for one in wanted if one not in held]
        if missing:
            code = "InvalidSubnetID.NotFound" if kind == "subnet" else "InvalidGroup.NotFound"
            raise invalid(
                f"Error retrieving {kind} information for {missing}: The {kind} ID '{missing[0]}' does not exist "
                f"(ErrorCode: {code})"
            )
    vpcs = {aws.network.subnets[one] for one in network["subnets"]}
    vpcs |= {aws.network.groups[one] for one in network.get("securityGroups", ())}
    if len(vpcs) > 1:
        raise invalid("Security group and subnet are in different networks.")


def _balancer(aws: "Aws", balancer: Document, definition: TaskDefinition) -> None:
    arn = balancer.get("targetGroupArn", "")
    _group(aws, arn)
    containers = {one["name"]: one for one in definition.document["containerDefinitions"]}
    name, port = balancer.get("containerName"), balancer.get("containerPort")
    if name not in containers:
        raise invalid(f"The container {name} does not exist in the task definition.")
    if port not in {one["containerPort"] for one in containers[name]["portMappings"]}:
        raise invalid(f"The container {name} did not have a container port {port} defined.")


def _group(aws: "Aws", arn: str) -> None:
    group = aws.balancing.targets.get(arn)
    if group is None:
        raise invalid(f"Unable to assume the service linked role or find the target group {arn}.")
    if group.kind != "ip":
        raise invalid(
            f"The provided target group {arn} has target type {group.kind}, which is incompatible with the awsvpc "
            "network mode specified in the task definition."
        )
    if not group.balancers:
        raise invalid(f"The target group with targetGroupArn {arn} does not have an associated load balancer.")


def _deployment(aws: "Aws", document: Document) -> None:
    how = document.get("deploymentConfiguration", {})
    strategy = how.get("strategy", "ROLLING")
    for name, key in (("LINEAR", "linearConfiguration"), ("CANARY", "canaryConfiguration")):
        if key in how and strategy != name:
            raise invalid(f"{key} can only be used with the {name} deployment strategy.")
    if "bakeTimeInMinutes" in how and not 0 <= how["bakeTimeInMinutes"] <= 1440:
        raise invalid("bakeTimeInMinutes must be between 0 and 1440.")
    if strategy == "LINEAR" and not 3.0 <= how.get("linearConfiguration", {}).get("stepPercent", 10.0) <= 100.0:
        raise invalid("stepPercent must be between 3.0 and 100.0.")
    if strategy == "CANARY" and not 0.1 <= how.get("canaryConfiguration", {}).get("canaryPercent", 5.0) <= 100.0:
        raise invalid("canaryPercent must be between 0.1 and 100.0.")
    if how.get("minimumHealthyPercent", 100) >= how.get("maximumPercent", 200):
        raise invalid("maximumPercent must be greater than minimumHealthyPercent.")
    if strategy in SHIFTS:
        for balancer in document.get("loadBalancers", ()):
            _advanced(aws, balancer)


def _advanced(aws: "Aws", balancer: Document) -> None:
    advanced = balancer.get("advancedConfiguration")
    needed = {"alternateTargetGroupArn", "productionListenerRule", "roleArn"}
    if advanced is None or not needed <= set(advanced):
        raise invalid("advancedConfiguration is required for this deployment strategy when a load balancer is used.")
    _group(aws, advanced["alternateTargetGroupArn"])
    for key in ("productionListenerRule", "testListenerRule"):
        if key in advanced and aws.balancing.rule(advanced[key]) is None:
            raise invalid(f"The listener rule {advanced[key]} could not be found.")
    if advanced["alternateTargetGroupArn"] == balancer["targetGroupArn"]:
        raise invalid("alternateTargetGroupArn must differ from targetGroupArn.")
