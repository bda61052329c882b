"""Deploy and roll back for the command line: move the traffic to another release."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from decodeat_ops.application.desk import Desk
from decodeat_ops.application.migrations import allow_rollback, migration, snapshot_of
from decodeat_ops.application.workflow import Change, Finish, carry_out, data
from decodeat_ops.checks.lists import GATES
from decodeat_ops.core.abilities import Joins
from decodeat_ops.core.errors import OpsError, Usage
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.release import previous
from decodeat_ops.core.target import Observed, Origin
from decodeat_ops.deployment import source
from decodeat_ops.engine.executor import Results
from decodeat_ops.engine.lock import operator
from decodeat_ops.operations import deploy as operation
from decodeat_ops.operations import elsewhere
from decodeat_ops.operations import rollback as rollback_operation


def deploy(desk: Desk, change: Change, host: str = "") -> Outcome:
    """Deploy a new release, unless the same one serves already; or bring one `host` to what the others serve.

    Raises `Usage` where that host would serve another release than the others.
    """
    if host:
        return _join(desk, change, host)
    now = datetime.now(UTC)  # read once, so that the approved plan and its execution use the same id

    def derive(observed: Observed[Any]) -> Plan | Outcome:
        candidate = desk.target.candidate()
        if operation.unchanged(candidate.release, observed):
            return _unchanged(desk, observed)
        differs = desk.target.verify(candidate.release, candidate.origin, observed)
        package = candidate.origin.package
        release = replace(candidate.release, revision=source.revision(package) if package else "")
        wanted = operation.Wanted(
            candidate=replace(candidate, release=release),
            inputs=desk.inputs(),
            by=operator(),
            now=now,
            migration=migration(desk, None, observed.data, observed),
            differs=differs,
        )
        return operation.plan(wanted, observed, desk.target, desk.data, desk.deployment, GATES)

    return carry_out(desk, "deploy", derive, change, _deployed(desk))


def _join(desk: Desk, change: Change, host: str) -> Outcome:
    target = desk.target
    if not isinstance(target, Joins):
        raise Usage(
            f"There are no hosts to choose from on {desk.loaded.settings.target}.",
            hint="--host names a machine of --target vm that was added or replaced; `decodeat-ops deploy` is for all.",
            where="--host",
        )

    def derive(observed: Observed[Any]) -> Plan | Outcome:
        found = target.join(observed, host)
        if not found.steps:
            return Outcome(
                "deploy",
                f"0 changed: {host} serves release {found.release.id} already, as the others do.",
                data={"release": found.release.id},
                next=("decodeat-ops status",),
            )
        return operation.plan_join(found, desk.deployment, desk.inputs())

    return carry_out(desk, "deploy", derive, change, _deployed(desk))


def _unchanged(desk: Desk, observed: Observed[Any]) -> Plan | Outcome:
    lack = desk.target.lacking(observed)
    if lack.steps:
        return operation.plan_lack(observed.active_id, lack, desk.deployment, desk.inputs())
    return Outcome(
        "deploy",
        f"0 changed: release {observed.active_id} serves already, with the same code, configuration and secrets.",
        data={"release": observed.active_id},
        next=("decodeat-ops status",),
    )


def _deployed(desk: Desk) -> Finish:
    """Return the function that makes a deploy's outcome: where it serves, and how to go back."""

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        back, address, unseen = _looked_again(desk)
        after = desk.target.after_deploy(results)
        again = plan.serves_now == plan.subject  # it served already: only what it lacked was to be brought back
        failed = again and any(result.get("problem") for result in results.values())
        saved = results.get("before-archive", {})
        if saved:
            back = (f"decodeat-ops restore {snapshot_of(saved)}",)
        return Outcome(
            "deploy",
            f"Release {plan.subject} serves{f' at {address}' if address else ''}.",
            changed=0 if failed else 1,
            data={"release": plan.subject, "address": address, **after.told, **data(plan, results)},
            blocks=after.blocks if not plan.serves_now else (),
            next=("decodeat-ops checklist post-deploy", "decodeat-ops status", *back),
            warnings=(
                *(f"The backup before the migration lacks something: {p}" for p in saved.get("partial", ())),
                *unseen,
                *after.warnings,
            ),
        )

    return finish


def _looked_again(desk: Desk) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """Return the command that goes back, where clients reach what serves, and a warning when that can't be seen.

    The deploy is complete by then: an error of this look must not say that nothing was changed.
    """
    try:
        observed = desk.target.observe()
        release = observed.active
        address = str(desk.view.endpoint(release, "public") or "") if release else ""
    except OpsError as error:
        return (), "", (f"What serves could not be looked at once more: {error.advice.what}",)
    back = ("decodeat-ops rollback",) if release and previous(release, observed.releases) else ()
    return back, address, ()


def rollback(desk: Desk, change: Change, release: str | None = None) -> Outcome:
    """Move the traffic to an older release, with its code and settings."""

    def derive(observed: Observed[Any]) -> Plan:
        chosen = rollback_operation.choose(release, observed)
        allow_rollback(desk, chosen, observed)
        differs = desk.target.verify(chosen, Origin("kept", of=chosen), observed)
        wanted = rollback_operation.Wanted(
            release=chosen,
            secrets=desk.target.secrets_digest(),
            inputs=desk.inputs(),
            migration=migration(desk, chosen, observed.data, observed),
            differs=differs,
        )
        return rollback_operation.plan(wanted, observed, desk.target, desk.data, desk.deployment, GATES)

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        return Outcome(
            "rollback",
            f"Release {plan.subject} serves again, with its own code and settings and today's "
            f"{elsewhere.todays(desk.target)}.",
            changed=1,
            data={"release": plan.subject, **data(plan, results)},
            next=("decodeat-ops checklist post-deploy", "decodeat-ops status", "decodeat-ops releases"),
        )

    return carry_out(desk, "rollback", derive, change, finish)
