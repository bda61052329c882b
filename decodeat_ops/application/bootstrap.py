"""Make what a deployment stands on, for targets that can make it."""

import uuid
from collections.abc import Mapping
from typing import Any

from decodeat_ops.application.desk import Desk
from decodeat_ops.application.workflow import Change, carry_out, data
from decodeat_ops.core.bootstrap import Bootstraps
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Observed
from decodeat_ops.engine.executor import Results

VERB = "bootstrap"


def bootstrap(desk: Desk, change: Change) -> Outcome:
    """Make what is missing before a first deploy, and leave alone what is there."""
    target = desk.target
    if not isinstance(target, Bootstraps):
        raise Usage(
            f"There is nothing to bootstrap for {target.name}.",
            hint="A first `decodeat-ops deploy` makes all that it needs.",
        )
    mark = uuid.uuid4().hex  # chosen once, so that the approved plan and its execution are the same

    def derive(observed: Observed[Any]) -> Plan | Outcome:
        plan = target.bootstrap(observed, mark)
        return plan or Outcome(
            VERB,
            f"0 changed: all that {target.place} needs is there.",
            data={"place": target.place},
            next=("decodeat-ops deploy",),
        )

    return carry_out(desk, VERB, derive, change, finish)


def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
    """Return the outcome of a bootstrap that was carried out."""
    return Outcome(
        VERB,
        f"{len(plan.steps)} made for {plan.subject}.",
        changed=len(plan.steps),
        data={"made": [step.id for step in plan.steps], **data(plan, results)},
        next=("decodeat-ops deploy --dry-run", "decodeat-ops deploy"),
    )
