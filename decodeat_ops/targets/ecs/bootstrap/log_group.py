"""Make the log group, and delete one that was made."""

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.plan import Action, Params, Step
from decodeat_ops.core.target import Steps
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.ecs.arns import Arns
from decodeat_ops.targets.ecs.bootstrap.marks import MARK, tags
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.verifying.platform import log_group_there

_THERE = frozenset({"ResourceAlreadyExistsException"})
_GONE = frozenset({"ResourceNotFoundException"})


def steps(place: Place, mark: str) -> Steps:
    """Return the step that makes the log group, none when it is there."""
    if log_group_there(place, place.names.log_group):
        return ()
    days = place.loaded.settings.ecs.log_retention_days
    about = {"group": place.names.log_group, "arn": Arns(place.names).log_group, "days": days, "mark": mark}
    return (
        Step(
            id="log-group",
            title="Make the log group",
            do=Action("make-log-group", about),
            undo=Action("unmake-log-group", about),
            preview=(f"CreateLogGroup {place.names.log_group}, lines are kept for {days} days",),
        ),
    )


def make(place: Place, context: Context, params: Params) -> None:
    """Make the log group with its retention. One that somebody else made by now keeps what it has."""
    group = params["group"]
    try:
        place.aws.call("logs", "CreateLogGroup", logGroupName=group, tags=tags(place, params["mark"]))
    except AwsRefused as error:
        if error.error not in _THERE:
            raise
        if not _ours(place, params):
            return
    place.aws.call("logs", "PutRetentionPolicy", logGroupName=group, retentionInDays=params["days"])


def unmake(place: Place, context: Context, params: Params) -> None:
    """Delete the log group if it was made by this change."""
    if _ours(place, params):
        place.aws.call("logs", "DeleteLogGroup", logGroupName=params["group"])


def _ours(place: Place, params: Params) -> bool:
    """Return whether the log group is there with this change's mark."""
    try:
        told = place.aws.call("logs", "ListTagsForResource", resourceArn=params["arn"])
    except AwsRefused as error:
        if error.error in _GONE:
            return False
        raise
    return bool(told.get("tags", {}).get(MARK) == params["mark"])


ACTIONS: Acts = {"make-log-group": make, "unmake-log-group": unmake}
