"""Look at everything that a release needs on the machines before anything is changed, and name all that is wrong."""

import re
from collections.abc import Iterator, Mapping

from decodeat_ops.core.errors import Configuration, Unreachable
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.target import Facts, Origin
from decodeat_ops.deployment import service_variables
from decodeat_ops.deployment.service_variables import Judged
from decodeat_ops.targets.common import built
from decodeat_ops.targets.vm import documents
from decodeat_ops.targets.vm.observed import Seen, VmObserved
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.release import VmRelease
from decodeat_ops.targets.vm.way import drain_seconds, idle, outside_maintenance

ENGINE, COMPOSE = (20, 10), (2, 20)  # the oldest versions that know all that is asked of them
ROOM = 256 * 2**20  # bytes that a machine has to have left, the image not counted
_JUDGED = "variables judged"  # what the code said of its variables, for each release asked about
_NUMBERS = re.compile(r"(\d+)\.(\d+)")


def problems(place: Place, release: VmRelease, origin: Origin, observed: VmObserved) -> tuple[str, ...]:
    """Return all that keeps a release from getting into service on the machines."""
    own = (*documents.problems(place.loaded),) if origin.how == "built" else ()
    return (*own, *startable(place, release, origin, observed))


def startable(place: Place, release: VmRelease, origin: Origin, observed: VmObserved) -> tuple[str, ...]:
    """Return all that keeps a release that was there before from being started again."""
    found: list[str] = []
    for seen in observed.hosts:
        found += _machine(seen)
        found += _taken(place, seen)
        found += _stores(place, seen)
        if origin.how != "built":
            found += _files(seen, origin, observed)
    if origin.how != "built":
        found += image(place, release, observed)
    return tuple(dict.fromkeys(found))


def _machine(seen: Seen) -> Iterator[str]:
    if not seen.engine:
        why = f" ({seen.engine_problem})" if seen.engine_problem else ""
        yield f"{seen.host} has no Docker that answers{why}: `decodeat-ops bootstrap` brings it"
    elif _version(seen.engine) < ENGINE:
        yield f"{seen.host} has Docker {seen.engine}, and {_shown(ENGINE)} or newer is needed"
    if seen.engine and not seen.compose:
        yield f"{seen.host} has no Compose (`docker compose`): `decodeat-ops bootstrap` brings it"
    elif seen.compose and _version(seen.compose) < COMPOSE:
        yield f"{seen.host} has Compose {seen.compose}, and {_shown(COMPOSE)} or newer is needed"
    if 0 <= seen.free_bytes < ROOM:
        yield f"{seen.host} has {seen.free_bytes >> 20} MiB left, and {ROOM >> 20} are needed beside the image"


def _taken(place: Place, seen: Seen) -> Iterator[str]:
    """Yield what others have that is ours by its name, or that nginx needs."""
    for name in seen.strangers:
        yield f"{seen.host} has a container {name} that decodeat-ops has not made: rename or remove it"
    vm = place.loaded.settings.vm
    nginx = place.names.container("nginx")
    for port in (vm.http_port, vm.https_port):
        holder = seen.ports.get(port, nginx)
        if holder != nginx:
            yield f"{seen.host}: port {port} is taken by the container {holder}"


def _stores(place: Place, seen: Seen) -> Iterator[str]:
    """Yield images of others that are named by id, which nobody can pull, and are not there."""
    vm = place.loaded.settings.vm
    wanted = (("nginx", vm.nginx_image, True), ("redis", vm.redis_image, vm.redis))
    for name, image, needed in (*wanted, ("postgres", vm.postgres_image, vm.postgres)):
        if needed and image.startswith("sha256:") and seen.engine and image not in seen.images:
            yield f"{seen.host} has no image {image[:19]}, which vm.{name}_image names: `docker load` it there"


def _files(seen: Seen, origin: Origin, observed: VmObserved) -> Iterator[str]:
    of = origin.of
    if of is None or seen.released(of.id) is not None:
        return
    others = {one.active_id for one in observed.hosts if one.host != seen.host}
    alone = f"`decodeat-ops deploy --host {seen.host}` brings them, " if others == {of.id} else ""
    yield f"{seen.host} has no files of release {of.id}: {alone}`decodeat-ops deploy` brings all machines to a new one"


def image(place: Place, release: VmRelease, observed: VmObserved) -> Iterator[str]:
    """Yield what keeps an image that was made before from getting to the machines that lack it."""
    lacking = [seen.host for seen in observed.hosts if seen.engine and release.image not in seen.images]
    if not lacking or "@" in release.image or _here(place, release.image):
        return
    yield (
        f"{', '.join(lacking)}: the image of release {release.id} is not there any more, and no registry and not the "
        "engine here has it"
    )


def _here(place: Place, image: str) -> bool:
    try:
        return bool(image) and place.images().layers(image) is not None
    except Unreachable:
        return False


def variables(place: Place, release: VmRelease, origin: Origin, secrets: Mapping[str, Secret]) -> tuple[str, ...]:
    """Return what the code that would be deployed finds wrong with its variables; a kept release keeps its own."""
    if origin.package is None:
        return ()
    loaded, remembered = place.loaded, place.remembered
    plain, known = documents.variables(loaded), (_JUDGED, release.fingerprint, release.secrets)
    if known not in remembered:
        values = documents.of_service(loaded, secrets)
        remembered[known] = service_variables.judge(place.machine, origin.package, loaded, plain, values)
    judged: Judged = remembered[known]
    if judged.secret:  # the code has answered
        return tuple(map(str, judged.problems))
    try:
        service_variables.refuse_exposed(place.machine, loaded, plain)
    except Configuration as error:
        return error.advice.lines or (f"{error.advice.what} {error.advice.hint}",)
    return ()


def clean(place: Place, origin: Origin) -> tuple[str, ...]:
    """Refuse an image for production of code that differs from its commit, by `GateFailed`."""
    return built.require_clean(place, origin)


def facts(place: Place, origin: Origin, observed: VmObserved) -> Facts:
    """Return what an operator has to know of the machines before a plan is approved."""
    return (*_mixed(observed), *_draining(place, observed), *maintained(observed))


def _mixed(observed: VmObserved) -> Facts:
    if not observed.mixed:
        return ()
    told = ", ".join(f"{one.host} serves {one.active_id or 'nothing'}" for one in observed.hosts)
    return (("machines differ", f"{told}; this brings them together"),)


def _draining(place: Place, observed: VmObserved) -> Facts:
    """Return which idle colours still finish requests, with the longest time that they may take yet."""
    limit, told = drain_seconds(place.loaded), []
    for seen in observed.hosts:
        container = seen.containers.get(idle(seen))
        if container is not None and container.up:
            left = limit if not seen.since_switch else max(0, limit - int(seen.since_switch))
            told.append(f"{idle(seen)} on {seen.host} at most {left} s more")
    return (("finishes requests first", ", ".join(told)),) if told else ()


def maintained(observed: VmObserved, *coming: str) -> Facts:
    """Return which machines are in maintenance, and which will be; `coming` is as in `outside_maintenance`."""
    on = [one.host for one in observed.hosts if one.maintenance]
    if not on:
        return ()
    told = f"{', '.join(on)}: clients get 503 until `decodeat-ops maintenance off`"
    too = [one.host for one in outside_maintenance(observed, *coming)]
    more = f"; so do those of {', '.join(too)}, before they reach the release" if too else ""
    return (("maintenance is on", f"{told}{more}"),)


def _version(text: str) -> tuple[int, int]:
    found = _NUMBERS.search(text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _shown(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
