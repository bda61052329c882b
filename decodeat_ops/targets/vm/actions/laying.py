"""Carry out the step that lays out a release's files on the machines, and its undo."""

import base64
import io
import tarfile
from collections.abc import Mapping

from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.vm import documents
from decodeat_ops.targets.vm.actions.imaged import with_image
from decodeat_ops.targets.vm.actions.running import Work, each
from decodeat_ops.targets.vm.actions.starting import as_record
from decodeat_ops.targets.vm.place import Acts, Place
from decodeat_ops.targets.vm.release import VmRelease
from decodeat_ops.targets.vm.scripts import frame, stage


def files(place: Place, context: Context, params: Params) -> Results | None:
    """Lay out the release on every machine: rendered here, or copied from another one's files there."""
    release = with_image(context, VmRelease(**params["release"]))
    of = params["of"]
    # A few small files: a channel of their own would take longer than they do.
    packed = "" if of else base64.encodebytes(archive(laid(place, release))).decode()

    def one(work: Work) -> None:
        if of:
            work.do(stage.copy(place.names, of, release.id, as_record(release)), f"the copy of {of}")
            return
        work.do(stage.from_text(place.names, release.id), f"laying out release {release.id}", given=packed)

    each(place, context, params["hosts"], one, looks=True)
    return None


def laid(place: Place, release: VmRelease) -> Mapping[str, str]:
    """Return the files of a release's directory by name."""
    rendered = documents.files(place.loaded, release.id)
    return {**rendered, "image": f"{release.image}\n", "release.json": as_record(release)}


def archive(texts: Mapping[str, str]) -> bytes:
    """Pack files into a tar archive in which equal content is equal bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as made:
        for name, text in sorted(texts.items()):
            content = text.encode()
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            made.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def unfiles(place: Place, context: Context, params: Params) -> Results | None:
    """Delete the release's directory on every machine."""

    def one(work: Work) -> None:
        answer = work.run(stage.unstage(place.names, params["release"]))
        if answer.status != frame.MISSING:
            work.well(answer, "deleting the files again")

    each(place, context, params["hosts"], one, patient=False)
    return None


ACTIONS: Acts = {"files": files, "unfiles": unfiles}
