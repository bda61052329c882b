"""Build the plan that undoes an interrupted change or finishes its clean-up, to be shown and approved."""

from dataclasses import replace

from decodeat_ops.core.plan import Plan
from decodeat_ops.core.progress import Progress
from decodeat_ops.core.target import Facts

UNDO = "undo"  # the verb of a plan that takes back an interrupted change


def settling(progress: Progress, told: Facts = ()) -> Plan:
    """Return the plan that undoes what was begun, newest first; past the point of no return, the remaining steps.

    `told` are facts of where it changes something.
    """
    plan = progress.plan
    subject = f"{plan.verb} of {plan.subject}"
    if progress.committed:
        left = tuple(step for step in plan.steps if step.id not in progress.done)
        fact = ("interrupted", "it is complete; only cleaning up after it is left")
        return Plan("finish", plan.deployment, subject, left, (fact, *told))
    by_id = {step.id: step for step in plan.steps}
    undone = tuple(
        replace(step, title=f"Undo: {step.title}", do=step.undo, undo=None, produces=(), preview=())
        for step in map(by_id.__getitem__, progress.touched())
        if step.undo is not None
    )
    fact = ("interrupted", "everything that it did is taken back; what served before serves still")
    return Plan(UNDO, plan.deployment, subject, undone, (fact, *told))
