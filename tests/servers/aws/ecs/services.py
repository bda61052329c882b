"""Answer ECS about services: create, update, describe and delete."""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.servers.aws.ecs import clusters, definitions, rollout, shapes, shifts
from tests.servers.aws.ecs.behaviour import Document
from tests.servers.aws.ecs.state import ACTIVE, DRAINING, INACTIVE, Cluster, Deployment, Service
from tests.servers.aws.errors import Answer, Params, Refused, invalid
from tests.servers.aws.paging import ECS, page

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws

# What of an update begins a new deployment when it differs from what is there.
ROLLING_OUT = {
    "taskDefinition",
    "networkConfiguration",
    "loadBalancers",
    "platformVersion",
    "propagateTags",
    "serviceRegistries",
    "enableECSManagedTags",
    "enableExecuteCommand",
}
DEFAULTS: Document = {
    "loadBalancers": [],
    "serviceRegistries": [],
    "schedulingStrategy": "REPLICA",
    "deploymentController": {"type": "ECS"},
    "platformVersion": "LATEST",
    "propagateTags": "NONE",
    "enableECSManagedTags": False,
    "enableExecuteCommand": False,
    "availabilityZoneRebalancing": "ENABLED",
}
DEPLOYMENT_DEFAULTS: Document = {
    "deploymentCircuitBreaker": {"enable": False, "rollback": False},
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "strategy": "ROLLING",
}


def _find(aws: "Aws", cluster: Cluster, named: str) -> Service | None:
    name = named.rpartition("/")[2]
    return aws.ecs.services.get(aws.account.arn("ecs", f"service/{cluster.name}/{name}"))


def _active(aws: "Aws", params: Params) -> Service:
    service = _find(aws, clusters.found(aws, params.get("cluster")), params["service"])
    if service is None:
        raise Refused("ServiceNotFoundException", "Service not found.")
    if service.status != ACTIVE:
        raise Refused("ServiceNotActiveException", "Service was not ACTIVE.")
    return service


def create_service(aws: "Aws", params: Params) -> Answer:
    cluster = clusters.found(aws, params.get("cluster"))
    name = params["serviceName"]
    there = _find(aws, cluster, name)
    if there is not None and there.status == DRAINING:
        raise invalid("Unable to Start a service that is still Draining.")
    if there is not None and there.status == ACTIVE:
        if params.get("clientToken") and there.token == params["clientToken"]:
            return {"service": shown(there, tags=True)}
        raise invalid("Creation of service was not idempotent.")
    if "taskDefinition" not in params:
        raise invalid("TaskDefinition cannot be null or empty.")
    definition = definitions.found(aws, params["taskDefinition"], usable=True)
    document = {key: copy.deepcopy(value) for key, value in params.items() if key not in _NOT_KEPT}
    document = DEFAULTS | document
    document["taskDefinition"] = definition.arn
    document["deploymentConfiguration"] = DEPLOYMENT_DEFAULTS | document.get("deploymentConfiguration", {})
    shapes.check(aws, document, definition)
    if "desiredCount" not in params:
        raise invalid("Desired count must be specified for a replica service.")
    arn = aws.account.arn("ecs", f"service/{cluster.name}/{name}")
    tags = {one["key"]: one.get("value", "") for one in params.get("tags", ())}
    service = Service(
        name, arn, cluster, document, aws.account.now(), aws.caller.arn, params["desiredCount"], tags=tags
    )
    service.tells_rollout = aws.ecs.shifts_tell_rollout
    service.token = params.get("clientToken", "")
    aws.ecs.services[arn] = service
    rollout.begin(aws, service, definition)
    return {"service": shown(service, tags=True)}


def update_service(aws: "Aws", params: Params) -> Answer:
    service = _active(aws, params)
    named = str(params.get("taskDefinition", service.document["taskDefinition"]))
    definition = aws.ecs.definition(named) if named == service.document["taskDefinition"] else None
    definition = definition or definitions.found(aws, named, usable=True)
    changed = {key: copy.deepcopy(value) for key, value in params.items() if key not in _NOT_KEPT}
    changed["taskDefinition"] = definition.arn
    if "deploymentConfiguration" in changed:
        changed["deploymentConfiguration"] = DEPLOYMENT_DEFAULTS | changed["deploymentConfiguration"]
    document = service.document | changed
    if changed.get("loadBalancers") == [] and "healthCheckGracePeriodSeconds" not in changed:
        document.pop("healthCheckGracePeriodSeconds", None)  # it goes with the load balancer it was for
    shapes.check(aws, document, definition)
    rolls = any(service.document.get(key) != document.get(key) for key in ROLLING_OUT) or params.get(
        "forceNewDeployment"
    )
    service.document = document
    service.desired = params.get("desiredCount", service.desired)
    primary = service.primary
    if rolls:
        rollout.begin(aws, service, definition)
    elif primary is not None:
        primary.desired, primary.updated = service.desired, aws.account.now()
    return {"service": shown(service, tags=False)}


