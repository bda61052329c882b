"""Describe and carry out the step that brings a release's image to the machines, and its undo."""

from collections.abc import Sequence

from decodeat_ops.core.errors import Lost, Unreachable
from decodeat_ops.core.layers import BuiltImage
from decodeat_ops.core.plan import Action, Params, Step
from decodeat_ops.core.remote import Answer, Remote
from decodeat_ops.core.target import Origin
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.operations.image import PUSH
from decodeat_ops.targets.vm import bringing, candidate
from decodeat_ops.targets.vm.keeping import guarded, judged
from decodeat_ops.targets.vm.observed import Seen
from decodeat_ops.targets.vm.place import Acts, Place, remotes_of
from decodeat_ops.targets.vm.release import VmRelease
from decodeat_ops.targets.vm.scripts import images
from decodeat_ops.targets.vm.side import each

IMAGE = "image"


def step(place: Place, release: VmRelease, origin: Origin, hosts: Sequence[Seen]) -> Step:
    """Return the step for these machines. Its result `image` is what the release's record says from then on."""
    built = origin.package is not None
    image = release.image or (candidate.image_there(place) if built else "")
    reference = str(candidate.wanted(place).reference) if built else ""
    names = [seen.host for seen in hosts]
    there = [seen.host for seen in hosts if image and image in seen.images]
    about = {"image": image, "reference": reference, "hosts": names, "there": there}
    pulled = "@" in image if image else candidate.by_registry(place)
    how = "docker pull, by digest" if pulled else "over the connection: the layers that a machine's engine lacks"
    return Step(
        id=IMAGE,
        title=f"Bring the image to {names[0] if len(names) == 1 else f'{len(names)} machines'}",
        do=Action("bring-image", about),
        undo=Action("forget-image", about),
        produces=("image", "brought"),
        preview=(
            image or reference,
            "it is there: nothing moves" if len(there) == len(names) else f"{how}; nothing where it is there",
        ),
    )


def bring(place: Place, context: Context, params: Params) -> Results:
    """Bring the image to every machine of the step that lacks it, side by side. A repeat brings what is missing yet."""
    image, hosts = _image(context, params), remotes_of(place, context, params["hosts"])
    if "@" in image:
        made = _made(place, params["reference"])
        arrived = bringing.pull(place, context, hosts, image, made)
    else:
        arrived = bringing.send(place, context, hosts, params["reference"] or image, image)
    return {"image": arrived.image, "brought": list(arrived.brought), "bytes": arrived.moved}


def forget(place: Place, context: Context, params: Params) -> Results | None:
    """Take the image away where the step has brought it, but none that something uses: one that stays does no harm."""
    done = context.results.get(IMAGE, {})
    brought = done.get("brought", [name for name in params["hosts"] if name not in params["there"]])
    try:
        image = str(done.get("image") or _image(context, params) or _id(place, params["reference"]))
        if not brought or not image:
            return None
        script = images.forget(place.names, (image, images.mark(place.names, image)))
        hosts = remotes_of(place, context, brought, needed=False)
        found = each(hosts, lambda host: _forget(place, host, script))  # nothing interrupts an undo
    except Lost:
        raise
    except Unreachable as error:
        return {"warnings": [f"The image may still be at {', '.join(brought)}. {error}"]}
    said = []
    if stays := [name for name, answer in found.items() if "kept=" in answer.stdout]:
        said.append(f"The image stays at {', '.join(stays)}: something else uses it.")
    if unknown := [name for name, answer in found.items() if answer.status]:
        where = ", ".join(unknown)
        said.append(f"The image may still be at {where}, where Docker did not answer: see `docker image ls`.")
    return {"warnings": said} if said else None


def _forget(place: Place, host: Remote, script: str) -> Answer:
    return judged(host.run(guarded(place, host.name, script), timeout=300), host.name)


def _image(context: Context, params: Params) -> str:
    """Return the image as far as it is known: that of the push, or what was known when this was planned."""
    return str(context.results.get(PUSH, {}).get("reference") or params["image"])


def _made(place: Place, reference: str) -> BuiltImage | None:
    """Return the same image in the engine here, by which the room for it is known; None where there is none."""
    try:
        return place.images().layers(reference) if reference else None
    except Unreachable:
        return None


def _id(place: Place, reference: str) -> str:
    found = place.images().layers(reference)
    return found.id if found else ""


ACTIONS: Acts = {"bring-image": bring, "forget-image": forget}
