"""Judge what a deployment stands on: its cluster and its log group."""

from collections.abc import Mapping
from typing import Any

from decodeat_ops.targets.ecs.findings import Findings
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.revisions import container_of

BOOTSTRAP = "`decodeat-ops bootstrap` makes it"
OF_THEN = "that revision names it: put it back, or run `decodeat-ops deploy`, which takes what the settings name"


def judge(place: Place, findings: Findings, definition: Mapping[str, Any] | None = None) -> None:
    """Add a missing cluster and a missing log group to the problems: the settings', or a `definition`'s own."""
    names = place.names
    cluster = findings.ask(f"the cluster {names.cluster}", lambda: cluster_active(place))
    if cluster is False:
        findings.problem(f"there is no cluster {names.cluster} in {names.region}; {BOOTSTRAP}")
    logs = _log_group(names.container, definition) if definition else names.log_group
    if logs and findings.ask(f"the log group {logs}", lambda: log_group_there(place, logs)) is False:
        mend = BOOTSTRAP if logs == names.log_group else OF_THEN
        findings.problem(f"there is no log group {logs} in {names.region}; {mend}")


def _log_group(container: str, definition: Mapping[str, Any]) -> str:
    """Return the log group of a task definition, "" when it has none in CloudWatch."""
    found = container_of(definition, container)
    return str(found.get("logConfiguration", {}).get("options", {}).get("awslogs-group", ""))


def cluster_active(place: Place) -> bool:
    """Return whether the cluster is there; one that was deleted is still shown for a while, as INACTIVE."""
    told = place.aws.call("ecs", "DescribeClusters", clusters=[place.names.cluster])
    return any(one.get("status") == "ACTIVE" for one in told.get("clusters", ()))


def log_group_there(place: Place, name: str) -> bool:
    """Return whether a log group is there; AWS answers with all whose names begin so."""
    groups = place.aws.pages("logs", "DescribeLogGroups", "logGroups", logGroupNamePrefix=name)
    return any(one["logGroupName"] == name for one in groups)
