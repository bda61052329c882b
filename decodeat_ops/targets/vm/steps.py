"""Describe the steps of virtual machines as data: from an image to a release that serves on all of them, and back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from decodeat_ops.core.migration import Migration, Revision
from decodeat_ops.core.plan import Action, Step
from decodeat_ops.targets.vm import documents
from decodeat_ops.targets.vm.names import Colour, Names, other
from decodeat_ops.targets.vm.observed import Seen, VmObserved
from decodeat_ops.targets.vm.release import VmRelease
from decodeat_ops.targets.vm.retention import Doomed
from decodeat_ops.targets.vm.way import Way, drain_seconds, shown

SELF = "a certificate signed by itself where there is none"
FILES, EDGE, DRAINED, MIGRATE, START, ADMIT, WATCH = (
    "files",
    "edge",
    "drained",
    "migrate",
    "start",
    "admit",
    "watch",
)


def files(way: Way) -> Step:
    """Return the step that lays out a new release's files, rendered here or copied from another release there."""
    release, of = way.release, way.origin.of
    copied = of.id if of is not None and way.origin.how == "copied" else ""
    what = "compose.yaml, its variables and the files of nginx; no secret is among them"
    return Step(
        id=FILES,
        title=f"Lay out release {release.id}" + (f" as a copy of {copied}" if copied else ""),
        do=Action("files", {"release": release.as_json(), "of": copied, "hosts": way.named}),
        undo=Action("unfiles", {"release": release.id, "hosts": way.named}),
        preview=(
            f"releases/{release.id} on {shown(way.named)}, there at once by a rename",
            f"the files of releases/{copied} there: none travels" if copied else what,
        ),
    )


def edge(way: Way) -> Step:
    """Return the step that brings nginx and what stands beside it to the release's files for them."""
    hosts = {
        one.host: {"generation": one.edge, "release": one.active_id or one.stopped if one.edge else ""}
        for one in way.edged
    }
    made = [one.host for one in way.edged if not one.edge]
    changed = sorted(
        {f"{one.edge} -> {way.release.edge}" for one in way.edged if one.edge not in {"", way.release.edge}}
    )
    about = {"release": way.release.id, "generation": way.release.edge, "hosts": hosts}
    return Step(
        id=EDGE,
        title="Bring nginx to its files",
        do=Action("edge", about),
        undo=Action("unedge", about),
        preview=(
            *((f"makes network, nginx and what stands beside it on {shown(made)}; {SELF}",) if made else ()),
            *(f"edge/current: {one}, nginx -t first, then a reload" for one in changed),
            *_renewed(way),
            "a container that does not run is started",
        ),
    )


def _renewed(way: Way) -> Iterator[str]:
    """Yield which containers beside the colours are made anew, and what clients notice of that."""
    if way.redefined:
        stop = documents.timeouts(way.loaded).stop
        yield (
            f"edge/compose.yaml differs on {shown(way.redefined)}: a container whose own definition has changed is "
            f"made anew, by an undo too. nginx finishes its requests, at most {stop} s; nobody answers until it is back"
        )
    if way.repassed:
        yield (
            f"secrets differ on {shown(way.repassed)}: Redis and PostgreSQL are made anew where their password has "
            "changed, and PostgreSQL's role gets it; what serves now does not reach them until clients get to the new "
            "release. An undo gives them back the passwords that what serves was started with"
        )


def drained(way: Way) -> Step:
    """Return the step that waits until the colour that the release gets has finished its last requests."""
    limit = drain_seconds(way.loaded)
    hosts = {one.host: way.colours[one.host] for one in way.busy}
    named = ", ".join(f"{colour} on {host}" for host, colour in hosts.items())
    return Step(
        id=DRAINED,
        title="Wait for the draining colour",
        do=Action("drained", {"hosts": hosts, "limit": limit}),
        preview=(f"{named} finishes its last requests first, at most {limit} s after it was told to",),
    )


