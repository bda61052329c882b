"""Carry out what follows the commit: the old colour finishes, and what is beyond retention goes."""

from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.vm.actions.imaged import with_image
from decodeat_ops.targets.vm.actions.running import Work, each, warnings
from decodeat_ops.targets.vm.actions.starting import recorded
from decodeat_ops.targets.vm.place import Acts, Place
from decodeat_ops.targets.vm.release import VmRelease
from decodeat_ops.targets.vm.scripts import colour
from decodeat_ops.targets.vm.scripts import prune as prune_script


def retire(place: Place, context: Context, params: Params) -> Results | None:
    """Record on every machine that the release has served, and tell the other colour to finish and end."""
    release = with_image(context, VmRelease(**params["release"]))

    def one(work: Work) -> None:
        on = params["hosts"][work.host]
        work.do(
            colour.retire(place.names, on["colour"], on["old"], recorded(release), release.id),
            "letting the old colour finish",
        )

    each(place, context, params["hosts"], one, needed=False)
    return None


def prune(place: Place, context: Context, params: Params) -> Results | None:
    """Delete what the plan names, but nothing that is in use by now."""

    def one(work: Work) -> str:
        about = params["hosts"][work.host]
        body = prune_script.prune(place.names, about["releases"], about["images"], params["generations"])
        answer = work.do(body, "deleting what is beyond retention")
        kept = [line.removeprefix("kept=") for line in answer.stdout.splitlines() if line.startswith("kept=")]
        return f"{', '.join(kept)} would be beyond retention and stays: it is in use." if kept else ""

    return warnings(each(place, context, params["hosts"], one, needed=False, looks=True)) or None


ACTIONS: Acts = {"retire": retire, "prune": prune}
