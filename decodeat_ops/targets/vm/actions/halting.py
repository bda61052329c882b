"""Carry out the steps by which clients reach nothing: a stop, its way back, and maintenance."""

from decodeat_ops.core.plan import Params
from decodeat_ops.core.remote import Answer
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.vm.actions.admitting import led_back
from decodeat_ops.targets.vm.actions.running import Work, each, warnings
from decodeat_ops.targets.vm.place import Acts, Place
from decodeat_ops.targets.vm.scripts import frame, switch
from decodeat_ops.targets.vm.way import drain_seconds


def halt(place: Place, context: Context, params: Params) -> Results | None:
    """Lead clients nowhere, remember what served, and tell all that runs to finish and end."""
    each(place, context, params["hosts"], lambda work: work.do(switch.halt(place.names, params["release"]), "the stop"))
    return None


def unhalt(place: Place, context: Context, params: Params) -> Results | None:
    """Start again what ran before, and lead clients there."""
    limit = drain_seconds(place.loaded) + place.loaded.settings.vm.ready_timeout

    def one(work: Work) -> str:
        told = params["hosts"][work.host]
        return led_back(work, "", told["colour"], told["ran"], limit) if told["colour"] else ""

    return warnings(each(place, context, params["hosts"], one, patient=False)) or None


def wait_stopped(place: Place, context: Context, params: Params) -> Results | None:
    """Wait until nothing runs any more on any machine. Raises `StepFailed` when something still does."""
    limit = float(params["limit"])

    def waiting(answer: Answer, seconds: float) -> str:
        return f"finishes its requests ({seconds:.0f} s of {limit:g} s)"

    def one(work: Work) -> None:
        answer = work.wait(lambda seconds: switch.all_ended(place.names, seconds), limit, waiting=waiting)
        if answer.status == frame.NOT_YET:
            raise work.failed("the stop", f"a container still runs after {limit:g} s", answer, "Run the command again.")
        work.well(answer, "the stop")

    each(place, context, params["hosts"], one)
    return None


def maintenance_on(place: Place, context: Context, params: Params) -> Results | None:
    """Let nginx answer 503 to clients."""
    _maintenance(place, context, params, on=True)
    return None


def maintenance_off(place: Place, context: Context, params: Params) -> Results | None:
    """Let nginx pass requests on again."""
    _maintenance(place, context, params, on=False)
    return None


def _maintenance(place: Place, context: Context, params: Params, *, on: bool) -> None:
    body = switch.maintenance(place.names, on=on)
    each(place, context, params["hosts"], lambda work: work.do(body, "maintenance"), patient=False)


ACTIONS: Acts = {
    "halt": halt,
    "unhalt": unhalt,
    "wait-stopped": wait_stopped,
    "maintenance-on": maintenance_on,
    "maintenance-off": maintenance_off,
}