def start(way: Way) -> Step:
    """Return the step that starts the release where no client reaches it, and waits until it is ready."""
    release, vm = way.release, way.loaded.settings.vm
    hosts = {
        one.host: {"colour": way.colours[one.host], "before": one.colours.get(way.colours[one.host], "")}
        for one in way.hosts
    }
    about: dict[str, Any] = {
        "release": release.as_json(),
        "kept": way.kept.as_json() if way.kept else None,
        "hosts": hosts,
        "limit": vm.ready_timeout,
    }
    return Step(
        id=START,
        title=f"Start {release.id} beside what serves",
        do=Action("start", about),
        undo=Action("unstart", {**about, "limit": drain_seconds(way.loaded)}),
        preview=(
            *(f"{one}: docker compose up, {way.colours[one]}" for one in way.named),
            "secrets resolved anew, as input of the connection; in that container and nowhere else",
            f"ready within {vm.ready_timeout:g} s on its private socket, and reports its id",
        ),
    )


def admit(way: Way) -> tuple[Step, ...]:
    """Return the steps by which clients reach the release: on the first machine, which is watched, then in groups."""
    made: list[Step] = []
    groups = way.groups
    for number, group in enumerate(groups, 1):
        made.append(_admit(way, group, number))
        if number == 1 and len(groups) > 1 and way.loaded.settings.vm.watch_seconds:
            made.append(watch(way, group))
    return tuple(made)


def _admit(way: Way, group: Sequence[Seen], number: int) -> Step:
    names = [one.host for one in group]
    hosts = {
        one.host: {
            "colour": way.colours[one.host],
            "before": one.active or "",
            "ran": one.active_id if _ran(one) else "",
        }
        for one in group
    }
    about = {"release": way.release.id, "hosts": hosts}
    turns = ", ".join(f"{name}: {told['before'] or 'nothing'} -> {told['colour']}" for name, told in hosts.items())
    return Step(
        id=ADMIT if number == 1 else f"{ADMIT}-{number}",
        title=f"Let clients reach it on {shown(names)}",
        do=Action("admit", about),
        undo=Action("admit-back", {**about, "limit": drain_seconds(way.loaded)}),
        produces=("seconds",),
        preview=(
            f"run/active by one rename ({turns})",
            f"nginx has to answer with {way.release.id}, five times in a row; else it is renamed back",
        ),
    )


def _ran(seen: Seen) -> bool:
    container = seen.containers.get(seen.active) if seen.active else None
    return container is not None and container.state == "running"


def watch(way: Way, group: Sequence[Seen]) -> Step:
    seconds = way.loaded.settings.vm.watch_seconds
    host = group[0].host
    about = {"host": host, "colour": way.colours[host], "seconds": seconds, "release": way.release.id}
    return Step(
        id=WATCH,
        title=f"Watch {host} before the others",
        do=Action("watch", about),
        produces=("answers",),
        preview=(f"{seconds:g} s: its container goes on, and few answers of nginx are errors or slow",),
    )


def retire(way: Way) -> Step:
    """Return the step that records that the release serves, and lets the other colour finish what it does."""
    news = {one.host: way.colours.get(one.host) or one.active or "blue" for one in way.observed.hosts}
    return retire_to(way.served, way.observed, news)


def retire_to(release: VmRelease, observed: VmObserved, news: Mapping[str, Colour]) -> Step:
    """Return that step for machines whose clients reach the colours `news`."""
    hosts = {host: {"colour": colour, "old": other(colour)} for host, colour in news.items()}
    ends = [
        f"{other(news[one.host])} on {one.host}"
        for one in observed.hosts
        if (found := one.containers.get(other(news[one.host]))) is not None and found.up
    ]
    return Step(
        id="retire",
        title="Let the old colour finish",
        do=Action("retire", {"release": release.as_json(), "hosts": hosts}),
        preview=(
            *((f"docker kill --signal TERM: {', '.join(ends)}; finishes its requests, and stays",) if ends else ()),
            f"releases/{release.id}/release.json: it has served",
        ),
        after_commit=True,
    )


