"""Carry out the steps of an image: build it, send it to its registry, take a tag away again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from decodeat_ops.core.errors import Configuration, Lost, StepFailed, Unreachable
from decodeat_ops.core.image import BuildRequest, Images, Recipe, Reference, RemoteImage, Report
from decodeat_ops.core.plan import Params
from decodeat_ops.deployment import image, source
from decodeat_ops.engine.executor import Context, Do, Results
from decodeat_ops.operations.image import BUILD
from decodeat_ops.settings.schema import Loaded


@dataclass(frozen=True)
class Workshop:
    """Hold the settings, and what opens the engine: at its first use, since most changes need none."""

    loaded: Loaded
    images: Callable[[], Images]


def bound(loaded: Loaded, images: Callable[[], Images]) -> Mapping[str, Do]:
    """Return every action of an image by name, for one deployment."""
    workshop = Workshop(loaded, images)
    return {name: partial(act, workshop) for name, act in ACTIONS.items()}


def build(workshop: Workshop, context: Context, params: Params) -> Results:
    """Build the image of the plan, unless the engine has it. What it is made of must be what was planned."""
    images, reference = workshop.images(), _reference(params)
    if images.has(reference):
        return {"built": False}
    recipe = Recipe(**params["recipe"])
    packed = image.context(source.find(workshop.loaded))
    # Read after it was packed, so that a change meanwhile is noticed.
    if image.read(workshop.loaded).digest != recipe.digest:
        raise StepFailed(
            "The code, its dependency lock, the Dockerfile or the image's settings changed since this was planned.",
            hint="Run the command again: it plans anew.",
        )
    made = images.build(BuildRequest(reference, recipe, params["network"], packed), _report(context))
    return {"built": True, "id": made}


def forget(workshop: Workshop, context: Context, params: Params) -> Results:
    """Take the tag of a build away, unless it was there before.

    A tag that stays does no harm, and an engine that is away must not keep a service from starting after a reboot.
    """
    if not context.results.get(BUILD, {}).get("built", True):
        return {"forgotten": False}
    try:
        gone = workshop.images().forget(_reference(params))
    except Unreachable as error:
        return {"forgotten": False, "warnings": [f"{_reference(params)} may still be in the engine. {error}"]}
    if not gone:
        used = f"{_reference(params)} stays in the engine: a container or another image uses it."
        return {"forgotten": False, "warnings": [used]}
    return {"forgotten": True}


def push(workshop: Workshop, context: Context, params: Params) -> Results:
    """Send the image to its registry, unless it is there. After a failure a look at the registry tells what came of it.

    Raises `Lost` when the registry can't be asked then.
    """
    images, reference = workshop.images(), _reference(params)
    there = _look(images, reference, "")
    if there is not None:
        return _arrived(there, reference, params["platform"], pushed=False)
    digest = ""
    try:
        digest = images.push(reference, _report(context))
    except Configuration:
        raise  # it refuses the login: there is nothing to look for
    except (StepFailed, Unreachable) as error:
        there = _look(images, reference, f"{error} Afterwards: ")
        if there is None:
            raise _not_taken(reference, error) from error
    there = there or _look(images, reference, f"It took {digest}, and then: ")
    if there is None or digest not in ("", there.digest):
        raise StepFailed(
            f"{reference.registry} took {digest} and has {there.digest if there else 'nothing'} under {reference}.",
            hint="Something else pushes the same tag, or deletes it. Find out what, then run the command again.",
        )
    return _arrived(there, reference, params["platform"], pushed=True)


def _look(images: Images, reference: Reference, before: str) -> RemoteImage | None:
    """Ask the registry. Raises `Lost` when it doesn't answer: a push that was interrupted may have come to its end."""
    try:
        return images.remote(reference)
    except Unreachable as error:
        raise Lost(f"{before}{error}") from error


def _not_taken(reference: Reference, error: StepFailed | Unreachable) -> StepFailed:
    return StepFailed(
        f"{error} {reference.registry} has nothing under the tag, and nothing uses what it took.",
        hint=error.advice.hint or "Run the command again: it does not send again what the registry has.",
        lines=error.advice.lines,
    )


def _arrived(there: RemoteImage, reference: Reference, platform: str, *, pushed: bool) -> Results:
    if not there.runs_on(platform):
        raise StepFailed(
            f"{reference} runs on {', '.join(sorted(there.platforms))}, not on {platform}: somebody else pushed it.",
            hint="Delete the tag at the registry, or take another repository.",
        )
    return {"digest": there.digest, "reference": reference.at(there.digest), "pushed": pushed}


def _reference(params: Params) -> Reference:
    return Reference(params["repository"], params["tag"])


def _report(context: Context) -> Report:
    def report(text: str, done: int = 0, total: int = 0, unit: str = "") -> None:
        context.checkpoint()
        context.progress(text, done, total, unit)

    return report


ACTIONS: Mapping[str, Callable[[Workshop, Context, Params], Results]] = {
    "image-build": build,
    "image-forget": forget,
    "image-push": push,
}
