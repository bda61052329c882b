"""Choose how many instances run, for the command line."""

from collections.abc import Mapping
from typing import Any

from decodeat_ops.application.desk import Desk
from decodeat_ops.application.workflow import Change, carry_out, data
from decodeat_ops.core.abilities import Scales
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Observed
from decodeat_ops.engine.executor import Results


def scale(desk: Desk, change: Change, count: int) -> Outcome:
    """Run `count` instances of the release that serves. Raises `Usage` where their number can't be chosen."""
    target = desk.target
    if not isinstance(target, Scales):
        raise Usage(
            f"There is no number of instances to choose on {desk.loaded.settings.target}.",
            hint="One release runs there; WORKERS under service.environment says with how many processes.",
        )

    def derive(observed: Observed[Any]) -> Plan | Outcome:
        found = target.scale(observed, count)
        if found.steps:
            serves = observed.active_id
            return Plan("scale", desk.deployment, serves, found.steps, found.facts, "", serves)
        return Outcome(
            "scale",
            f"0 changed: {_tasks(count)} of release {observed.active_id} are asked for already.",
            data={"count": count, "release": observed.active_id},
            next=("decodeat-ops status",),
        )

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        return Outcome(
            "scale",
            f"{_tasks(count)} of release {plan.subject} run{'s' if count == 1 else ''}.",
            changed=1,
            data={"count": count, **data(plan, results)},
            next=("decodeat-ops status",),
        )

    return carry_out(desk, "scale", derive, change, finish)


def _tasks(count: int) -> str:
    return f"{count} task{'' if count == 1 else 's'}"
