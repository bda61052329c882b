"""Describe the steps of this machine as data: from a release on disk to one that serves, and back."""

from collections.abc import Sequence
from dataclasses import dataclass

from decodeat_ops.core.plan import Action, Step
from decodeat_ops.core.release import Release
from decodeat_ops.deployment.observed import Observed
from decodeat_ops.deployment.schema import Migration, Revision
from decodeat_ops.settings.schema import Settings


@dataclass(frozen=True)
class Gates:
    """Name the checks of a candidate's files, of the candidate on its private socket, and of what serves."""

    before: tuple[str, ...] = ()
    candidate: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def environment(release: Release, lock_file: str) -> Step:
    return Step(
        id="environment",
        title="Python environment for the service's dependencies",
        do=Action("environment", {"lock": release.lock, "lock_file": lock_file}),
        undo=Action("drop-environment", {"lock": release.lock}),
        preview=(f"pip install --require-hashes (lock {release.lock[:12]}), unless it is there",),
    )


def stage(release: Release, package: str) -> Step:
    return Step(
        id="stage",
        title=f"Lay out release {release.id}",
        do=Action("stage", {"release": release.as_json(), "package": package}),
        undo=Action("unstage", {"release": release.as_json()}),
        preview=(f"code {release.code[:12]}, its configuration and variables into releases/{release.id}",),
    )


def stage_copy(release: Release, original: Release, directory: str) -> Step:
    return Step(
        id="stage",
        title=f"Lay out release {release.id} as a copy of {original.id}",
        do=Action("stage-copy", {"release": release.as_json(), "directory": directory}),
        undo=Action("unstage", {"release": release.as_json()}),
        preview=(f"code and configuration of {original.id} into releases/{release.id}",),
    )


def share_data(release: Release, data: str) -> Step:
    return Step(
        id="data",
        title="Serve today's data",
        do=Action("share-data", {"release": release.id, "data": data}),
        undo=Action("share-data", {"release": release.id, "data": release.data}),
        preview=(f"releases/{release.id}/data -> data/{data}",),
    )


def gate(step: str, title: str, checks: Sequence[str], release: Release, endpoint: str) -> Step:
    return Step(
        id=step,
        title=title,
        do=Action("gate", {"checks": list(checks), "release": release.id, "endpoint": endpoint}),
        preview=(", ".join(checks),),
    )


def going_live(
    release: Release,
    observed: Observed,
    settings: Settings,
    gates: Gates,
    *,
    data: Sequence[Step] = (),
    call_back: bool = False,
) -> tuple[Step, ...]:
    """Return the steps that make a release on disk serve: start, probe, switch, confirm, drain the old, prune.

    `data` are the steps that fit the data to it, while the old one still serves. With `call_back`, a release that still
    drains takes the traffic again without a restart. Otherwise it has to end first and is started anew, because its
    secrets are not today's.
    """
    old = observed.active_id
    others = sorted(observed.draining - ({release.id} if call_back else set()))
    # Without a working supervisor, waiting for draining releases is possible only after starting one.
    first = [supervise(observed)] if others and not observed.supervisor.alive else []
    steps: list[Step] = [*first]
    if others:
        steps.append(
            Step(
                id="wait",
                title="Wait for the draining release",
                do=Action("wait-drained", {"releases": others}),
                preview=(f"{', '.join(others)} finishes its last requests first",),
            )
        )
    called_back = call_back and release.id in observed.draining
    steps += [*data, *([] if first else [supervise(observed)])]
    steps += [start(release, called_back=called_back), probe(release, settings)]
    if gates.candidate:
        steps.append(
            gate("gate-candidate", "Candidate gate, on its private socket", gates.candidate, release, "private")
        )
    steps += [switch(release, old), confirm(release)]
    if gates.after:
        steps.append(gate("gate-post", "Post-deploy gate", gates.after, release, "public"))
    if old and old != release.id:
        steps.append(
            Step(
                id="drain",
                title=f"Drain {old}",
                do=Action("drain", {"releases": [old]}),
                preview=("it finishes what runs, then stops; it stays on disk for rollback",),
                after_commit=True,
            )
        )
    steps.append(prune(release, observed, settings))
    return tuple(steps)


def migrate(release: Release, data: str, migration: Migration) -> Step:
    lines = [f"{step.id} {step.title or '(what it does is known later)'}{_way_back(step)}" for step in migration.lacks]
    if not lines:
        lines = [f"data/{data} is at {migration.at}: nothing to do" if migration.at else f"data/{data} is new"]
    return Step(
        id="migrate",
        title="Bring the data to its schema",
        do=Action("migrate", {"release": release.id}),
        undo=Action("unmigrate", {"release": release.id, "snapshot": migration.snapshot}),
        produces=("done",),
        preview=tuple(lines),
    )


