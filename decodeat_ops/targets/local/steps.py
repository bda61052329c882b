"""Describe the steps of this machine as data: from a release on disk to one that serves, and back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from decodeat_ops.core.migration import Migration, Revision
from decodeat_ops.core.plan import Action, Step
from decodeat_ops.core.target import Origin
from decodeat_ops.deployment.observed import LocalObserved
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.settings.schema import Settings


def environment(release: LocalRelease, lock_file: Path) -> Step:
    return Step(
        id="environment",
        title="Python environment for the service's dependencies",
        do=Action("environment", {"lock": release.lock, "lock_file": str(lock_file)}),
        undo=Action("drop-environment", {"lock": release.lock}),
        preview=(f"pip install --require-hashes (lock {release.lock[:12]}), unless it is there",),
    )


def stage(release: LocalRelease, package: Path) -> Step:
    return Step(
        id="stage",
        title=f"Lay out release {release.id}",
        do=Action("stage", {"release": release.as_json(), "package": str(package)}),
        undo=Action("unstage", {"release": release.as_json()}),
        preview=(f"code {release.code[:12]}, its configuration and variables into releases/{release.id}",),
    )


def stage_copy(release: LocalRelease, origin: Origin, place: Path) -> Step:
    """Return the step that makes a release of the code and configuration in `place`, another one's directory.

    Its undo deletes the release's own data, unless a step of its own laid that out.
    """
    unstage: dict[str, Any] = {"release": release.as_json()}
    title, preview = f"Lay out release {release.id}", origin.says
    if origin.how == "unpacked":
        unstage["laid_out"] = origin.laid_out
    elif origin.of:
        title += f" as a copy of {origin.of.id}"
        preview = f"code and configuration of {origin.of.id} into releases/{release.id}"
    return Step(
        id="stage",
        title=title,
        do=Action("stage-copy", {"release": release.as_json(), "directory": str(place)}),
        undo=Action("unstage", unstage),
        preview=(preview,),
    )


def share_data(release: LocalRelease, recorded: str) -> Step:
    """Return the step that lets a kept release serve its `data`; `recorded` is what its manifest names before."""
    return Step(
        id="data",
        title="Serve today's data",
        do=Action("share-data", {"release": release.id, "data": release.data}),
        undo=Action("share-data", {"release": release.id, "data": recorded}),
        preview=(f"releases/{release.id}/data -> data/{release.data}",),
    )


def lay_out(release: LocalRelease, place: str, serving: str) -> Step:
    return Step(
        id="data",
        title="Lay out the archived data as a new generation",
        do=Action("restore-data", {"place": place, "data": release.data}),
        undo=Action("unrestore-data", {"data": release.data, "place": place, "to": serving}),
        preview=(f"data/{release.data}; what serves now keeps its own",),
    )


def carry(origin: str, to: str, snapshot: str) -> Step:
    """Return the step that copies results stored since a backup from one data generation to another."""
    return Step(
        id="carry",
        title="Carry over what was answered meanwhile",
        do=Action("carry-results", {"from": origin, "to": to, "snapshot": snapshot}),
        produces=("rows",),
        preview=(f"results in data/{origin} that {snapshot} does not have go to data/{to}",),
        after_commit=True,
    )


def wait(releases: Sequence[str]) -> Step:
    return Step(
        id="wait",
        title="Wait for the draining release",
        do=Action("wait-drained", {"releases": list(releases)}),
        preview=(f"{', '.join(releases)} finishes its last requests first",),
    )


def migrate(release: LocalRelease, migration: Migration) -> Step:
    data = release.data
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


def supervise(observed: LocalObserved) -> Step:
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


def start(release: LocalRelease, *, called_back: bool = False) -> Step:
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


def probe(release: LocalRelease, settings: Settings) -> Step:
    return Step(
        id="probe",
        title="Wait until it is ready and reports its id",
        do=Action("probe", {"release": release.id, "timeout": settings.local.ready_timeout}),
        produces=("seconds",),
        preview=(f"GET /health, GET /ready, POST /api/v1/analyze; at most {settings.local.ready_timeout:g} s",),
    )


def switch(release: LocalRelease, old: str) -> Step:
    return Step(
        id="switch",
        title="Switch traffic",
        do=Action("switch", {"release": release.id}),
        undo=Action("switch-back", {"release": release.id, "from": old}),
        preview=(f"active: {old or 'nothing'} -> {release.id}",),
    )


def confirm(release: LocalRelease) -> Step:
    return Step(
        id="confirm",
        title="Confirm through the public port",
        do=Action("confirm", {"release": release.id}),
        produces=("seconds",),
        preview=(f"{release.host}:{release.port} answers with release {release.id}, ten times in a row",),
    )


def prune(release: LocalRelease, observed: LocalObserved, settings: Settings) -> Step:
    doomed = beyond_retention(release, observed, settings.local.keep_releases)
    return Step(
        id="prune",
        title="Remove what is beyond retention",
        do=Action("prune", {"releases": doomed}),
        preview=(f"{len(doomed)} releases ({', '.join(doomed) or 'none'}); keeps {settings.local.keep_releases}",),
        after_commit=True,
    )


def beyond_retention(release: LocalRelease, observed: LocalObserved, keep: int) -> list[str]:
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


def drain_old(release: str) -> Step:
    return Step(
        id="drain",
        title=f"Drain {release}",
        do=Action("drain", {"releases": [release]}),
        preview=("it finishes what runs, then stops; it stays on disk for rollback",),
        after_commit=True,
    )


def wait_stopped(releases: Sequence[str], *, after_commit: bool = False) -> Step:
    return Step(
        id="wait-stopped",
        title="Wait until it has finished what runs",
        do=Action("wait-drained", {"releases": list(releases)}),
        preview=(", ".join(releases) or "nothing runs",),
        after_commit=after_commit,
    )


def stop_traffic(release: LocalRelease, releases: Sequence[str]) -> Step:
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
