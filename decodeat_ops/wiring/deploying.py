"""Deploy and roll back for the command line: move the traffic to another release."""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.outcome import Lines, Outcome
from decodeat_ops.core.plan import Plan, Step
from decodeat_ops.deployment import ports, source, space
from decodeat_ops.deployment.configured import Configured, difference, digests, of_release
from decodeat_ops.deployment.inputs import environment_path, inputs, salt, secrets_digest
from decodeat_ops.deployment.observed import Observed, observe
from decodeat_ops.deployment.schema import Code
from decodeat_ops.deployment.tools import Tools
from decodeat_ops.engine.executor import Results
from decodeat_ops.engine.lock import operator
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.wiring.corridor import Change, Finish, carry_out, data
from decodeat_ops.wiring.migrations import allow_rollback, migration, way_back
from decodeat_ops.wiring.opening import open_tools
from decodeat_ops.wiring.targets import actions, gates


def deploy(loaded: Loaded, change: Change) -> Outcome:
    """Deploy a new release, unless the same one serves already."""
    from decodeat_ops.operations import deploy as operation
    from decodeat_ops.targets.local import boot, configuration, service_variables

    tools = open_tools(loaded)
    now = datetime.now(UTC)  # read once, so that the approved plan and its execution use the same id

    def derive() -> Plan | Outcome:
        observed = observe(tools.store)
        found = source.read(loaded)
        candidate = operation.Candidate(
            source=found,
            fingerprint=configuration.fingerprint(found, loaded),
            secrets=secrets_digest(tools.secrets, tools.layout),
            inputs="",
            revision="",
            by=operator(),
            now=now,
        )
        where = boot.look()
        unit = boot.step(loaded, where) if where.systemd else None
        if not operation.unchanged(candidate, observed):
            return _complete_plan(candidate, observed, unit)
        serving = observed.active_id
        if unit and boot.missing(tools, where):
            return operation.plan_boot(serving, unit, loaded, inputs(tools))
        return Outcome(
            "deploy",
            f"0 changed: release {serving} serves already, with the same code, configuration and secrets.",
            data={"release": serving},
            next=("decodeat-ops status",),
        )

    def _complete_plan(candidate: operation.Candidate, observed: Observed, unit: Step | None) -> Plan:
        judged = service_variables.judge(tools.host, candidate.source.package, loaded, tools.secrets)
        service_variables.refuse(judged)
        after = configuration.configured(loaded, tools.secrets, salt(tools.layout))  # also renders every template
        _require_port(observed, loaded.settings.local.host, loaded.settings.local.port)
        _room_for_release(tools, candidate.source)
        complete = replace(
            candidate,
            inputs=inputs(tools),
            revision=source.revision(candidate.source.package),
            migration=migration(
                tools,
                Code(candidate.source.package, candidate.source.lock),
                observed.current.data if observed.current else observed.left,
                observed,
            ),
            differs=_differs(tools, observed, after, judged.secret),
        )
        return operation.plan(complete, observed, loaded, gates(), unit)

    return carry_out(tools, "deploy", derive, change, actions(), deployed(tools))


def deployed(tools: Tools) -> Finish:
    """Return the function that makes a deploy's outcome: where it serves, and what a start after a reboot needs."""

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        release = tools.store.active()
        address = str(tools.store.public(release)) if release else ""
        again = plan.serves_now == plan.subject  # it served already: only its start after a reboot was to be restored
        back = _after_reboot(tools.loaded, results)
        saved = results.get("before-archive", {})
        return Outcome(
            "deploy",
            f"Release {plan.subject} serves at {address}.",
            changed=0 if again and results["boot"]["problem"] else 1,
            data={"release": plan.subject, "address": address, "after_reboot": back, **data(plan, results)},
            blocks=(Lines((back,), title="To have it back after a reboot, add to your crontab", language="crontab"),)
            if back and not plan.serves_now
            else (),
            next=(
                "decodeat-ops checklist post-deploy",
                "decodeat-ops status",
                *way_back(tools, release, saved),
            ),
            warnings=(
                *(f"The backup before the migration lacks something: {p}" for p in saved.get("partial", ())),
                *_lost_at_boot(tools.loaded, results),
            ),
        )

    return finish


