"""Read what the machines of a deployment have: all at once, one round trip each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from decodeat_ops.core.errors import Configuration, OpsError, Unreachable
from decodeat_ops.core.remote import Remote
from decodeat_ops.core.target import Instance
from decodeat_ops.targets.vm.names import COLOURS, Colour, Names
from decodeat_ops.targets.vm.observed import Container, Seen, VmObserved
from decodeat_ops.targets.vm.place import LOOK as _LOOK
from decodeat_ops.targets.vm.place import Place, forget
from decodeat_ops.targets.vm.release import VmRelease
from decodeat_ops.targets.vm.scripts import look
from decodeat_ops.targets.vm.seen import parse, release_of
from decodeat_ops.targets.vm.side import each

LOOK_SECONDS = 120.0  # an engine that does not answer takes 20 of them
FRESH = 10.0  # seconds
DATA = "data"  # the one generation of data that a deployment has here


@dataclass(frozen=True)
class Looked:
    """Hold what was seen of a machine, and the error that kept more from being seen."""

    seen: Seen
    error: OpsError | None = None


def look_at(remote: Remote, names: Names) -> Looked:
    """Look at one machine. It never raises: one that does not answer is `silent`, and `problem` says why."""
    try:
        answer = remote.run(look.script(names), timeout=LOOK_SECONDS)
    except OpsError as error:
        return Looked(Seen(remote.name, problem=error.advice.what.rstrip("."), silent=True), error)
    return Looked(parse(remote.name, answer.stdout, names))


def and_look(host: str, output: str, names: Names) -> tuple[str, Looked]:
    """Return what a script of `look.after` printed itself, and what it saw of the machine then."""
    told, saw = look.parted(output)
    return told, Looked(parse(host, saw, names))


def looked(place: Place) -> tuple[Looked, ...]:
    """Look at all machines side by side, in the settings' order."""
    forget(place)
    return _lately(place)


def seen(place: Place) -> tuple[Seen, ...]:
    """Return what each machine has. It never raises because of one that is silent or damaged."""
    return tuple(one.seen for one in looked(place))


def seen_lately(place: Place) -> tuple[Seen, ...]:
    """Return what each machine has, or had seconds ago if nothing has been changed since."""
    return tuple(one.seen for one in _lately(place))


def lately(place: Place, remote: Remote) -> Looked:
    """Look at one machine, unless that was done within seconds and nothing has been changed since.

    Questions of one command follow on each other, and each look is a round trip.
    """
    at, found = place.remembered.get((_LOOK, remote.name), (0.0, None))
    if found is None or place.clock.now() - at > FRESH:
        found = look_at(remote, place.names)
        remember(place, remote.name, found)
    return found  # type: ignore[no-any-return]


def remember(place: Place, host: str, found: Looked) -> None:
    """Let what was seen of a machine just now be the answer to who asks within seconds."""
    place.remembered[_LOOK, host] = (place.clock.now(), found)


def _lately(place: Place) -> tuple[Looked, ...]:
    return tuple(each(place.hosts.values(), lambda one: lately(place, one)).values())


def observe(place: Place) -> VmObserved:
    """Read everything. Raises `Unreachable` naming all machines that are silent, for a change needs them all.

    Raises `Configuration` where nothing may be changed, or the record of what serves or was stopped is damaged. A
    command that takes the lock looks anew under it.
    """
    found = _lately(place)
    _require_answers(found)
    return observed(place.names, tuple(one.seen for one in found))


def survey(place: Place) -> VmObserved:
    """Read what those machines have that answer. Raises as `observe` does when there is none."""
    found = _lately(place)
    silent = tuple(one.seen.host for one in found if one.seen.silent)
    if len(silent) == len(found):
        _require_answers(found)
    return replace(observed(place.names, tuple(one.seen for one in found), sound=False), silent=silent)


def observed(names: Names, hosts: tuple[Seen, ...], *, sound: bool = True) -> VmObserved:
    """Put together what the machines have. Where they have to be `sound`, raises `Configuration` when one is not."""
    if sound:
        _require_sound(hosts)
    releases = union(hosts)
    leads, halted = _leading(hosts, releases), next((one for one in hosts if one.stopped), Seen(""))
    active = record(names, hosts, leads, leads.active_id)
    stopped = record(names, hosts, halted, halted.stopped) if active is None else None
    left = any(one.left for one in hosts) and not (active or stopped or releases)
    return VmObserved(
        active=active,
        stopped=stopped,
        releases=releases,
        draining=frozenset(_running(hosts, draining=True)),
        instances=tuple(_instances(hosts)),
        running=frozenset(_running(hosts)),
        left=DATA if left else "",
        stranger=_strangers(hosts),
        hosts=hosts,
    )


def _leading(hosts: tuple[Seen, ...], releases: tuple[VmRelease, ...]) -> Seen:
    """Return the machine whose release counts as what serves: where they differ, the newest one that has served.

    A machine that is new, or comes back from long ago, tells nothing of the others, even as the first one.
    """
    known = {one.id: (one.served, one.order) for one in releases}
    serving = [one for one in hosts if one.active_id]
    return max(serving, key=lambda one: known.get(one.active_id, (False, (0, ""))), default=Seen(""))


def first(place: Place) -> Seen:
    """Return what the first machine has, else the next one that answers. Raises as the first one did when none does."""
    failed: list[OpsError] = []
    for remote in place.hosts.values():
        found = lately(place, remote)
        if found.error is None and not found.seen.silent:
            return found.seen
        failed.append(found.error or _broken(found.seen))
    raise failed[0] if failed else Configuration("vm.hosts names no machine.", where="vm.hosts")


