"""Say what a deploy would bring to the machines: the code here, in an image of a registry or of the engine here."""

from typing import Any

from decodeat_ops.core.target import Candidate, Origin, Steps
from decodeat_ops.deployment import schema, source
from decodeat_ops.operations.image import Wanted, build_step
from decodeat_ops.targets.common import built, migrations
from decodeat_ops.targets.vm import documents
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.release import VmRelease
from decodeat_ops.targets.vm.scripts import images

_BUILT = "image in the engine"  # the id of the image that `look` found there, "" for none


def by_registry(place: Place) -> bool:
    """Return whether images reach the machines by a registry; else they are sent over the connections."""
    return bool(place.loaded.settings.image.repository)


def wanted(place: Place) -> Wanted:
    """Return the image that would be built of the code here."""
    return built.wanted(place, _repository(place))


def _repository(place: Place) -> str:
    return place.loaded.settings.image.repository or images.repository(place.names)


def read(place: Place, secrets: str) -> Candidate[VmRelease]:
    """Return the candidate, which has no image yet; `secrets` is the digest of today's."""
    asked, package = built.read(place, _repository(place)), source.find(place.loaded)
    recipe = asked.recipe
    blank: dict[str, Any] = dict.fromkeys(("id", "revision", "created_at", "created_by", "origin", "data"), "")
    blank |= migrations.record(schema.describe(package))
    release = VmRelease(
        **blank,
        secrets=secrets,
        fingerprint=documents.fingerprint(place.loaded, recipe.code, recipe.lock, built.made_of(recipe)),
        code=recipe.code,
        lock=recipe.lock,
    )
    shown = str(asked.reference)
    return Candidate(release, Origin("built", package, says=shown), (("image", shown),))


def look(place: Place, origin: Origin) -> tuple[str, ...]:
    """Ask for the image that would be built, remember the answer, and return what is wrong with it.

    Asks the registry, or the engine here where there is none. Raises `Unreachable` when they don't answer.
    """
    if origin.package is None:
        return ()
    asked = wanted(place)
    if by_registry(place):
        return built.look(place, asked)
    found = place.images().layers(str(asked.reference))
    place.remembered[_BUILT] = found.id if found else ""
    return ()


def image_there(place: Place) -> str:
    """Return what the release's image will be, as far as `look` found it made already; "" when it is built first."""
    return built.image_there(place) if by_registry(place) else str(place.remembered.get(_BUILT, ""))


def image_steps(place: Place, origin: Origin) -> Steps:
    """Return the steps that make the image, and bring it to the registry where there is one; none when it is there."""
    if origin.package is None:
        return ()
    asked = wanted(place)
    if by_registry(place):
        return built.to_registry(place, asked)
    return () if image_there(place) else (build_step(asked),)
