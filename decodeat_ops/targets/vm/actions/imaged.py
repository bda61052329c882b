"""Find the image of a release that a step of the same change has built, pushed or sent."""

from dataclasses import replace

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm.release import VmRelease

IMAGE = "image"  # the step that brings the image to the machines, and the result that names it


def with_image(context: Context, release: VmRelease) -> VmRelease:
    """Return the release with its image. Raises `StepFailed` when no step has said which one that is."""
    image = release.image or str(context.results.get(IMAGE, {}).get("image", ""))
    if not image:
        raise StepFailed(
            f"Which image release {release.id} is made of is not known: the step that brings it says nothing of it.",
            hint="Run the command again.",
        )
    return replace(release, image=image)
