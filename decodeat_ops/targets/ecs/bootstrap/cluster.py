"""Make the cluster, and delete one that was made."""

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.plan import Action, Params, Step
from decodeat_ops.core.target import Steps
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs.bootstrap.marks import MARK, of_pairs, small_pairs, tags
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.verifying.platform import cluster_active

_GONE = frozenset({"ClusterNotFoundException"})
_USED = frozenset(
    {
        "ClusterContainsContainerInstancesException",
        "ClusterContainsServicesException",
        "ClusterContainsTasksException",
    }
)


def steps(place: Place, mark: str) -> Steps:
    """Return the step that makes the cluster, none when it is there."""
    if cluster_active(place):
        return ()
    about = {"cluster": place.names.cluster, "mark": mark}
    return (
        Step(
            id="cluster",
            title="Make the cluster",
            do=Action("make-cluster", about),
            undo=Action("unmake-cluster", about),
            preview=(f"CreateCluster {place.names.cluster}",),
        ),
    )


def make(place: Place, context: Context, params: Params) -> None:
    """Make the cluster. AWS answers with the one that is there, if there is one by now."""
    place.aws.call("ecs", "CreateCluster", clusterName=params["cluster"], tags=small_pairs(tags(place, params["mark"])))


def unmake(place: Place, context: Context, params: Params) -> Results | None:
    """Delete the cluster if it was made by this change; one that others use by now stays."""
    told = place.aws.call("ecs", "DescribeClusters", clusters=[params["cluster"]], include=["TAGS"])
    ours = [
        one
        for one in told.get("clusters", ())
        if one.get("status") == "ACTIVE" and of_pairs(one.get("tags", ())).get(MARK) == params["mark"]
    ]
    if not ours:
        return None
    try:
        place.aws.call("ecs", "DeleteCluster", cluster=params["cluster"])
    except AwsRefused as error:
        if error.error in _USED:
            return {"warnings": [f"The cluster {params['cluster']} stays: something runs in it by now."]}
        if error.error not in _GONE:
            raise
    return None


ACTIONS: Acts = {"make-cluster": make, "unmake-cluster": unmake}
