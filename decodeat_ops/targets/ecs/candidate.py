"""Say what a deploy would bring to ECS: the code here in an image that is built of it, or an image that is there."""

from pathlib import Path
from typing import Any

from decodeat_ops.core.errors import Lost, OpsError
from decodeat_ops.core.image import Recipe, Reference
from decodeat_ops.core.target import Candidate, Origin, Steps
from decodeat_ops.deployment import schema, source
from decodeat_ops.operations.image import Wanted
from decodeat_ops.targets.common import built, migrations
from decodeat_ops.targets.ecs import documents
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease

_UNTOLD = "image untold"  # why the image that a tag means could not be asked for


def read(place: Place, secrets: str) -> Candidate[EcsRelease]:
    """Return the candidate; `secrets` is the digest of today's.

    An image that is named and not found leaves it without one: the verification says so, with all else that is wrong.
    """
    named = place.loaded.settings.ecs.image
    if named:
        return Candidate(_named(place, named, secrets), Origin("built", says=named), (("image", named),))
    asked, package = built.read(place, place.names.repository), source.find(place.loaded)
    shown = str(asked.reference)
    release = _built(place, asked.recipe, package, secrets)
    return Candidate(release, Origin("built", package, says=shown), (("image", shown),))


def _built(place: Place, recipe: Recipe, package: Path, secrets: str) -> EcsRelease:
    return _release(
        secrets,
        fingerprint=documents.fingerprint(place, recipe.code, recipe.lock, built.made_of(recipe)),
        code=recipe.code,
        lock=recipe.lock,
        **migrations.record(schema.describe(package)),
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
    return built.wanted(place, place.names.repository)


def look(place: Place, origin: Origin) -> tuple[str, ...]:
    """Ask the registry for the image that would be built, remember the answer, and return what is wrong with it.

    Raises what kept it, or an image that is named, from being asked for: `Unreachable` without an engine or a registry.
    """
    if _UNTOLD in place.remembered:
        untold: OpsError = place.remembered[_UNTOLD]
        raise untold
    return built.look(place, wanted(place)) if origin.package else ()


def image_steps(place: Place, origin: Origin) -> Steps:
    """Return the steps that bring the image to the registry, none when it is there or another one is named."""
    return built.to_registry(place, wanted(place)) if origin.package else ()
