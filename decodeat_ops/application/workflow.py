"""Run the change workflow: lock, settle what was left open, derive a plan, have it approved, carry it out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from decodeat_ops.application.desk import Desk
from decodeat_ops.core import events
from decodeat_ops.core.errors import Interrupted, Locked, OpsError, Usage
from decodeat_ops.core.outcome import Lines, Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.progress import Progress
from decodeat_ops.engine.executor import Context, Engine, Results
from decodeat_ops.engine.settling import settling
from decodeat_ops.operations import elsewhere


def _never(stop: Callable[[], None]) -> None:
    """Do nothing: the change can't be interrupted."""


@dataclass(frozen=True)
class Change:
    """Describe how a change is made: only shown (`dry_run`), approved by `approve`, its events sent to `emit`.

    `lock_wait` is how many seconds it waits for the lock. `interrupt` is given a function that asks the engine to stop
    at the next safe place. `consent` says how to approve next time, when the plan was not approved.
    """

    dry_run: bool = False
    approve: Callable[[Plan], bool] = lambda plan: True
    emit: events.Emit = events.discard_event
    lock_wait: float = 0.0
    interrupt: Callable[[Callable[[], None]], None] = _never
    consent: str = "answer y, or give --yes"


Derive = Callable[[Any], Plan | Outcome]  # from what was observed
Finish = Callable[[Plan, Mapping[str, Results]], Outcome]
# These verbs undo what an earlier command left half done. `start` does so because it runs after a reboot, which may
# come in the middle of a deploy.
SETTLES = frozenset({"deploy", "rollback", "start"})
SETTLED = "The interrupted operation before it was brought to its end; nothing else was changed."


def carry_out(desk: Desk, verb: str, derive: Derive, change: Change, finish: Finish) -> Outcome:
    """Carry out one change from observation to outcome.

    What is deployed is observed once before the lock is taken, and once under it. Raises what the engine raises,
    `Locked` when another command or an interrupted change is in the way, `Interrupted` when the plan is not approved.
    """
    ledger = desk.ledger
    left_open = ledger.unfinished()
    approved: Plan | None = None
    if not left_open or change.dry_run:
        first = _derived(desk, derive)
        if isinstance(first, Outcome):
            return first  # nothing to do: no lock is taken and nothing is written
        if change.dry_run:
            return _shown(first, left_open)
        if not ledger.exists():  # nothing is made before the operator's approval, not even a lock
            _approve(change, verb, first, "Nothing was changed.")
            approved = first
    ledger.prepare()
    with ledger.held(verb, change.lock_wait):
        ledger.prepare()  # the command that held the lock may have been a `remove`
        engine = Engine(desk.actions, ledger)
        context = Context(desk.secrets, change.emit)
        change.interrupt(lambda: setattr(context, "interrupted", True))
        settled = _settle(desk, verb, engine, context, change)
        if settled:
            ledger.prepare()  # what was settled may have been a `remove`, too
        context.results.clear()
        derived = _derived(desk, derive, settled=settled)
        if isinstance(derived, Outcome):
            return _warned(derived, context)
        if derived != approved:  # another command may have changed what is there since
            _approve(change, verb, derived, SETTLED if settled else "Nothing was changed.")
        results = engine.carry_out(derived, context)
    return _warned(finish(derived, results), context)


def _warned(outcome: Outcome, context: Context) -> Outcome:
    """Return the outcome with the warnings of its steps and of the undo before them."""
    return replace(outcome, warnings=(*outcome.warnings, *context.warnings))


def _derived(desk: Desk, derive: Derive, *, settled: bool = False) -> Plan | Outcome:
    """Return the plan. A refusal must not say that nothing was changed once something was undone."""
    try:
        return derive(desk.target.observe())
    except OpsError as error:
        if settled:
            error.advice = replace(error.advice, state=SETTLED)
        raise


def _settle(desk: Desk, verb: str, engine: Engine, context: Context, change: Change) -> bool:
    """Undo or finish an interrupted change once that is approved, and return whether there was one.

    Raises `Locked` for a verb that doesn't undo. An unfinished clean-up after a completed change blocks no verb: each
    tries it again and goes on.
    """
    left_open = desk.ledger.unfinished()
    if not left_open:
        return False
    progress = desk.ledger.read(left_open)
    if not progress.committed and verb not in SETTLES:
        raise Locked(
            f"An interrupted {progress.plan.verb} of {progress.plan.subject} is waiting to be settled.",
            hint="`decodeat-ops resume` goes on, `decodeat-ops resume --undo` takes it back; `decodeat-ops deploy`, "
            "`decodeat-ops rollback` or `decodeat-ops start` undoes it, then does its own.",
        )
    plan = settling(progress, elsewhere.told(desk.target))
    _approve(change, verb, plan, "Nothing was changed; what was interrupted waits as it did.")
    engine.undo(left_open, context)
    return True


def resume(desk: Desk, change: Change, finish: Finish, *, undo: bool = False) -> Outcome:
    """Finish or undo an interrupted change, or with `undo` only undo it; 0 changed when there was none."""
    ledger = desk.ledger
    if not ledger.unfinished():
        return Outcome("resume", "Nothing was interrupted.")
    with ledger.held("resume", change.lock_wait):
        left_open = ledger.unfinished()
        if not left_open:
            return Outcome("resume", "Nothing was interrupted.")
        progress = ledger.read(left_open)
        back = undo or progress.undoing
        plan = _taken_back(desk, progress) if back else progress.plan
        if change.dry_run:
            return _shown(plan, "", done=() if back else tuple(progress.done))
        _approve(change, "resume", plan, "Nothing was changed; what was interrupted waits as it did.")
        context = Context(desk.secrets, change.emit)
        change.interrupt(lambda: setattr(context, "interrupted", True))
        engine = Engine(desk.actions, ledger)
        if undo:
            engine.undo(left_open, context)
            return _warned(Outcome("resume", f"The interrupted {plan.subject} is undone.", changed=1), context)
        results = engine.resume(left_open, context, desk.inputs())
    return _warned(finish(progress.plan, results), context)


def _taken_back(desk: Desk, progress: Progress) -> Plan:
    plan = settling(progress, elsewhere.told(desk.target))
    if progress.committed:
        raise Usage(
            f"The {plan.subject} is complete; only cleaning up after it is left, and there is nothing to undo in that.",
            hint="`decodeat-ops resume` finishes it; `decodeat-ops rollback` goes back from what serves.",
        )
    return plan


def _shown(plan: Plan, left_open: str, done: tuple[str, ...] = ()) -> Outcome:
    warnings: tuple[str, ...] = ()
    if left_open:
        warnings = ("An interrupted operation would be brought to its end first: `decodeat-ops resume --dry-run`.",)
    return Outcome(
        plan.verb,
        f"Dry run: {len(plan.steps)} steps, nothing was changed.",
        data={"dry_run": True, "plan": plan.as_json(), "fingerprint": plan.fingerprint, "done": list(done)},
        blocks=(Lines(tuple(plan.text().splitlines())),),
        warnings=warnings,
    )


def _approve(change: Change, verb: str, plan: Plan, state: str) -> None:
    """Have a plan approved. Raises `Interrupted` when it isn't; `state` says how things are left then."""
    if not change.approve(plan):
        raise Interrupted(f"{verb} was not approved.", state=state, hint=f"Run it again and {change.consent}.")


def data(plan: Plan, results: Mapping[str, Results]) -> dict[str, Any]:
    """Return the common JSON of a change: its subject and what its steps produced."""
    return {"subject": plan.subject, "steps": {step: dict(result) for step, result in results.items()}}
