"""Carry out a plan step by step, journal it, and undo it when a step fails: the one engine."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from decodeat_ops.core import events
from decodeat_ops.core.errors import DoneInPart, GateFailed, Interrupted, Lost, OpsError, StepFailed, UndoFailed
from decodeat_ops.core.ledger import Journal, Ledger
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.core.progress import Progress
from decodeat_ops.core.secret import Secret, mask

Results = dict[str, Any]


@dataclass
class Context:
    """Hold what every action of one change may use: secrets, which no step contains, and a way to report progress.

    `results` are what finished steps produced, by step id. `warnings` are collected from the results of steps and of
    undo actions and shown at the end, unless the change is interrupted or an undo fails. `another_serves` is set by an
    undo that left in place what somebody else has deployed meanwhile, and says so in a warning.
    """

    secrets: Mapping[str, Secret] = field(default_factory=dict)
    emit: events.Emit = events.discard_event
    results: dict[str, Results] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    another_serves: bool = False
    interrupted: bool = False

    def progress(self, text: str, done: int = 0, total: int = 0, unit: str = "") -> None:
        self.emit(events.StepProgress(self.masked(text), done, total, unit))

    def say(self, text: str) -> None:
        """Report what has just happened within a step, in a line that stays."""
        self.emit(events.StepSaid(self.masked(text)))

    def warn(self, results: Mapping[str, Any]) -> None:
        self.warnings += [self.masked(text) for text in results.get("warnings", ())]

    def checkpoint(self) -> None:
        """Raise `Interrupted` once the operator has asked to stop. Actions that wait call this."""
        if self.interrupted:
            raise Interrupted("Stopped on request.")

    def masked(self, text: str) -> str:
        return mask(text, tuple(self.secrets.values()))


Do = Callable[[Context, Mapping[str, Any]], Results | None]
Actions = Mapping[str, Do]


class Engine:
    """Carry out plans with one table of actions, and keep their journals in a ledger. The caller holds its lock."""

    def __init__(self, actions: Actions, ledger: Ledger) -> None:
        self._actions = actions
        self._ledger = ledger

    def carry_out(self, plan: Plan, context: Context) -> dict[str, Results]:
        """Run every step. When one fails before the commit, undo what was begun, newest first.

        Raises `StepFailed` or `GateFailed` once all is undone, `UndoFailed` when an undo fails, `DoneInPart` when steps
        after the commit failed (the others are still done), `Interrupted` when the journal stays open for `resume`.
        """
        journal = self._ledger.begin(plan)
        context.emit(events.Started(plan, journal.name))
        return self._forward(Progress(plan), journal, context)

    def resume(self, name: str, context: Context, inputs: str) -> dict[str, Results]:
        """Continue an open journal: skip the steps that are done, or go on undoing if it was being undone.

        `inputs` is today's digest of settings, code and secrets. Raises `OpsConflict` when the plan, before its commit,
        was made from others, `StepFailed` once an undo is complete, and otherwise what `carry_out` raises.
        """
        progress = self._ledger.read(name)
        if progress.undoing:
            self.undo(name, context)
            raise StepFailed(
                f"The interrupted {progress.plan.verb} was already being undone; the undo is complete now.",
                state=" ".join(
                    (f"Everything {progress.plan.verb} {progress.plan.subject} had done is undone.", *context.warnings)
                ),
                hint=f"Run `decodeat-ops {progress.plan.verb}` again when you are ready.",
            )
        # A plan without inputs was made of nothing that changes: an archive, a running release.
        if not progress.committed and progress.plan.inputs not in {"", inputs}:
            raise OpsConflict(progress.plan)
        journal = self._ledger.reopen(name)
        context.emit(events.Started(progress.plan, name))
        return self._forward(progress, journal, context)

    def undo(self, name: str, context: Context) -> Progress:
        """Undo the change of an open journal; past the point of no return, finish it instead.

        A clean-up that fails again is reported and given up, so that it blocks no other change.
        """
        progress = self._ledger.read(name)
        journal = self._ledger.reopen(name)
        if not progress.committed:
            context.results.update(progress.done)  # an undo may depend on what its step did
            self._backward(progress, journal, context)
            return progress
        try:
            self._forward(progress, journal, context)
        except DoneInPart as error:
            self._ledger.reopen(name).end("done in part")
            context.warn({"warnings": [f"{error.advice.what} It was tried again, and is left as it is."]})
        return progress

    def _forward(self, progress: Progress, journal: Journal, context: Context) -> dict[str, Results]:
        plan = progress.plan
        context.results.update(progress.done)
        for results in progress.done.values():
            context.warn(results)
        left: list[tuple[Step, OpsError]] = []
        for number, step in enumerate(plan.steps, 1):
            if step.id in progress.done:
                context.emit(events.StepSkipped(step, "already done"))
                continue
            try:
                self._one(step, number, progress, journal, context)
            except (Interrupted, KeyboardInterrupt):
                journal.close()
                raise _interrupted(progress, step) from None
            except Lost as error:
                journal.close()
                raise _unknown(progress, step, context.masked(error.advice.what)) from error
            except (OpsError, OSError) as error:
                problem = error if isinstance(error, OpsError) else _refused(error)
                if not progress.committed:
                    self._broken(step, problem, progress, journal, context)
                context.emit(events.StepBroke(step, context.masked(problem.advice.what)))
                left.append((step, problem))  # the other steps are still done when one fails
        if left:
            journal.close()
            raise _left(plan, left, context)
        journal.end("done")
        return context.results

    def _one(self, step: Step, number: int, progress: Progress, journal: Journal, context: Context) -> None:
        context.checkpoint()
        journal.step("begun", step.id)
        if step.id not in progress.begun:
            progress.begun.append(step.id)
        context.emit(events.StepStarted(step, number, len(progress.plan.steps)))
        before = time.monotonic()
        results = self._act(step.do, context)
        context.emit(events.StepFinished(step, time.monotonic() - before))
        missing = [name for name in step.produces if name not in results]
        if missing:
            raise RuntimeError(f"step {step.id} did not produce {', '.join(missing)}")
        journal.step("done", step.id, results=results)
        progress.done[step.id] = results
        context.results[step.id] = results

    def _act(self, action: Action, context: Context) -> Results:
        results = self._actions[action.name](context, action.params) or {}
        context.warn(results)
        context.another_serves |= bool(results.get("another_serves"))
        return results

    def _broken(self, step: Step, error: OpsError, progress: Progress, journal: Journal, context: Context) -> None:
        why = context.masked(error.advice.what)
        context.emit(events.StepBroke(step, why))
        lines = tuple(context.masked(line) for line in error.advice.lines)
        undone = self._backward(progress, journal, context)
        state = f"Everything was undone ({len(undone)} steps)." if undone else "Nothing had been changed yet."
        kind = GateFailed if isinstance(error, GateFailed) else StepFailed
        raise kind(
            f"{step.title}: {why}",
            state=" ".join((state, *_serves(progress.plan, context), *context.warnings)),
            hint=error.advice.hint or f"The journal is {journal.name}.",
            lines=lines,
        ) from error

    def _backward(self, progress: Progress, journal: Journal, context: Context) -> list[str]:
        """Undo the steps that were begun, newest first, and return their ids.

        Raises `UndoFailed` at the first undo that fails: the journal stays open and `resume` tries again.
        """
        journal.step("undoing", "")
        progress.undoing = True
        by_id = {step.id: step for step in progress.plan.steps}
        undone = []
        for step_id in progress.touched():
            step = by_id[step_id]
            if step.undo is not None:
                before = time.monotonic()
                try:
                    context.emit(events.StepStarted(step, 0, 0, undoing=True))
                    self._act(step.undo, context)
                except Lost as error:
                    journal.close()
                    raise _unknown(progress, step, context.masked(error.advice.what)) from error
                except (OpsError, OSError) as error:
                    why = context.masked(str(error))
                    context.emit(events.StepBroke(step, why, undoing=True))
                    journal.close()
                    raise UndoFailed(
                        f"Undoing “{step.title}” failed: {why}",
                        state=" ".join(
                            (
                                f"{progress.plan.verb} {progress.plan.subject} is half undone; steps left: "
                                f"{', '.join(s for s in progress.touched() if s not in undone)}.",
                                *context.warnings,
                            )
                        ),
                        hint="Mend the cause, then run `decodeat-ops resume` to go on undoing.",
                    ) from error
                context.emit(events.StepFinished(step, time.monotonic() - before, undoing=True))
            journal.step("undone", step_id)
            undone.append(step_id)
        journal.end("undone")
        return undone


def _serves(plan: Plan, context: Context) -> tuple[str, ...]:
    """Return in a sentence what serves once a change is undone, nothing when a warning says it."""
    if context.another_serves:
        return ()
    return ("Nothing serves, as before." if plan.serves_now == "" else "What served before serves still.",)


def _unknown(progress: Progress, step: Step, why: str) -> Lost:
    """Return the error for a step of which it is not known whether it was done."""
    plan = progress.plan
    doing = f"Undoing “{step.title}”" if progress.undoing else f"“{step.title}”"
    return Lost(
        f"{doing} was asked for, and no answer came: {why}",
        state=f"Whether it was done is unknown; the journal of {plan.verb} {plan.subject} is open.",
        hint="`decodeat-ops status` shows what serves; `decodeat-ops resume` asks again and goes on.",
    )


class OpsConflict(OpsError):
    """Refuse to resume a plan whose settings, code or secrets have changed since it was made."""

    code = 7
    kind = "locked"

    def __init__(self, plan: Plan) -> None:
        super().__init__(
            f"Settings, code or a secret changed since this {plan.verb} was planned, so it can't go on as planned.",
            state=f"The {plan.verb} of {plan.subject} is still half done; what served before serves still.",
            hint="`decodeat-ops deploy` or `decodeat-ops rollback` undoes it first and then starts afresh.",
        )


def _refused(error: OSError) -> StepFailed:
    return StepFailed(f"{error.strerror or error}" + (f" ({error.filename})" if error.filename else ""))


def _left(plan: Plan, left: list[tuple[Step, OpsError]], context: Context) -> DoneInPart:
    """Return the error for steps after the point of no return that failed."""
    return DoneInPart(
        " ".join(f"{step.title}: {context.masked(error.advice.what).rstrip('.')}." for step, error in left),
        state=" ".join(
            (f"{plan.verb} {plan.subject} is complete; only cleaning up after it is left.", *context.warnings)
        ),
        hint="`decodeat-ops resume` tries again, and so does the next change, which goes on whatever comes of it.",
        lines=tuple(context.masked(line) for _, error in left for line in error.advice.lines),
    )


def _interrupted(progress: Progress, step: Step) -> Interrupted:
    plan = progress.plan
    what = f"{plan.verb} {plan.subject} stopped at “{step.title}”."
    if progress.committed:
        return Interrupted(
            what,
            state=f"{plan.verb} {plan.subject} is complete; only cleaning up after it is left.",
            hint="`decodeat-ops resume` finishes it, and so does the next change.",
        )
    return Interrupted(
        what,
        state="The journal is open; what serves was not touched by stopping.",
        hint="`decodeat-ops resume` goes on, `decodeat-ops resume --undo` takes it back; `decodeat-ops deploy`, "
        "`decodeat-ops rollback` or `decodeat-ops start` undoes it, then does its own.",
    )
