"""Delete what is beyond retention, for the command line: what a deploy does at its end, by itself."""

from collections.abc import Mapping
from typing import Any

from decodeat_ops.application.desk import Desk
from decodeat_ops.application.workflow import Change, carry_out, data
from decodeat_ops.core.abilities import Prunes
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Observed
from decodeat_ops.engine.executor import Results
from decodeat_ops.operations import elsewhere

VERB = "prune"


def prune(desk: Desk, change: Change) -> Outcome:
    """Delete releases and images beyond retention. Raises `Usage` where each deploy alone does it."""
    target = desk.target
    if not isinstance(target, Prunes):
        raise Usage(
            f"There is nothing to prune by hand on {desk.loaded.settings.target}.",
            hint="Each `decodeat-ops deploy` deletes what is beyond retention there.",
        )

    def derive(observed: Observed[Any]) -> Plan | Outcome:
        steps = target.prune(observed)
        if steps:
            serves = observed.serves_now
            facts = (("serves now", serves or "nothing"), *elsewhere.told(target))
            return Plan(VERB, desk.deployment, "what is beyond retention", steps, facts, "", serves)
        return Outcome(VERB, "0 changed: nothing is beyond retention.", next=("decodeat-ops releases",))

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        return Outcome(
            VERB,
            "What was beyond retention is deleted.",
            changed=1,
            data=data(plan, results),
            next=("decodeat-ops releases",),
        )

    return carry_out(desk, VERB, derive, change, finish)
