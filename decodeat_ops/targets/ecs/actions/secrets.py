"""Carry out the step that writes today's values of secrets into the deployment's own secret, and its undo."""

from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs import secrets
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.steps import SECRETS


def write(place: Place, context: Context, params: Params) -> Results:
    """Make a version with today's values the current one, unless it is."""
    return secrets.write(place, context.secrets)


def unwrite(place: Place, context: Context, params: Params) -> None:
    """Make the version of before current again. It needs no values: an undo may run without secrets."""
    told = context.results.get(SECRETS, {})
    if told.get("written", True):  # values that were current before this change stay so
        secrets.unwrite(place, params["version"], created=bool(told.get("created")))


ACTIONS: Acts = {"write-secrets": write, "unwrite-secrets": unwrite}
