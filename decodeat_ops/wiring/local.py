"""Opens the local target: ports, tools, gates, and one function per verb for the command line."""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.outcome import Lines, Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.deployment import claims, files, ports, source, space
from decodeat_ops.deployment.configured import Configured, difference, digests, of_release
from decodeat_ops.deployment.inputs import environment_path, inputs, salt, secrets_digest
from decodeat_ops.deployment.observed import Observed, observe
from decodeat_ops.deployment.schema import Code
from decodeat_ops.deployment.snapshots import snapshots
from decodeat_ops.deployment.tools import Tools
from decodeat_ops.engine.executor import Actions, Results
from decodeat_ops.engine.journal import unfinished
from decodeat_ops.operations.lifecycle import Beside
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.local.steps import Gates
from decodeat_ops.wiring.corridor import Change, Finish, carry_out, data
from decodeat_ops.wiring.corridor import resume as resume_journal
from decodeat_ops.wiring.migrations import allow_rollback, migration, way_back
from decodeat_ops.wiring.opening import open_tools, operator
from decodeat_ops.wiring.state import lock_release, lock_status, releases, status

__all__ = [
    "actions",
    "deploy",
    "gates",
    "lock_release",
    "lock_status",
    "open_tools",
    "releases",
    "remove",
    "restart",
    "resume",
    "rollback",
    "start",
    "status",
    "stop",
]

ENVIRONMENT_BYTES = 400 * space.MIB  # what the service's dependencies take unpacked, with room to grow


def actions() -> Actions:
    """Every named action: those of the target, of backup and of restore."""
    from decodeat_ops.targets.local import (
        backup_actions,
        boot,
        migrate_actions,
        release_actions,
        restore_actions,
        traffic_actions,
    )

    rooms = (release_actions, traffic_actions, migrate_actions, backup_actions, restore_actions, boot)
    return {name: do for room in rooms for name, do in room.ACTIONS.items()}


def deploy(loaded: Loaded, change: Change) -> Outcome:
    """A new release, unless the same one serves already."""
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
        if operation.unchanged(candidate, observed) and observed.active is not None:
            serving = observed.active.id
            where = boot.look()
            if where.systemd and boot.missing(tools, where):
                return operation.plan_boot(serving, boot.step(loaded, where), loaded, inputs(tools))
            return Outcome(
                "deploy",
                f"0 changed: release {serving} serves already, with the same code, configuration and secrets.",
                data={"release": serving},
                next=("decodeat-ops status",),
            )
        return _complete_plan(candidate, observed)

    def _complete_plan(candidate: operation.Candidate, observed: Observed) -> Plan:
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
        where = boot.look()
        unit = boot.step(loaded, where) if where.systemd else None
        return operation.plan(complete, observed, loaded, gates(), unit)

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        release = tools.store.active()
        address = str(tools.store.public(release)) if release else ""
        first = dict(plan.facts)["serves now"] == "nothing"
        back = _after_reboot(loaded, results)
        saved = results.get("before-archive", {})
        in_vain = set(results) == {"boot"} and results["boot"]["problem"]  # nothing else was to be done, or was
        return Outcome(
            "deploy",
            f"Release {plan.subject} serves at {address}.",
            changed=0 if in_vain else 1,
            data={"release": plan.subject, "address": address, "after_reboot": back, **data(plan, results)},
            blocks=(Lines((back,), title="To have it back after a reboot, add to your crontab", language="crontab"),)
            if back and first
            else (),
            next=(
                "decodeat-ops checklist post-deploy",
                "decodeat-ops status",
                *way_back(tools, release, saved),
            ),
            warnings=(
                *(f"The backup before the migration lacks something: {p}" for p in saved.get("partial", ())),
                *_lost_at_boot(loaded, results),
            ),
        )

    return carry_out(tools, "deploy", derive, change, actions(), finish)


def _after_reboot(loaded: Loaded, results: Mapping[str, Results]) -> str:
    """The crontab line that is needed where no systemd unit does the work, "" where one does."""
    from decodeat_ops.targets.local import boot

    done = results.get("boot")
    return "" if done is not None and not done["problem"] else boot.cron_line(loaded)


