"""Offer the verbs of a deployment to the command line; start, stop, restart, remove and resume are defined here."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from decodeat_ops.application.deploying import deploy, rollback
from decodeat_ops.application.desk import Desk
from decodeat_ops.application.workflow import Change, Finish, carry_out, data
from decodeat_ops.application.workflow import resume as resume_journal
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Observed, Origin
from decodeat_ops.engine.executor import Results
from decodeat_ops.engine.lock import operator
from decodeat_ops.operations import lifecycle

__all__ = ["deploy", "remove", "restart", "resume", "rollback", "start", "stop"]


def start(desk: Desk, change: Change) -> Outcome:
    """Start what was stopped, or what a reboot ended."""

    def derive(observed: Observed[Any]) -> Plan | Outcome:
        digest, inputs = desk.target.secrets_digest(), desk.inputs()
        plan = lifecycle.plan_start(observed, desk.target, desk.deployment, secrets=digest, inputs=inputs)
        if plan is None:
            return Outcome("start", "0 changed: it serves already.", next=("decodeat-ops status",))
        return lifecycle.verified(plan, observed, desk.target, Origin("kept", of=observed.current))

    return carry_out(desk, "start", derive, change, _said("start", "Release {} serves."))


def stop(desk: Desk, change: Change) -> Outcome:
    """Finish running requests, take no new ones, and stop."""

    def derive(observed: Observed[Any]) -> Plan | Outcome:
        plan = lifecycle.plan_stop(observed, desk.target, desk.deployment, inputs=desk.inputs())
        return plan or Outcome("stop", "0 changed: it is stopped already.", next=("decodeat-ops start",))

    finish = _said("stop", "Release {} has finished its requests and stopped.", "decodeat-ops start")
    return carry_out(desk, "stop", derive, change, finish)


def restart(desk: Desk, change: Change) -> Outcome:
    """Replace the process by a new one of the same version; no request is lost."""
    now = datetime.now(UTC)  # read once, so that the approved plan and its execution use the same id

    def derive(observed: Observed[Any]) -> Plan:
        plan = lifecycle.plan_restart(
            observed,
            desk.target,
            desk.deployment,
            secrets=desk.target.secrets_digest(),
            by=operator(),
            now=now,
            inputs=desk.inputs(),
        )
        return lifecycle.verified(plan, observed, desk.target, Origin("copied", of=observed.current))

    return carry_out(desk, "restart", derive, change, _said("restart", "Release {} serves."))


def remove(desk: Desk, change: Change, *, delete_data: bool = False, delete_backups: bool = False) -> Outcome:
    """Stop and delete a deployment; data and backups stay unless `delete_data`, `delete_backups`."""
    wishes = {"data": not delete_data, "backups": not delete_backups}
    keep = frozenset(name for name, kept in wishes.items() if kept)

    def derive(observed: Observed[Any]) -> Plan | Outcome:
        plan = lifecycle.plan_remove(observed, desk.target, desk.deployment, keep)
        if plan is not None:
            return plan
        if not change.dry_run:
            desk.ledger.discard()
        return Outcome("remove", "0 changed: there is nothing to remove.", data={"state": desk.target.place})

    return carry_out(desk, "remove", derive, change, _removed(desk, "remove"))


def _removed(desk: Desk, verb: str) -> Finish:
    """Return the function that ends a removal, also a resumed one, and makes its outcome."""

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        stays = lifecycle.stays(plan, results)
        desk.ledger.discard()
        return Outcome(verb, f"Removed. What stays: {stays}.", changed=1, data={"state": plan.subject, "stays": stays})

    return finish


def resume(desk: Desk, change: Change, *, undo: bool = False) -> Outcome:
    """Finish an interrupted change or, with `undo`, undo it, which needs no secrets."""

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        done = _removed(desk, "resume") if plan.verb == "remove" else _said("", "{} is complete.")
        return done(plan, results)

    return resume_journal(desk, change, finish, undo=undo)


def _said(verb: str, text: str, *then: str) -> Finish:
    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        subject = plan.subject if verb else f"The interrupted {plan.verb} of {plan.subject}"
        return Outcome(
            verb or "resume",
            text.format(subject),
            changed=1,
            data=data(plan, results),
            next=then or ("decodeat-ops status",),
        )

    return finish
