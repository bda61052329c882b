"""Show and change the firewalls of a deployment's machines, for targets that have any."""

import uuid
from collections.abc import Mapping
from typing import Any

from decodeat_ops.application.desk import Desk
from decodeat_ops.application.workflow import Change, carry_out, data
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.firewall import Fenced, Wall
from decodeat_ops.core.outcome import Cell, Facts, Lines, Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Observed
from decodeat_ops.engine.executor import Results

APPLY = "decodeat-ops firewall apply"
STATUS = "decodeat-ops firewall status"


def apply(desk: Desk, change: Change, seconds: int) -> Outcome:
    """Bring the firewalls to what is wanted; what is not confirmed within `seconds` goes back by itself."""
    target = _fenced(desk)
    mark = uuid.uuid4().hex  # chosen once, so that the approved plan and its execution are the same

    def derive(observed: Observed[Any]) -> Plan | Outcome:
        plan = target.firewall(observed, mark, seconds)
        return plan or Outcome("firewall", "0 changed: the firewall is as it should be.", next=(STATUS,))

    return carry_out(desk, "firewall", derive, change, finish)


def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
    """Return the outcome of a change that was carried out and confirmed."""
    said = f"The firewall of {plan.subject} is changed, and confirmed over a new connection."
    return Outcome("firewall", said, changed=len(plan.steps), data=data(plan, results), next=(STATUS,))


def status(desk: Desk) -> Outcome:
    """Show every machine's rules as they are, and what differs from what is wanted; exit code 4 when anything does."""
    found = _fenced(desk).walls()
    differ = [wall.host for wall in found if wall.differs or wall.wrong]
    summary = f"The firewall differs on {', '.join(differ)}." if differ else "The firewall is as it should be."
    return Outcome(
        "firewall status",
        summary,
        exit_code=4 if differ else 0,
        data={"hosts": {wall.host: wall.facts for wall in found}},
        blocks=[block for wall in found for block in _blocks(wall)],
        next=(APPLY,) if differ else (),
    )


def _blocks(wall: Wall) -> tuple[Facts | Lines, ...]:
    state: Cell = ("active", "good") if wall.active else ("not active", "bad")
    pairs: list[tuple[str, Cell]] = [("firewall", state)]
    pairs += [("differs", (text, "warn")) for text in wall.differs]
    pairs += [("wrong", (text, "bad")) for text in wall.wrong]
    return Facts(tuple(pairs), wall.host), Lines(wall.rules)


def _fenced(desk: Desk) -> Fenced[Any]:
    target: Any = desk.target
    if not isinstance(target, Fenced):
        raise Usage(
            f"There is no firewall to change for {target.name}.",
            hint="Only machines of --target vm have one that is ours to change.",
        )
    return target