def delete_service(aws: "Aws", params: Params) -> Answer:
    service = _find(aws, clusters.found(aws, params.get("cluster")), params["service"])
    if service is None or service.status == INACTIVE:
        raise Refused("ServiceNotFoundException", "Service not found.")
    if service.desired > 0 and not params.get("force") and service.status == ACTIVE:
        raise invalid("The service cannot be stopped while it is scaled above 0.")
    service.status, service.desired = DRAINING, 0
    for one in service.deployments:
        one.desired = 0
    if not any(one.running or one.pending for one in service.deployments):
        service.status, service.deployments = INACTIVE, []
    return {"service": shown(service, tags=False)}


def describe_services(aws: "Aws", params: Params) -> Answer:
    cluster = clusters.found(aws, params.get("cluster"))
    if not 0 < len(params["services"]) <= 10:
        raise invalid("Services must have between 1 and 10 entries.")
    services, failures = [], []
    for named in params["services"]:
        service = _find(aws, cluster, named)
        if service is None:
            name = named.rpartition("/")[2]
            failures.append({"arn": aws.account.arn("ecs", f"service/{cluster.name}/{name}"), "reason": "MISSING"})
            continue
        shifts.advance(aws, service)
        service.looked_at = True
        services.append(shown(service, tags="TAGS" in params.get("include", ())))
    return {"services": services, "failures": failures}


def list_services(aws: "Aws", params: Params) -> Answer:
    cluster = clusters.found(aws, params.get("cluster"))
    held = [one.arn for one in aws.ecs.services.values() if one.cluster is cluster and one.status == ACTIVE]
    arns, more = page(held, params, ECS, aws.switches, "InvalidParameterException")
    return {"serviceArns": arns, **more}


_NOT_KEPT = {"cluster", "service", "serviceName", "desiredCount", "clientToken", "tags", "forceNewDeployment", "role"}
_SHOWN = {
    "loadBalancers",
    "serviceRegistries",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "taskDefinition",
    "deploymentConfiguration",
    "placementConstraints",
    "placementStrategy",
    "networkConfiguration",
    "healthCheckGracePeriodSeconds",
    "schedulingStrategy",
    "deploymentController",
    "enableECSManagedTags",
    "propagateTags",
    "enableExecuteCommand",
    "availabilityZoneRebalancing",
}


def shown(service: Service, *, tags: bool) -> Answer:
    """Return a service as it is described."""
    told = {key: copy.deepcopy(value) for key, value in service.document.items() if key in _SHOWN}
    told |= {
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": service.cluster.arn,
        "status": service.status,
        "desiredCount": service.desired,
        "runningCount": sum(one.running for one in service.deployments),
        "pendingCount": sum(one.pending for one in service.deployments),
        "deployments": [_deployment(service, one) for one in service.deployments],
        "events": copy.deepcopy(service.events),
        "createdAt": service.created,
        "createdBy": service.created_by,
        "currentServiceRevisions": [
            {
                "arn": one.revision,
                "requestedTaskCount": one.desired,
                "runningTaskCount": one.running,
                "pendingTaskCount": one.pending,
            }
            for one in service.deployments
        ],
    }
    told.setdefault("launchType", "FARGATE")
    current = service.current
    if current is not None:
        told["currentServiceDeployment"] = current.arn
    return told | ({"tags": definitions.listed(service.tags)} if tags else {})


def _deployment(service: Service, one: Deployment) -> Answer:
    told: Answer = {
        "id": one.id,
        "status": one.status,
        "taskDefinition": one.definition.arn,
        "desiredCount": one.desired,
        "pendingCount": one.pending,
        "runningCount": one.running,
        "failedTasks": one.failed,
        "createdAt": one.created,
        "updatedAt": one.updated,
        "launchType": "FARGATE",
        "platformVersion": one.platform,
        "platformFamily": "Linux",
        "networkConfiguration": {"awsvpcConfiguration": one.network},
    }
    if service.strategy == "ROLLING" or service.tells_rollout:
        told |= {"rolloutState": one.state, "rolloutStateReason": one.reason}
    return told


OPERATIONS: dict[str, Callable[["Aws", Params], Answer]] = {
    "CreateService": create_service,
    "UpdateService": update_service,
    "DeleteService": delete_service,
    "DescribeServices": describe_services,
    "ListServices": list_services,
}
