"""Run the change workflow: lock, settle what was left open, derive a plan, have it approved, carry it out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from decodeat_ops.core import events
from decodeat_ops.core.errors import Interrupted, Locked, OpsError, Usage
from decodeat_ops.core.outcome import Lines, Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.deployment import identity, inputs
from decodeat_ops.deployment.tools import Context, Tools
from decodeat_ops.engine.executor import Actions, Engine, Results
from decodeat_ops.engine.journal import Progress, read, unfinished
from decodeat_ops.engine.lock import held
from decodeat_ops.engine.settling import settling


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


Derive = Callable[[], Plan | Outcome]
Finish = Callable[[Plan, Mapping[str, Results]], Outcome]
# These verbs undo what an earlier command left half done. `start` does so because it runs after a reboot, which may
# come in the middle of a deploy.
SETTLES = frozenset({"deploy", "rollback", "start"})
SETTLED = "The interrupted operation before it was brought to its end; nothing else was changed."


def carry_out(tools: Tools, verb: str, derive: Derive, change: Change, actions: Actions, finish: Finish) -> Outcome:
    """Carry out one change from plan to outcome.

    Raises what the engine raises, `Locked` when another command or an interrupted change is in the way, `Interrupted`
    when the plan is not approved.
    """
    tools.store.check_place()
    tools.store.check_format()
    left_open = unfinished(tools.layout.journals)
    approved: Plan | None = None
    if left_open is None or change.dry_run:
        first = derive()
        if isinstance(first, Outcome):
            return first  # nothing to do: no lock is taken and nothing is written
        if change.dry_run:
            return _shown(first, left_open)
        if not tools.layout.root.exists():  # nothing is made before the operator's approval, not even a lock
            _approve(change, verb, first, "Nothing was changed.")
            approved = first
    identity.claim(tools.layout, tools.loaded)
    with held(tools.layout.lock, verb, change.lock_wait):
        identity.claim(tools.layout, tools.loaded)  # the command that held the lock may have been a `remove`
        engine = Engine(actions, tools.layout.journals)
        context = Context(tools, tools.secrets, change.emit)
        change.interrupt(lambda: setattr(context, "interrupted", True))
        settled = _settle(tools.layout.journals, verb, engine, context, change)
        if settled:
            identity.claim(tools.layout, tools.loaded)  # what was settled may have been a `remove`, too
        context.results.clear()
        derived = _derived_after(derive, settled)
        if isinstance(derived, Outcome):
            return _warned(derived, context)
        if derived != approved:  # another command may have changed what is there since
            _approve(change, verb, derived, SETTLED if settled else "Nothing was changed.")
        results = engine.carry_out(derived, context)
    return _warned(finish(derived, results), context)


def _warned(outcome: Outcome, context: Context) -> Outcome:
    """Return the outcome with the warnings of its steps and of the undo before them."""
    return replace(outcome, warnings=(*outcome.warnings, *context.warnings))


def _derived_after(derive: Callable[[], Plan | Outcome], settled: bool) -> Plan | Outcome:
    """Return the plan. A refusal must not say that nothing was changed once something was undone."""
    try:
        return derive()
    except OpsError as error:
        if settled:
            error.advice = replace(error.advice, state=SETTLED)
        raise


def _settle(journals: Path, verb: str, engine: Engine, context: Context, change: Change) -> bool:
    """Undo or finish an interrupted change once that is approved, and return whether there was one.

    Raises `Locked` for a verb that doesn't undo. An unfinished clean-up after a completed change blocks no verb: each
    tries it again and goes on.
    """
    left_open = unfinished(journals)
    if left_open is None:
        return False
    progress = read(left_open)
    if not progress.committed and verb not in SETTLES:
        raise Locked(
            f"An interrupted {progress.plan.verb} of {progress.plan.subject} is waiting to be settled.",
            hint="`decodeat-ops resume` goes on, `decodeat-ops resume --undo` takes it back; `decodeat-ops deploy`, "
            "`decodeat-ops rollback` or `decodeat-ops start` undoes it, then does its own.",
        )
    plan = settling(progress)
    _approve(change, verb, plan, "Nothing was changed; what was interrupted waits as it did.")
    engine.undo(left_open, context)
    return True


def resume(tools: Tools, change: Change, actions: Actions, finish: Finish, *, undo: bool = False) -> Outcome:
    """Finish or undo an interrupted change, or with `undo` only undo it; 0 changed when there was none."""
    tools.store.check_place()
    tools.store.check_format()
    if unfinished(tools.layout.journals) is None:
        return Outcome("resume", "Nothing was interrupted.")
    with held(tools.layout.lock, "resume", change.lock_wait):
        left_open = unfinished(tools.layout.journals)
        if left_open is None:
            return Outcome("resume", "Nothing was interrupted.")
        progress = read(left_open)
        back = undo or progress.undoing
        plan = _taken_back(progress) if back else progress.plan
        if change.dry_run:
            return _shown(plan, None, done=() if back else tuple(progress.done))
        _approve(change, "resume", plan, "Nothing was changed; what was interrupted waits as it did.")
        context = Context(tools, tools.secrets, change.emit)
        change.interrupt(lambda: setattr(context, "interrupted", True))
        if undo:
            Engine(actions, tools.layout.journals).undo(left_open, context)
            return _warned(Outcome("resume", f"The interrupted {plan.subject} is undone.", changed=1), context)
        now = inputs.inputs(tools)
        results = Engine(actions, tools.layout.journals).resume(left_open, context, now)
    return _warned(finish(progress.plan, results), context)


def _taken_back(progress: Progress) -> Plan:
    plan = settling(progress)
    if progress.committed:
        raise Usage(
            f"The {plan.subject} is complete; only cleaning up after it is left, and there is nothing to undo in that.",
            hint="`decodeat-ops resume` finishes it; `decodeat-ops rollback` goes back from what serves.",
        )
    return plan


def _shown(plan: Plan, left_open: Path | None, done: tuple[str, ...] = ()) -> Outcome:
    warnings: tuple[str, ...] = ()
    if left_open is not None:
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
