"""Let clients be told that the service is away for a while, for the command line."""

from collections.abc import Mapping
from typing import Any

from decodeat_ops.application.desk import Desk
from decodeat_ops.application.workflow import Change, carry_out, data
from decodeat_ops.core.abilities import Maintains
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Observed
from decodeat_ops.engine.executor import Results
from decodeat_ops.operations import elsewhere

VERB = "maintenance"


def maintain(desk: Desk, change: Change, *, on: bool) -> Outcome:
    """Let clients get 503 while what runs goes on, or the release again. Raises `Usage` where a target can't."""
    target = desk.target
    if not isinstance(target, Maintains):
        raise Usage(
            f"There is nothing in front of the service that could answer for it on {desk.loaded.settings.target}.",
            hint="`decodeat-ops stop` finishes what runs and takes nothing new.",
        )
    word = "on" if on else "off"

    def derive(observed: Observed[Any]) -> Plan | Outcome:
        steps = target.maintain(observed, on=on)
        if steps:
            serves = observed.serves_now
            facts = (("serves now", serves), *elsewhere.told(target))
            return Plan(VERB, desk.deployment, word, steps, facts, "", serves)
        return Outcome(VERB, f"0 changed: maintenance is {word} already.", data={"maintenance": word})

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        text = "clients get 503, and what runs goes on" if on else "clients reach the release again"
        return Outcome(
            VERB,
            f"Maintenance is {word}: {text}.",
            changed=1,
            data={"maintenance": word, **data(plan, results)},
            next=(f"decodeat-ops maintenance {'off' if on else 'on'}", "decodeat-ops status"),
        )

    return carry_out(desk, VERB, derive, change, finish)
