"""Plan start, stop, restart and remove, which make no new version of a deployment."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from decodeat_ops.core.errors import Usage
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Facts, O, Origin, Target
from decodeat_ops.operations import elsewhere
from decodeat_ops.operations.deploy import free_id
from decodeat_ops.operations.moving import ordered

NOTHING = "Nothing is deployed here."
DEPLOY = "Run `decodeat-ops deploy` first."


def verified(plan: Plan, observed: O, target: Target[Any, O], origin: Origin) -> Plan:
    """Return a plan that starts the deployed version again, with what its target says of that.

    Raises `Configuration` with all that keeps it from being started.
    """
    if observed.current is None:
        raise Usage(NOTHING, hint=DEPLOY)
    facts = elsewhere.startable(target, observed.current, origin, observed)
    return replace(plan, facts=(*plan.facts, *facts))


def plan_start(observed: O, target: Target[Any, O], deployment: str, *, secrets: str, inputs: str) -> Plan | None:
    """Return the plan to start what was stopped, or what a reboot ended, with today's secrets.

    None when there is nothing to do. Raises `Usage` when nothing is deployed.
    """
    if observed.current is None:
        raise Usage(NOTHING, hint=DEPLOY)
    release = replace(observed.current, secrets=secrets)
    steps = ordered(target.move(release, None, observed), release.id)
    if not steps:
        return None
    reached = observed.reached or observed.active
    serves = observed.serves_now if reached is not None and reached.id in observed.running else observed.stranger
    facts = (("serves now", serves or "nothing"), ("will serve", release.id))
    return Plan("start", deployment, release.id, steps, facts, inputs, serves)


def plan_stop(observed: O, target: Target[Any, O], deployment: str, *, inputs: str) -> Plan | None:
    """Return the plan to finish running requests and take no new ones; None when it is stopped already.

    Raises `Usage` when nothing is deployed.
    """
    if observed.current is None:
        raise Usage(NOTHING, hint=DEPLOY)
    steps = target.halt(observed)
    if not steps:
        return None
    facts: Facts = (("still runs", ", ".join(sorted(observed.running))),)
    if observed.active is not None:
        back = "nothing listens; `decodeat-ops start` brings it back"
        facts = (("serves now", observed.serves_now), ("afterwards", back))
    facts += elsewhere.told(target)
    return Plan("stop", deployment, observed.current.id, steps, facts, inputs, observed.serves_now)


def plan_restart(
    observed: O,
    target: Target[Any, O],
    deployment: str,
    *,
    secrets: str,
    by: str,
    now: datetime,
    inputs: str,
) -> Plan:
    """Return the plan for a new process of the same version with today's secrets, by the steps of a deploy.

    No request is lost.
    """
    current = observed.current
    if current is None:
        raise Usage(NOTHING, hint=DEPLOY)
    name = free_id(now, current.fingerprint, observed.taken)
    release = replace(
        current,
        id=name,
        secrets=secrets,
        created_at=now.isoformat(timespec="seconds"),
        created_by=by,
        origin="restart",
        sequence=observed.next_sequence,
    )
    move = target.move(release, Origin("copied", of=current), observed)
    facts = (
        ("serves now", observed.serves_now or "nothing"),
        ("will serve", f"{name}, the code and settings of {current.id}"),
    )
    return Plan("restart", deployment, name, ordered(move, name), facts, inputs, observed.serves_now)


def plan_remove(observed: O, target: Target[Any, O], deployment: str, keep: frozenset[str]) -> Plan | None:
    """Return the plan to stop and delete everything but what `keep` names; None when there is nothing to remove."""
    removal = target.remove(observed, keep)
    if not removal.steps:
        return None
    facts = (*removal.facts, *elsewhere.told(target))
    return Plan("remove", deployment, target.place, removal.steps, facts, "", observed.serves_now)


def stays(plan: Plan, results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what a removal left, for people; journals of earlier versions say it in the words of their facts."""
    told = [str(result["stays"]) for result in results.values() if result.get("stays")]
    return ", ".join(told) or dict(plan.facts).get("stays", "nothing")
