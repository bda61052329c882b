"""Say what a deploy would bring to ECS: the code here in an image that is built of it, or an image that is there."""

from typing import Any

from decodeat_ops.core.errors import Lost, OpsError
from decodeat_ops.core.image import Reference, RemoteImage
from decodeat_ops.core.target import Candidate, Origin, Steps
from decodeat_ops.deployment import image, schema, source
from decodeat_ops.operations.image import Wanted, steps
from decodeat_ops.targets.ecs import documents
from decodeat_ops.targets.ecs.data import migrations
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease

_THERE, _BUILT = "image there", "image built"  # what `look` remembers for the steps
_UNTOLD = "image untold"  # why the image that a tag means could not be asked for


def read(place: Place, secrets: str) -> Candidate[EcsRelease]:
    """Return the candidate; `secrets` is the digest of today's.

    An image that is named and not found leaves it without one: the verification says so, with all else that is wrong.
    """
    named = place.loaded.settings.ecs.image
    shown = (("image", named or str(wanted(place).reference)),)
    found = _named(place, named, secrets) if named else _built(place, secrets)
    origin = Origin("built", None if named else source.find(place.loaded), says=shown[0][1])
    return Candidate(found, origin, shown)


def _built(place: Place, secrets: str) -> EcsRelease:
    recipe, package = wanted(place).recipe, source.find(place.loaded)
    made = {"base": recipe.base, "dockerfile": recipe.dockerfile, "platform": recipe.platform}
    return _release(
        secrets,
        fingerprint=documents.fingerprint(place, recipe.code, recipe.lock, made),
        code=recipe.code,
        lock=recipe.lock,
        **migrations(schema.describe(package)),
    )


def _named(place: Place, named: str, secrets: str) -> EcsRelease:
    """Return the release of an image that is named: by its digest, since a tag may mean another one tomorrow."""
    reference = Reference.parse(named)
    digest = reference.digest or _meant(place, reference)
    made = {"digest": digest}
    return _release(
        secrets,
        fingerprint=documents.fingerprint(place, digest, "", made),
        code=digest.removeprefix("sha256:"),
        lock="",
        image=reference.at(digest) if digest else "",
    )


def _meant(place: Place, reference: Reference) -> str:
    """Return the digest of the image that a tag means now, "" when there is none or it could not be asked for."""
    place.remembered.pop(_UNTOLD, None)
    try:
        there = place.images().remote(reference)
    except Lost:
        raise
    except OpsError as error:
        place.remembered[_UNTOLD] = error
        return ""
    return there.digest if there else ""


def _release(secrets: str, **made: Any) -> EcsRelease:
    blank: dict[str, Any] = dict.fromkeys(("id", "revision", "created_at", "created_by", "origin", "data"), "")
    return EcsRelease(**blank, secrets=secrets, **made)


def wanted(place: Place) -> Wanted:
    """Return the image that would be built: of the code here, for the repository of this deployment."""
    loaded = place.loaded
    return Wanted(image.read(loaded), place.names.repository, loaded.settings.image.build_network)


def require_clean(place: Place, origin: Origin) -> tuple[str, ...]:
    """Refuse an image for production of code that differs from its commit, by `GateFailed`. Nothing else is wrong."""
    if origin.package:
        image.require_clean(wanted(place).recipe, place.loaded, allowed=False)
    return ()


def look(place: Place, origin: Origin) -> tuple[str, ...]:
    """Ask the registry for the image that would be built, remember the answer, and return what is wrong with it.

    Raises what kept it, or an image that is named, from being asked for: `Unreachable` without an engine or a registry.
    """
    if _UNTOLD in place.remembered:
        untold: OpsError = place.remembered[_UNTOLD]
        raise untold
    if origin.package is None:
        return ()
    asked, images = wanted(place), place.images()
    there = images.remote(asked.reference)
    place.remembered[_THERE] = asked.reference.at(there.digest) if there else ""
    place.remembered[_BUILT] = there is None and images.has(asked.reference)
    return _unfit(asked, there)


def _unfit(asked: Wanted, there: RemoteImage | None) -> tuple[str, ...]:
    if there is None or there.runs_on(asked.recipe.platform):
        return ()
    made = ", ".join(sorted(there.platforms))
    return (f"{asked.reference} is there for {made}, not for {asked.recipe.platform}: somebody else pushed it",)


def image_there(place: Place) -> str:
    """Return the image by digest that `look` found in the registry, "" when it has to be pushed first."""
    return str(place.remembered.get(_THERE, ""))


def image_steps(place: Place, origin: Origin) -> Steps:
    """Return the steps that bring the image to the registry, none when it is there or another one is named."""
    if origin.package is None or image_there(place):
        return ()
    return steps(wanted(place), built=bool(place.remembered.get(_BUILT)))
