"""Offer the verbs of a deployment to the command line; start, stop, restart and resume are defined here."""

from collections.abc import Mapping
from datetime import UTC, datetime

from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.deployment.inputs import inputs, secrets_digest
from decodeat_ops.deployment.observed import observe
from decodeat_ops.engine.executor import Results
from decodeat_ops.engine.lock import operator
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.wiring.corridor import Change, Finish, carry_out, data
from decodeat_ops.wiring.corridor import resume as resume_journal
from decodeat_ops.wiring.deploying import deploy, rollback
from decodeat_ops.wiring.opening import open_tools
from decodeat_ops.wiring.removing import remove, removed
from decodeat_ops.wiring.targets import actions

__all__ = ["deploy", "remove", "restart", "resume", "rollback", "start", "stop"]


def start(loaded: Loaded, change: Change) -> Outcome:
    """Start what was stopped, or what a reboot ended."""
    from decodeat_ops.operations import lifecycle

    tools = open_tools(loaded)

    def derive() -> Plan | Outcome:
        observed = observe(tools.store)
        digest = secrets_digest(tools.secrets, tools.layout)
        plan = lifecycle.plan_start(observed, loaded, secrets=digest, inputs=inputs(tools))
        if plan is None:
            return Outcome("start", "0 changed: it serves already.", next=("decodeat-ops status",))
        return plan

    return carry_out(tools, "start", derive, change, actions(), _said("start", "Release {} serves."))


def stop(loaded: Loaded, change: Change) -> Outcome:
    """Finish running requests, take no new ones, and stop."""
    from decodeat_ops.operations import lifecycle

    tools = open_tools(loaded)

    def derive() -> Plan | Outcome:
        plan = lifecycle.plan_stop(observe(tools.store), loaded, inputs=inputs(tools))
        if plan is None:
            return Outcome("stop", "0 changed: it is stopped already.", next=("decodeat-ops start",))
        return plan

    finish = _said("stop", "Release {} has finished its requests and stopped.", "decodeat-ops start")
    return carry_out(tools, "stop", derive, change, actions(), finish)


def restart(loaded: Loaded, change: Change) -> Outcome:
    """Replace the process by a new one of the same version; no request is lost."""
    from decodeat_ops.operations import lifecycle

    tools = open_tools(loaded)

    def derive() -> Plan | Outcome:
        observed = observe(tools.store)
        return lifecycle.plan_restart(
            observed,
            loaded,
            tools.layout,
            secrets=secrets_digest(tools.secrets, tools.layout),
            by=operator(),
            now=datetime.now(UTC),
            inputs=inputs(tools),
        )

    return carry_out(tools, "restart", derive, change, actions(), _said("restart", "Release {} serves."))


def resume(loaded: Loaded, change: Change, *, undo: bool = False) -> Outcome:
    """Finish an interrupted change or, with `undo`, undo it, which needs no secrets."""
    tools = open_tools(loaded, secrets={}) if undo else open_tools(loaded)

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        done = removed(tools.layout, "resume") if plan.verb == "remove" else _said("", "{} is complete.")
        return done(plan, results)

    return resume_journal(tools, change, actions(), finish, undo=undo)


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
