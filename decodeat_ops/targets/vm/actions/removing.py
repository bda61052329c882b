"""Carry out the step that deletes a deployment from its machines."""

from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.vm import keeping
from decodeat_ops.targets.vm.actions.running import Work, each
from decodeat_ops.targets.vm.place import Acts, Place
from decodeat_ops.targets.vm.scripts import frame
from decodeat_ops.targets.vm.scripts import remove as scripts


def delete(place: Place, context: Context, params: Params) -> Results:
    """Delete containers, network, images and files on every machine, and name what stays."""

    def one(work: Work) -> list[str]:
        images = params["hosts"][work.host]
        body = scripts.remove(place.names, images, params["kept"], ledger=keeping.KEPT, volumes=params["volumes"])
        answer = work.run(body, timeout=600.0)
        if answer.status == frame.MISSING:
            return []
        work.well(answer, "the removal")
        return [line.partition("=")[2] for line in answer.stdout.splitlines() if line.startswith("stays-")]

    left = each(place, context, params["hosts"], one)
    stays = [f"{host}: {', '.join(f'{place.names.root}/{name}' for name in names)}" for host, names in left.items()]
    return {"stays": "; ".join(text for host, text in zip(left, stays, strict=True) if left[host]) or "nothing"}


ACTIONS: Acts = {"delete": delete}
