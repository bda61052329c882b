"""Judge what a deployment stands on: its cluster and its log group."""

from decodeat_ops.targets.ecs.findings import Findings
from decodeat_ops.targets.ecs.place import Place

BOOTSTRAP = "`decodeat-ops bootstrap` makes it"


def judge(place: Place, findings: Findings) -> None:
    """Add a missing cluster and a missing log group to the problems."""
    names = place.names
    cluster = findings.ask(f"the cluster {names.cluster}", lambda: cluster_active(place))
    if cluster is False:
        findings.problem(f"there is no cluster {names.cluster} in {names.region}; {BOOTSTRAP}")
    group = findings.ask(f"the log group {names.log_group}", lambda: log_group_there(place))
    if group is False:
        findings.problem(f"there is no log group {names.log_group} in {names.region}; {BOOTSTRAP}")


def cluster_active(place: Place) -> bool:
    """Return whether the cluster is there; one that was deleted is still shown for a while, as INACTIVE."""
    told = place.aws.call("ecs", "DescribeClusters", clusters=[place.names.cluster])
    return any(one.get("status") == "ACTIVE" for one in told.get("clusters", ()))


def log_group_there(place: Place) -> bool:
    """Return whether the log group is there; AWS answers with all whose names begin so."""
    name = place.names.log_group
    groups = place.aws.pages("logs", "DescribeLogGroups", "logGroups", logGroupNamePrefix=name)
    return any(one["logGroupName"] == name for one in groups)