def prune(way: Way, doomed: dict[str, Doomed]) -> Step:
    """Return the step that deletes what is beyond retention; the machines look themselves at what is in use then."""
    keep = way.loaded.settings.vm.keep_releases
    names = sorted({name for one in doomed.values() for name in one.releases})
    images = {image for one in doomed.values() for image in one.images}
    about = {host: {"releases": list(one.releases), "images": list(one.images)} for host, one in doomed.items()}
    kept = sorted({name for one in doomed.values() for name in one.generations})
    return Step(
        id="prune",
        title="Delete what is beyond retention",
        do=Action("prune", {"hosts": about, "generations": kept}),
        preview=(
            f"releases {', '.join(names) or 'none'}; keeps {keep}",
            *((f"{len(images)} image{'s' if len(images) > 1 else ''}, unless a container uses one",) if images else ()),
            "files of nginx that no kept release has",
        ),
        after_commit=True,
    )


def migrate(
    release: VmRelease, migration: Migration, known: Sequence[Revision], on: tuple[str, Colour], *, before: str
) -> Step:
    """Return the step that brings the database to the release's schema, by its own code on one machine.

    `on` is that machine and the colour that the release gets there, `before` is what is deployed now, "" for nothing.
    `known` are the migrations that its code knows.
    """
    host, colour = on
    lines = [f"{one.id} {one.title or '(what it does is known later)'}{_way_back(one)}" for one in migration.lacks]
    if not lines:
        lines = ["migrations that the database lacks, if any: " + (", ".join(one.id for one in known) or "none known")]
    named = {"release": release.as_json(), "host": host, "colour": colour, "change": f"{release.id}/{before}"}
    lossy = [one.id for one in known if not one.lossless]
    return Step(
        id=MIGRATE,
        title="Bring the database to its schema",
        do=Action("migrate", named),
        undo=Action("unmigrate", {**named, "lossy": lossy, "snapshot": migration.snapshot}),
        produces=("done",),
        preview=(f"{host}: docker compose run, python -m decodeat --migrate --json, in a container of its own", *lines),
    )


def _way_back(step: Revision) -> str:
    if step.reversible:
        return ""
    return "; NOT reversible: older releases can't store results from then on" + (
        "" if step.lossless else ", and taking it back loses data"
    )


def halt(observed: VmObserved) -> Step:
    """Return the step after which clients get 503 and what runs takes nothing new."""
    current = observed.current
    hosts = {
        one.host: {"colour": one.active or "", "ran": one.active_id if _ran(one) else ""} for one in observed.hosts
    }
    about = {"release": current.id if current else "", "hosts": hosts}
    return Step(
        id="stop",
        title="Stop it on every machine",
        do=Action("halt", about),
        undo=Action("unhalt", about),
        preview=(
            f"run/active is taken away on {shown(list(hosts))}: nginx answers 503",
            "docker kill --signal TERM: each finishes its requests first",
        ),
    )


def wait_stopped(observed: VmObserved, limit: int, *, after_commit: bool) -> Step:
    hosts = [one.host for one in observed.hosts]
    return Step(
        id="wait-stopped",
        title="Wait until every colour has finished what runs",
        do=Action("wait-stopped", {"hosts": hosts, "limit": limit}),
        preview=(f"{shown(hosts)}, at most {limit} s",),
        after_commit=after_commit,
    )


def maintenance(seen: Sequence[Seen], names: Names, *, on: bool) -> Step:
    hosts = [one.host for one in seen if one.maintenance is not on]
    about = {"hosts": hosts}
    return Step(
        id="maintenance",
        title=f"Maintenance {'on' if on else 'off'} on {shown(hosts)}",
        do=Action(f"maintenance-{'on' if on else 'off'}", about),
        undo=Action(f"maintenance-{'off' if on else 'on'}", about),
        preview=(
            f"{names.maintenance}: nginx answers 503 with Retry-After, but to its own checks; the release goes on"
            if on
            else f"{names.maintenance} is taken away: nginx passes requests on",
        ),
    )
