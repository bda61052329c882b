"""Answer ECS about clusters, and about the tags of all that has an ARN."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.servers.aws.ecs.definitions import listed
from tests.servers.aws.ecs.state import ACTIVE, INACTIVE, Cluster
from tests.servers.aws.errors import Answer, Params, Refused, invalid
from tests.servers.aws.paging import ECS, page

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws


def found(aws: "Aws", named: str | None) -> Cluster:
    """Return an active cluster by name or ARN."""
    cluster = aws.ecs.clusters.get((named or "default").rpartition("/")[2])
    if cluster is None or cluster.status != ACTIVE:
        raise Refused("ClusterNotFoundException", "Cluster not found.")
    return cluster


def create_cluster(aws: "Aws", params: Params) -> Answer:
    """Create a cluster, or return the one of that name: the real one is idempotent too."""
    name = params.get("clusterName", "default")
    known = aws.ecs.clusters.get(name)
    if known is None or known.status != ACTIVE:
        known = aws.ecs.clusters[name] = Cluster(name, aws.account.arn("ecs", f"cluster/{name}"))
        known.tags = {one["key"]: one.get("value", "") for one in params.get("tags", ())}
        known.settings = params.get("settings", [])
    return {"cluster": _shown(aws, known, tags=True)}


def _shown(aws: "Aws", one: Cluster, *, tags: bool) -> Answer:
    services = [service for service in aws.ecs.services.values() if service.cluster is one and service.status == ACTIVE]
    tasks = [task for task in aws.ecs.tasks.values() if task.cluster is one]
    return {
        "clusterArn": one.arn,
        "clusterName": one.name,
        "status": one.status,
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": sum(task.status == "RUNNING" for task in tasks),
        "pendingTasksCount": sum(task.status == "PROVISIONING" for task in tasks),
        "activeServicesCount": len(services),
        "statistics": [],
        "tags": listed(one.tags) if tags else [],
        "settings": one.settings,
        "capacityProviders": [],
        "defaultCapacityProviderStrategy": [],
    }


def describe_clusters(aws: "Aws", params: Params) -> Answer:
    clusters, failures = [], []
    for named in params.get("clusters") or ["default"]:
        name = named.rpartition("/")[2]
        one = aws.ecs.clusters.get(name)
        if one is None:
            failures.append({"arn": aws.account.arn("ecs", f"cluster/{name}"), "reason": "MISSING"})
        else:
            clusters.append(_shown(aws, one, tags="TAGS" in params.get("include", ())))
    return {"clusters": clusters, "failures": failures}


def delete_cluster(aws: "Aws", params: Params) -> Answer:
    one = found(aws, params["cluster"])
    if any(service.cluster is one and service.status != INACTIVE for service in aws.ecs.services.values()):
        raise Refused("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
    if any(task.cluster is one and task.status != "STOPPED" for task in aws.ecs.tasks.values()):
        raise Refused("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
    one.status = INACTIVE
    return {"cluster": _shown(aws, one, tags=False)}


def list_clusters(aws: "Aws", params: Params) -> Answer:
    held = [one.arn for one in aws.ecs.clusters.values() if one.status == ACTIVE]
    arns, more = page(held, params, ECS, aws.switches, "InvalidParameterException")
    return {"clusterArns": arns, **more}


def _tags(aws: "Aws", arn: str) -> dict[str, str]:
    kind, _, name = arn.partition(f":{aws.account.id}:")[2].partition("/")
    if kind == "cluster" and name in aws.ecs.clusters:
        return aws.ecs.clusters[name].tags
    if kind == "service" and arn in aws.ecs.services:
        return aws.ecs.services[arn].tags
    if kind == "task" and name.rpartition("/")[2] in aws.ecs.tasks:
        return aws.ecs.tasks[name.rpartition("/")[2]].tags
    definition = aws.ecs.definition(arn) if kind == "task-definition" else None
    if definition is None:
        raise invalid("The specified resource could not be found.")
    return definition.tags


def tag_resource(aws: "Aws", params: Params) -> Answer:
    added = {one["key"]: one.get("value", "") for one in params["tags"]}
    if len(_tags(aws, params["resourceArn"]) | added) > 50:
        raise Refused("LimitExceededException", "A resource can have 50 tags.")
    _tags(aws, params["resourceArn"]).update(added)
    return {}


def untag_resource(aws: "Aws", params: Params) -> Answer:
    for key in params["tagKeys"]:
        _tags(aws, params["resourceArn"]).pop(key, None)
    return {}


def list_tags_for_resource(aws: "Aws", params: Params) -> Answer:
    return {"tags": listed(_tags(aws, params["resourceArn"]))}


OPERATIONS: dict[str, Callable[["Aws", Params], Answer]] = {
    "CreateCluster": create_cluster,
    "DescribeClusters": describe_clusters,
    "DeleteCluster": delete_cluster,
    "ListClusters": list_clusters,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": list_tags_for_resource,
}
