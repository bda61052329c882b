"""Find the task definition of a release in its family, also after a crash in which its ARN was lost."""

from typing import Any

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.revisions import is_of, newest
from decodeat_ops.targets.ecs.steps import REGISTER


def every(place: Place, release: str, secrets: str) -> list[str]:
    """Return the active task definitions of a release with these secrets, newest first.

    There are two where a lost answer made the SDK ask again.
    """
    return [arn for arn in newest(place) if is_of(place, arn, release, secrets)]


def find(place: Place, release: str, secrets: str) -> str:
    """Return the newest active task definition of a release with these secrets, "" when there is none.

    A release has others when it was registered anew with rotated secrets.
    """
    return next(iter(every(place, release, secrets)), "")


def known(place: Place, context: Context, params: Params) -> str:
    """Return the task definition that a step is about, "" when it was never registered."""
    told: dict[str, Any] = context.results.get(REGISTER, {})
    return str(
        params["task_definition"] or told.get("task_definition") or find(place, params["release"], params["secrets"])
    )


def required(place: Place, context: Context, params: Params) -> str:
    """Return the task definition that a step is about. Raises `StepFailed` when it is not there."""
    found = known(place, context, params)
    if not found:
        raise StepFailed(
            f"Release {params['release']} has no task definition in the family {place.names.family}.",
            hint="Somebody deregistered it; run the command again.",
        )
    return found