def _lost_at_boot(loaded: Loaded, results: Mapping[str, Results]) -> tuple[str, ...]:
    """Return what keeps the deployment from starting again after a reboot."""
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
        space.require(tools.environments, ENVIRONMENT_BYTES, "The Python environment of the service")


def _require_port(observed: Observed, host: str, port: int) -> None:
    """Refuse an address that another program uses before anything is built for it.

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


def gates() -> Gates:
    """The checks that stand in the way of a release."""
    from decodeat_ops.checks import lists

    return Gates(before=lists.PRE_GATE, candidate=lists.CANDIDATE_GATE, after=lists.POST_GATE)


def rollback(loaded: Loaded, change: Change, release: str | None = None) -> Outcome:
    """An older release's code and settings take the traffic again."""
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


def start(loaded: Loaded, change: Change) -> Outcome:
    """Bring back what was stopped, or what a reboot ended."""
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
    """Finish what runs, take nothing new."""
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
    """A fresh process of the same version, no request lost."""
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


def remove(loaded: Loaded, change: Change, *, delete_data: bool = False, delete_backups: bool = False) -> Outcome:
    """Stop and delete a deployment; data and backups stay unless said."""
    from decodeat_ops.operations import lifecycle
    from decodeat_ops.targets.local import boot

    tools = open_tools(loaded, secrets={})

    def derive() -> Plan | Outcome:
        observed = observe(tools.store)
        root = tools.layout.root
        present = tuple(sorted(p.name for p in root.iterdir())) if root.is_dir() else ()
        where = boot.look()
        kept = {tools.layout.journals.name, tools.layout.lock.name}
        kept |= set() if delete_data else {tools.layout.data.name, tools.layout.format_file.name}
        kept |= set() if delete_backups else {tools.layout.backups.name}
        if not set(present) - kept and not observed.supervisor.alive and not observed.running:
            if not change.dry_run:
                _leave(tools.layout)
            return Outcome("remove", "0 changed: there is nothing to remove.", data={"state": str(root)})
        return lifecycle.plan_remove(
            observed,
            loaded,
            tools.layout,
            delete_data=delete_data,
            delete_backups=delete_backups,
            present=present,
            beside=_beside(tools, observed),
            unboot=boot.undo_step(loaded, where) if where.unit(loaded).exists() else None,
            inputs="",
        )

    return carry_out(tools, "remove", derive, change, actions(), _removed(tools.layout, "remove"))


def _removed(layout: Layout, verb: str) -> Finish:
    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        stays = dict(plan.facts).get("stays", "nothing")
        _leave(layout)
        return Outcome(verb, f"Removed. What stays: {stays}.", changed=1, data={"state": plan.subject, "stays": stays})

    return finish


def _leave(layout: Layout) -> None:
    """Delete the removal's own files, its journal included. They are last, since they record what is under way."""
    if unfinished(layout.journals) is not None or not layout.root.is_dir():
        return
    files.discard(layout.journals)
    layout.lock.unlink(missing_ok=True)
    if not any(layout.root.iterdir()):
        layout.root.rmdir()


def _beside(tools: Tools, observed: Observed) -> Beside:
    """Return what a deployment has outside its state directory: environments, settings, secrets, archives."""
    loaded, place, root = tools.loaded, tools.environments, tools.layout.root
    claimed = claims.claimed(place, root)
    unused = [name for name in claimed if claims.unused(place, name, root)]
    used = {*claimed, *(environment_path(place, release.lock).name for release in observed.releases)} - {*unused}
    paths = [*loaded.files, loaded.path(loaded.settings.service.env_file)]
    if tools.backups != tools.layout.backups and snapshots(tools.backups):
        paths.append(tools.backups)
    return Beside(
        unused=tuple(str(place / name) for name in unused),
        shared=tuple(str(place / name) for name in sorted(used) if (place / name).exists()),
        stays=tuple(str(path) for path in paths if path.exists()),
    )


def resume(loaded: Loaded, change: Change, *, undo: bool = False) -> Outcome:
    """Finish an interrupted change, or undo it, which needs no secrets."""
    tools = open_tools(loaded, secrets={}) if undo else open_tools(loaded)

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        done = _removed(tools.layout, "resume") if plan.verb == "remove" else _said("", "{} is complete.")
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
