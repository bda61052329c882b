"""Plan start, stop, restart and remove, which make no new version of a deployment."""

from dataclasses import dataclass, replace
from datetime import datetime

from decodeat_ops.core.errors import Usage
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.core.release import Release
from decodeat_ops.deployment.observed import Observed
from decodeat_ops.deployment.source import LOCK_NAME
from decodeat_ops.operations.deploy import free_id
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.local import steps

NOTHING = "Nothing is deployed here."
DEPLOY = "Run `decodeat-ops deploy` first."


@dataclass(frozen=True)
class Beside:
    """List a deployment's paths outside its state directory.

    `unused` are Python environments that no other deployment uses, `shared` those that others (may) use, and `stays`
    is what `remove` never touches.
    """

    unused: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()


def plan_start(observed: Observed, loaded: Loaded, *, secrets: str, inputs: str) -> Plan | None:
    """Return the plan to start what was stopped, or what a reboot ended, with today's secrets.

    None when it serves already and its supervisor is not older than this tool. Raises `Usage` when nothing is deployed.
    """
    if observed.serving and not observed.supervisor.older:
        return None
    if observed.current is None:
        raise Usage(NOTHING, hint=DEPLOY)
    release = replace(observed.current, secrets=secrets)
    if observed.active is not None:
        # Still wanted: once a supervisor works, it starts again by itself. One that runs on keeps the secrets it has.
        runs = release.id in observed.running
        wanted: tuple[Step, ...] = (
            steps.supervise(observed),
            *(() if runs else (steps.start(release),)),
            steps.probe(release, loaded.settings),
            steps.confirm(release),
        )
    else:
        wanted = steps.going_live(release, observed, loaded.settings, steps.Gates())
    serves = observed.active_id if observed.active_id in observed.running else ""
    facts = (("serves now", serves or "nothing"), ("will serve", release.id))
    return Plan("start", loaded.deployment, release.id, wanted, facts, inputs, serves)


def plan_stop(observed: Observed, loaded: Loaded, *, inputs: str) -> Plan | None:
    """Return the plan to finish running requests and take no new ones; None when it is stopped already.

    Raises `Usage` when nothing is deployed.
    """
    if observed.active is None:
        if observed.stopped is None:
            raise Usage(NOTHING, hint=DEPLOY)
        return _plan_stop_leftovers(observed, observed.stopped, loaded, inputs) if observed.running else None
    release = observed.active
    running = sorted({release.id, *observed.draining, *observed.running})
    return Plan(
        "stop",
        loaded.deployment,
        release.id,
        (
            *_adopt(observed),
            steps.stop_traffic(release, [release.id]),
            steps.drain([release.id]),
            steps.wait_stopped(running, after_commit=True),
        ),
        (("serves now", release.id), ("afterwards", "nothing listens; `decodeat-ops start` brings it back")),
        inputs,
        release.id,
    )


def _adopt(observed: Observed) -> tuple[Step, ...]:
    """Return the step that starts a supervisor unless one works, since only a supervisor can stop releases."""
    return () if observed.supervisor.alive else (steps.supervise(observed),)


def _plan_stop_leftovers(observed: Observed, stopped: Release, loaded: Loaded, inputs: str) -> Plan:
    """Return the plan to end processes that still run after a stop, because no supervisor was there to end them."""
    running = sorted(observed.running)
    wanted = (*_adopt(observed), steps.drain(running), steps.wait_stopped(running, after_commit=True))
    facts = (("still runs", ", ".join(running)),)
    return Plan("stop", loaded.deployment, stopped.id, wanted, facts, inputs, serves_now="")


def plan_restart(
    observed: Observed, loaded: Loaded, layout: Layout, *, secrets: str, by: str, now: datetime, inputs: str
) -> Plan:
    """Return the plan for a new process of the same version with today's secrets, by the steps of a deploy.

    No request is lost. Raises `Usage` when nothing is deployed.
    """
    current = observed.current
    if current is None:
        raise Usage(NOTHING, hint=DEPLOY)
    name = free_id(now, current.fingerprint, observed.taken)
    stamp = now.isoformat(timespec="seconds")
    release = replace(
        current,
        id=name,
        secrets=secrets,
        created_at=stamp,
        created_by=by,
        origin="restart",
        sequence=observed.next_sequence,
    )
    return Plan(
        "restart",
        loaded.deployment,
        name,
        (
            steps.environment(release, str(layout.code(current.id) / "decodeat" / LOCK_NAME)),
            steps.stage_copy(release, current, str(layout.release(current.id))),
            *steps.going_live(release, observed, loaded.settings, steps.Gates()),
        ),
        (
            ("serves now", observed.active_id or "nothing"),
            ("will serve", f"{name}, the code and settings of {current.id}"),
        ),
        inputs,
        observed.active_id,
    )


def plan_remove(  # noqa: PLR0913 - each argument is an observed fact or an option of the command
    observed: Observed,
    loaded: Loaded,
    layout: Layout,
    *,
    delete_data: bool,
    delete_backups: bool,
    present: tuple[str, ...],
    beside: Beside | None = None,
    unboot: Step | None = None,
    inputs: str,
) -> Plan:
    """Return the plan to stop and delete everything; data and backups stay unless `delete_data`, `delete_backups`.

    Outside the state directory it deletes only the systemd unit and Python environments of no other deployment.
    """
    beside = beside or Beside()
    kept = {
        *(() if delete_data else (layout.data.name, layout.format_file.name)),
        *(() if delete_backups else (layout.backups.name,)),
        # The journal and the lock are in use until the very end.
        layout.journals.name,
        layout.lock.name,
    }
    # Stopping makes the link `stopped`, which is not there yet. It is deleted first: it points to what is deleted next.
    stopped = layout.stopped.name
    doomed = [stopped, *sorted(name for name in present if name not in {*kept, stopped})]
    leftovers = observed.active or observed.draining or observed.running or observed.supervisor.stuck
    adopts = _adopt(observed) if leftovers else ()
    wanted: list[Step] = [*adopts]
    active: Release | None = observed.active
    if active is not None:
        wanted += [steps.stop_traffic(active, [active.id]), steps.drain([active.id])]
    running = sorted({*observed.draining, *observed.running, *((active.id,) if active else ())})
    if running:
        wanted.append(steps.wait_stopped(running))
    if observed.supervisor.alive or adopts:
        wanted.append(Step("unsupervise", "Stop the supervisor", Action("unsupervise"), undo=Action("supervise")))
    if unboot is not None:
        wanted.append(unboot)
    wanted.append(
        Step(
            "remove-state",
            "Delete what it left on disk",
            Action("remove-state", {"names": doomed}),
            preview=tuple(str(layout.root / name) for name in doomed),
            after_commit=True,
        )
    )
    if beside.unused or beside.shared:
        wanted.append(
            Step(
                "leave-environments",
                "Leave the Python environments; those that nobody else uses go",
                Action("leave-environments"),
                preview=beside.unused or ("all are used by others",),
                after_commit=True,
            )
        )
    in_use = {layout.journals.name, layout.lock.name}
    going = sorted(set(present) & {*doomed, *in_use})
    stays = [str(layout.root / name) for name in sorted((kept - in_use) & set(present))]
    facts = (
        ("deletes", f"in {layout.root}: {', '.join(going)}"),
        *((("deletes too", ", ".join(beside.unused)),) if beside.unused else ()),
        ("stays", ", ".join((*stays, *beside.shared, *beside.stays)) or "nothing"),
    )
    return Plan("remove", loaded.deployment, str(layout.root), tuple(wanted), facts, inputs, observed.active_id)
