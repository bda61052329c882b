"""Answer for virtual machines what a removal deletes and what stays."""

from dataclasses import replace

from decodeat_ops.core.plan import Action, Step
from decodeat_ops.core.target import Facts, Removal, Steps
from decodeat_ops.targets.vm.observed import Seen, VmObserved
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.scripts.remove import BACKUPS, CERTIFICATES, DATA
from decodeat_ops.targets.vm.way import shown


def removal(place: Place, observed: VmObserved, keep: frozenset[str], halt: Steps) -> Removal:
    """Return the removal of a deployment from its machines, without steps when nothing of it is there."""
    if not any(_there(one, keep) for one in observed.hosts):
        return Removal()
    kept = [name for name in (DATA, *CERTIFICATES) if "data" in keep] + [name for name in (BACKUPS,) if name in keep]
    images = {one.host: sorted({release.image for release in one.releases if release.image}) for one in observed.hosts}
    delete = Step(
        id="delete",
        title=f"Delete it from {shown(list(images))}",
        do=Action("delete", {"hosts": images, "kept": kept, "volumes": "data" not in keep}),
        produces=("stays",),
        preview=(
            f"containers of {place.names.project('blue')}, -green and -edge, the network {place.names.network}",
            f"{place.names.root}, but {', '.join(kept) or 'nothing'}; the images of its releases",
        ),
        after_commit=True,
    )
    stop = tuple(replace(one, after_commit=True) if one.id == "wait-stopped" else one for one in halt)
    return Removal((*stop, delete), _facts(place, observed, kept))


def _there(seen: Seen, keep: frozenset[str]) -> bool:
    made = seen.releases or seen.containers or seen.active or seen.stopped or seen.edge
    return bool(made or ("data" not in keep and seen.left))


def _facts(place: Place, observed: VmObserved, kept: list[str]) -> Facts:
    count = len(observed.releases)
    stays = ", ".join(f"{place.names.root}/{name}" for name in kept)
    return (
        ("deletes", f"{count} release{'' if count == 1 else 's'}, nginx and what stands beside it"),
        ("stays", f"{stays}, where it is there" if stays else "nothing of it; Docker itself"),
    )