def _way_back(step: Revision) -> str:
    if step.reversible:
        return ""
    return "; NOT reversible: older releases can't store results from then on" + (
        "" if step.lossless else ", and taking it back loses data"
    )


def supervise(observed: Observed) -> Step:
    """Return the step that gets a working supervisor. Its undo stops only one that found no release running."""
    seen = observed.supervisor
    preview = "python -m decodeat_ops.supervisor STATE_DIR"
    if seen.stuck:
        preview = f"replaces process {seen.pid}, which does not answer; what runs goes on"
    elif seen.older:
        preview = f"replaces the one of version {seen.version}; what runs goes on"
    elif seen.alive:
        preview = "runs already"
    alone = not (seen.alive or seen.stuck or observed.active or observed.running)
    return Step(
        id="supervise",
        title="Supervisor",
        do=Action("supervise"),
        undo=Action("unsupervise") if alone else None,
        preview=(preview,),
    )


def start(release: Release, *, called_back: bool = False) -> Step:
    return Step(
        id="start",
        title=f"Start {release.id} on its private socket",
        do=Action("start", {"release": release.id, "secrets": release.secrets}),
        undo=Action("unstart", {"release": release.id, "draining": called_back}),
        preview=(
            "secrets resolved anew into secrets.env (0600)",
            f"calls it back from draining: wants/{release.id}" if called_back else f"wants/{release.id}",
        ),
    )


def probe(release: Release, settings: Settings) -> Step:
    return Step(
        id="probe",
        title="Wait until it is ready and reports its id",
        do=Action("probe", {"release": release.id, "timeout": settings.local.ready_timeout}),
        produces=("seconds",),
        preview=(f"GET /health, GET /ready, POST /api/v1/analyze; at most {settings.local.ready_timeout:g} s",),
    )


def switch(release: Release, old: str) -> Step:
    return Step(
        id="switch",
        title="Switch traffic",
        do=Action("switch", {"release": release.id}),
        undo=Action("switch-back", {"release": release.id, "from": old}),
        preview=(f"active: {old or 'nothing'} -> {release.id}",),
    )


def confirm(release: Release) -> Step:
    return Step(
        id="confirm",
        title="Confirm through the public port",
        do=Action("confirm", {"release": release.id}),
        produces=("seconds",),
        preview=(f"{release.host}:{release.port} answers with release {release.id}, ten times in a row",),
    )


def prune(release: Release, observed: Observed, settings: Settings) -> Step:
    doomed = beyond_retention(release, observed, settings.local.keep_releases)
    return Step(
        id="prune",
        title="Remove what is beyond retention",
        do=Action("prune", {"releases": doomed}),
        preview=(f"{len(doomed)} releases ({', '.join(doomed) or 'none'}); keeps {settings.local.keep_releases}",),
        after_commit=True,
    )


def beyond_retention(release: Release, observed: Observed, keep: int) -> list[str]:
    """Return the ids of releases to delete, oldest first; never the new, the last serving, a draining or a pinned one.

    `keep` counts versions: of a restarted version only the newest release is kept. The same version with other
    data, as a restore makes it, counts separately, since data is deleted with the last release that uses it.
    """
    served = observed.current.id if observed.current else ""
    safe = {release.id, served, *observed.draining, *(r.id for r in observed.releases if r.pinned)}
    newest: dict[tuple[str, str], str] = {}
    everything = sorted({r.id: r for r in (*observed.releases, release)}.values(), key=lambda r: r.order)
    for each in reversed(everything):
        newest.setdefault((each.fingerprint, each.data), each.id)
    kept = {*list(newest.values())[:keep], *safe}
    return [each.id for each in everything if each.id not in kept]


def wait_stopped(releases: Sequence[str], *, after_commit: bool = False) -> Step:
    return Step(
        id="wait-stopped",
        title="Wait until it has finished what runs",
        do=Action("wait-drained", {"releases": list(releases)}),
        preview=(", ".join(releases) or "nothing runs",),
        after_commit=after_commit,
    )


def stop_traffic(release: Release, releases: Sequence[str]) -> Step:
    return Step(
        id="stop-traffic",
        title="Take no more requests",
        do=Action("stop-traffic"),
        undo=Action("resume-traffic", {"releases": list(releases)}),
        preview=(f"active: {release.id} -> nothing",),
    )


def drain(releases: Sequence[str]) -> Step:
    return Step(
        id="drain",
        title="Let it finish and stop",
        do=Action("drain", {"releases": list(releases)}),
        preview=(", ".join(releases),),
    )
