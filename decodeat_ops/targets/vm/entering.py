"""Run a program in a container on the operator's own terminal, by ssh and docker exec."""

from collections.abc import Sequence

from decodeat_ops.core.abilities import Attached
from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.targets.vm import observing
from decodeat_ops.targets.vm.names import COLOURS
from decodeat_ops.targets.vm.observed import Seen
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.scripts.quoting import word, words

SHELL = ("sh",)


def enter(place: Place, program: Sequence[str], instance: str) -> Attached:
    """Return what runs a program on a machine in what clients reach there, "" for the first machine.

    `instance` may name the other colour too: machine/colour. Raises `Configuration` when nothing runs there, `Usage`
    for what there is not.
    """
    host, _, colour = instance.partition("/")
    if host and host not in place.hosts:
        raise Usage(f"There is no machine {host}.", hint=f"There are: {', '.join(place.hosts)}.")
    if colour and colour not in COLOURS:
        raise Usage(f"There is no colour {colour}.", hint=f"There are: {' and '.join(COLOURS)}.")
    seen = _seen(place, host)
    chosen = colour or seen.active or ""
    container = seen.containers.get(chosen)
    if container is None or not container.up:
        raise Configuration(
            f"{chosen} does not run on {seen.host}." if chosen else f"Nothing runs on {seen.host}.",
            hint="`decodeat-ops status` shows what runs; `decodeat-ops start` brings back what was stopped.",
        )
    script = f"exec docker exec -it {word(container.name)} {words(*(program or SHELL))}"
    told = place.hosts[seen.host].attached(script)
    return Attached(told.argv, told.variables, f"{chosen} on {seen.host}, release {container.release or 'unknown'}")


def _seen(place: Place, host: str) -> Seen:
    if not host:
        return observing.first(place)
    found = observing.look_at(place.hosts[host], place.names)
    if found.error is not None:
        raise found.error
    return found.seen