def _after_reboot(loaded: Loaded, results: Mapping[str, Results]) -> str:
    """Return the crontab line that is needed where no systemd unit does the work, "" where one does."""
    from decodeat_ops.targets.local import boot

    done = results.get("boot")
    return "" if done is not None and not done["problem"] else boot.cron_line(loaded)


def _lost_at_boot(loaded: Loaded, results: Mapping[str, Results]) -> tuple[str, ...]:
    """Return warnings of what keeps the deployment from starting again after a reboot."""
    from decodeat_ops.targets.local import boot

    problem = results.get("boot", {}).get("problem", "")
    return (
        *((f"After a reboot it does not come back by itself: {problem}.",) if problem else ()),
        *(
            f"After a reboot it can't start: the secret {name} is known to this shell alone; put it into "
            f"{loaded.path(loaded.settings.service.env_file)} (mode 0600)."
            for name in boot.lost_secrets(loaded, os.environ)
        ),
    )


def _room_for_release(tools: Tools, found: source.Source) -> None:
    size = sum(p.stat().st_size for p in source.files(found.package))
    space.require(tools.layout.root, 2 * size, "A release")
    if not environment_path(tools.environments, found.lock).exists():
        space.require(tools.environments, space.ENVIRONMENT, "The Python environment of the service")


def _require_port(observed: Observed, host: str, port: int) -> None:
    """Refuse an address that another program uses, before anything is built for it. Raises `Configuration`.

    Releases that run without a supervisor still hold their own address; they are adopted.
    """
    running = observed.supervisor
    if ports.address(host, port) in running.listening or (observed.current and not running.alive):
        return
    problem = ports.taken(host, port)
    if problem:
        raise Configuration(
            f"The service can't listen on {ports.address(host, port)}: {problem}.",
            hint="Stop the program that listens there, or set local.port to a free one; `decodeat-ops doctor` looks.",
            where="local.port",
        )


def _differs(
    tools: Tools, observed: Observed, after: Configured, secret: frozenset[str] = frozenset()
) -> tuple[tuple[str, str], ...]:
    """Return, as facts of a plan, how configuration and secrets differ from those that serve now."""
    if observed.active is None:
        return ()
    return difference(of_release(tools.layout, observed.active.id, salt(tools.layout)), after, secret)


def rollback(loaded: Loaded, change: Change, release: str | None = None) -> Outcome:
    """Move the traffic to an older release, with its code and settings."""
    from decodeat_ops.operations import rollback as operation

    tools = open_tools(loaded)

    def derive() -> Plan | Outcome:
        observed = observe(tools.store)
        chosen = operation.choose(release, observed)
        allow_rollback(tools, chosen, observed)
        _require_port(observed, chosen.host, chosen.port)
        data = observed.current.data if observed.current else ""
        grain = salt(tools.layout)
        after = replace(of_release(tools.layout, chosen.id, grain), secrets=digests(tools.secrets, grain))
        lock_file = str(tools.layout.code(chosen.id) / "decodeat" / source.LOCK_NAME)
        plan = operation.plan(
            chosen,
            observed,
            loaded,
            gates(),
            lock_file=lock_file,
            secrets=secrets_digest(tools.secrets, tools.layout),
            inputs=inputs(tools),
            migration=migration(tools, Code.of(chosen, tools.layout), data, observed),
        )
        return replace(plan, facts=(*plan.facts, *_differs(tools, observed, after)))

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        return Outcome(
            "rollback",
            f"Release {plan.subject} serves again, with its own code and settings and today's secrets and data.",
            changed=1,
            data={"release": plan.subject, **data(plan, results)},
            next=("decodeat-ops checklist post-deploy", "decodeat-ops status", "decodeat-ops releases"),
        )

    return carry_out(tools, "rollback", derive, change, actions(), finish)
