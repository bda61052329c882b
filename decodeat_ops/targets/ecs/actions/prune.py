"""Carry out the step that deregisters what is beyond retention."""

from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs.actions.revising import deregister
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.ours import label
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.task_lists import described, listed


def in_use(place: Place) -> frozenset[str]:
    """Return the task definitions that the service, one of its deployments or a task of the family uses now."""
    service = service_state(place)
    used = {service.task_definition, *(one.task_definition for one in service.deployments)} if service else set()
    tasks = described(place, listed(place, "RUNNING", service=False))
    return frozenset(used | {str(one["taskDefinitionArn"]) for one in tasks})


def prune(place: Place, context: Context, params: Params) -> Results | None:
    """Remove the task definitions that the plan names, but none that is in use: its tasks could not be replaced."""
    doomed = params["task_definitions"]
    if not doomed:
        return None
    used = in_use(place)
    kept = [one for one in doomed if one in used]
    for task_definition in doomed:
        if task_definition not in used:
            deregister(place, task_definition)
    if not kept:
        return None
    return {"warnings": [f"{', '.join(map(label, kept))} would be beyond retention and stays: it is in use."]}


ACTIONS: Acts = {"prune": prune}
