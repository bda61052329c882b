"""Answer ECS about service deployments and service revisions: the stages of native shifts."""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.servers.aws.ecs import clusters, shifts
from tests.servers.aws.ecs.state import Service, ServiceDeployment
from tests.servers.aws.errors import Answer, Params, Refused, invalid
from tests.servers.aws.paging import ECS, page

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws


def _all(aws: "Aws") -> dict[str, tuple[Service, ServiceDeployment]]:
    return {one.arn: (service, one) for service in aws.ecs.services.values() for one in service.history}


def list_service_deployments(aws: "Aws", params: Params) -> Answer:
    name = params["service"].rpartition("/")[2]
    cluster = clusters.found(aws, params.get("cluster") or _cluster_of(params["service"]))
    service = aws.ecs.services.get(aws.account.arn("ecs", f"service/{cluster.name}/{name}"))
    if service is None:
        raise Refused("ServiceNotFoundException", "Service not found.")
    window = params.get("createdAt", {})
    held = [
        _brief(service, one)
        for one in reversed(service.history)
        if (not params.get("status") or one.status in params["status"])
        and one.created >= window.get("after", one.created)
        and one.created <= window.get("before", one.created)
    ]
    shown, more = page(held, params, ECS, aws.switches, "InvalidParameterException")
    return {"serviceDeployments": shown, **more}


def _cluster_of(service: str) -> str | None:
    return service.split("/")[-2] if service.startswith("arn:") else None


def _brief(service: Service, one: ServiceDeployment) -> Answer:
    told: Answer = {
        "serviceDeploymentArn": one.arn,
        "serviceArn": service.arn,
        "clusterArn": service.cluster.arn,
        "createdAt": one.created,
        "startedAt": one.created,
        "targetServiceRevisionArn": one.target,
        "status": one.status,
    }
    told |= {"statusReason": one.reason} if one.reason else {}
    return told | ({"finishedAt": one.finished} if one.finished else {})


def describe_service_deployments(aws: "Aws", params: Params) -> Answer:
    if not 0 < len(params["serviceDeploymentArns"]) <= 20:
        raise invalid("serviceDeploymentArns must have between 1 and 20 entries.")
    known, found, failures = _all(aws), [], []
    for arn in params["serviceDeploymentArns"]:
        if arn not in known:
            failures.append({"arn": arn, "reason": "MISSING"})
            continue
        service, one = known[arn]
        if one.configuration.get("strategy", "ROLLING") != "ROLLING" and one is service.current:
            # Whoever looks at the service as well makes one step with both looks, and sees every stage.
            if not service.looked_at:
                shifts.advance(aws, service)
            service.looked_at = False
        found.append(_shown(service, one))
    return {"serviceDeployments": found, "failures": failures}


def _shown(service: Service, one: ServiceDeployment) -> Answer:
    told = _brief(service, one)
    target = told.pop("targetServiceRevisionArn")
    told |= {
        "updatedAt": one.finished or one.created,
        "sourceServiceRevisions": [_weights(service, one, arn, green=False) for arn in one.sources],
        "targetServiceRevision": _weights(service, one, target, green=True),
        "deploymentConfiguration": copy.deepcopy(one.configuration),
        "deploymentCircuitBreaker": _breaker(service, one),
    }
    told |= {"lifecycleStage": one.stage} if one.stage else {}
    return told | ({"rollback": one.rollback} if one.rollback else {})


def _weights(service: Service, one: ServiceDeployment, arn: str, *, green: bool) -> Answer:
    held = service.deployment(arn)
    return {
        "arn": arn,
        "requestedTaskCount": held.desired if held else 0,
        "runningTaskCount": held.running if held else 0,
        "pendingTaskCount": held.pending if held else 0,
        "requestedProductionTrafficWeight": one.weight if green else 100.0 - one.weight,
        "requestedTestTrafficWeight": one.test_weight if green else 100.0 - one.test_weight,
    }


def _breaker(service: Service, one: ServiceDeployment) -> Answer:
    enabled = one.configuration.get("deploymentCircuitBreaker", {}).get("enable")
    held = service.deployment(one.target)
    failed = held.failed if held else 0
    status = "DISABLED" if not enabled else "MONITORING" if one.finished is None else "MONITORING_COMPLETE"
    return {"status": status, "failureCount": failed, "threshold": 3}


def describe_service_revisions(aws: "Aws", params: Params) -> Answer:
    found, failures = [], []
    for arn in params["serviceRevisionArns"]:
        one = aws.ecs.revisions.get(arn)
        if one is None:
            failures.append({"arn": arn, "reason": "MISSING"})
            continue
        images = [
            {"containerName": held["name"], "image": held["image"], "imageDigest": held["image"].rpartition("@")[2]}
            for held in one.definition.document["containerDefinitions"]
        ]
        found.append(
            {
                "serviceRevisionArn": one.arn,
                "serviceArn": one.service.arn,
                "clusterArn": one.service.cluster.arn,
                "taskDefinition": one.definition.arn,
                "launchType": "FARGATE",
                "loadBalancers": copy.deepcopy(one.document.get("loadBalancers", [])),
                "networkConfiguration": copy.deepcopy(one.document["networkConfiguration"]),
                "containerImages": images,
                "createdAt": one.created,
            }
        )
    return {"serviceRevisions": found, "failures": failures}


def stop_service_deployment(aws: "Aws", params: Params) -> Answer:
    arn = params["serviceDeploymentArn"]
    if arn not in _all(aws):
        raise Refused("ServiceDeploymentNotFoundException", "The service deployment could not be found.")
    service, one = _all(aws)[arn]
    if one.finished is not None:
        raise Refused("ConflictException", "The service deployment is not in progress.")
    shifts.stop(aws, service, one, params.get("stopType", "ROLLBACK"))
    return {"serviceDeploymentArn": arn}


OPERATIONS: dict[str, Callable[["Aws", Params], Answer]] = {
    "ListServiceDeployments": list_service_deployments,
    "DescribeServiceDeployments": describe_service_deployments,
    "DescribeServiceRevisions": describe_service_revisions,
    "StopServiceDeployment": stop_service_deployment,
}