def first_serving(place: Place) -> Seen:
    """Return the first machine that answers where a release serves or is stopped, without one what `first` does."""
    for remote in place.hosts.values():
        found = lately(place, remote).seen
        if found.active_id or found.stopped:
            return found
    return first(place)


def canary(place: Place) -> tuple[str, Seen]:
    """Return the first machine's name and what it has. Raises as it did not answer."""
    host, remote = next(iter(place.hosts.items()))
    found = lately(place, remote)
    _require_answers((found,))
    return host, found.seen


def record(names: Names, hosts: Iterable[Seen], of: Seen, name: str) -> VmRelease | None:
    """Return a release of one machine by name, "" for none; the record of another machine stands for a damaged one.

    Raises `Configuration` naming machine and file when none has a whole record of it.
    """
    if not name:
        return None
    found = next((known for one in (of, *hosts) if (known := one.released(name))), None)
    if found is None:
        path = str(names.release(name) / "release.json")
        why = of.damaged.get(path)
        raise Configuration(
            f"On {of.host} the record of release {name} is {f'damaged: {why}' if why else 'missing'}.",
            state="What serves goes on. Nothing was changed.",
            hint=f"Put {path} back there, from a backup of that machine or from another machine of the deployment.",
            where=f"{of.host}:{path}",
        )
    return found


def union(hosts: Iterable[Seen]) -> tuple[VmRelease, ...]:
    """Return every release once, newest first; one that has served on any machine has served."""
    known: dict[str, VmRelease] = {}
    for one in hosts:
        for release in one.releases:
            kept = known.setdefault(release.id, release)
            if release.served and not kept.served:
                known[release.id] = release
    return tuple(sorted(known.values(), key=lambda one: one.order, reverse=True))


def _require_answers(found: tuple[Looked, ...]) -> None:
    silent = [one for one in found if one.seen.silent]
    if not silent:
        return
    others = tuple(serves(one.seen) for one in found if not one.seen.silent)
    if len(silent) == 1:
        error = silent[0].error or _broken(silent[0].seen)
        kind = Configuration if isinstance(error, Configuration) else Unreachable
        host, what = silent[0].seen.host, error.advice.what
        said = what if host in what else f"{host} can't be looked at: {what}"
        raise kind(said, hint=error.advice.hint, lines=(*error.advice.lines, *others), where=error.where) from error
    names = ", ".join(one.seen.host for one in silent)
    raise Unreachable(
        f"{len(silent)} of {len(found)} machines don't answer: {names}.",
        hint="A change needs them all. Bring them back, or take them out of vm.hosts.",
        lines=(*(_line(one) for one in silent), *others),
    )


def _line(one: Looked) -> str:
    hint = one.error.advice.hint if one.error else ""
    return f"{one.seen.host}: {one.seen.problem}." + (f" {hint}" if hint else "")


def _broken(one: Seen) -> Unreachable:
    return Unreachable(f"{one.host} can't be looked at: {one.problem}.", hint="Run the command again.")


def serves(one: Seen) -> str:
    """Return in a line what a machine serves."""
    if one.active_id:
        return f"{one.host}: release {one.active_id} serves."
    return f"{one.host}: release {one.stopped} is stopped." if one.stopped else f"{one.host}: nothing serves."


def _require_sound(hosts: tuple[Seen, ...]) -> None:
    bad = [one for one in hosts if one.problem]
    if not bad:
        return
    told = "; ".join(f"{one.host}: {one.problem}" for one in bad)
    raise Configuration(
        f"{told}.", hint=bad[0].hint or "`decodeat-ops doctor` looks at each machine.", where="vm.hosts"
    )


def _up(hosts: Iterable[Seen]) -> Iterator[tuple[Seen, Colour, Container]]:
    for one in hosts:
        for colour in COLOURS:
            container = one.containers.get(colour)
            if container is not None and container.up:
                yield one, colour, container


def _running(hosts: Iterable[Seen], *, draining: bool = False) -> Iterator[str]:
    """Yield the ids of what runs; with `draining`, of what runs in a colour that no client gets to any more.

    What was started after clients were led to the active colour has not had any yet.
    """
    for one, colour, container in _up(hosts):
        name = release_of(one, colour)
        left = colour != one.active and name != one.active_id and not (one.active and container.since > one.switched)
        if name and (left or not draining):
            yield name


def _instances(hosts: Iterable[Seen]) -> Iterator[Instance]:
    for one in hosts:
        for colour in COLOURS:
            container = one.containers.get(colour)
            name = release_of(one, colour)
            if container is not None and name and (container.up or colour == one.active):
                yield _instance(one, colour, container, name)


def _instance(one: Seen, colour: Colour, container: Container, name: str) -> Instance:
    return Instance(
        name,
        _state(container, active=colour == one.active),
        container.since,
        container.restarts,
        last_exit=ended(container),
        problem=str((container.raw.get("State") or {}).get("Error") or ""),
        source=one.host,
    )


def _state(container: Container, *, active: bool) -> str:
    if container.state == "restarting":
        return "backing-off"
    if not container.up:
        return "blocked"
    if not active:
        return "draining"
    return "starting" if container.health == "starting" else "running"


def ended(container: Container) -> str:
    """Return how a container ended last, "" when it never did or its end tells nothing."""
    if container.out_of_memory:
        return "out of memory"
    return f"status {container.exit_code}" if container.exit_code else ""


def _strangers(hosts: Iterable[Seen]) -> str:
    theirs = [f"{name} on {one.host}" for one in hosts for name in one.strangers]
    return f"{', '.join(theirs)}, which decodeat-ops has not made" if theirs else ""
