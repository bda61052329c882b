"""Carry out the steps by which clients reach a release, are watched, and are led back."""

from decodeat_ops.core.errors import GateFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.vm.actions.running import Work, answered, each, warnings
from decodeat_ops.targets.vm.place import Acts, Place
from decodeat_ops.targets.vm.scripts import frame, switch
from decodeat_ops.targets.vm.scripts import watch as watch_script

CONFIRM_SECONDS = 20.0  # in which nginx has to answer with the release
MOST_ERRORS = 0.05  # share of answers 5xx, and of slow ones, that are no reason to go back
FEW = 2  # so many of them are none in any case


def client_name(place: Place) -> str:
    """Return the name that a request through nginx asks for."""
    domains = place.loaded.settings.vm.domains
    return domains[0] if domains else "localhost"


def admit(place: Place, context: Context, params: Params) -> Results:
    """Rename the link on every machine of the group, and confirm the release through nginx."""
    release, began = params["release"], place.clock.now()

    def one(work: Work) -> None:
        colour = params["hosts"][work.host]["colour"]
        body = switch.admit(place.names, colour, release, client_name(place), CONFIRM_SECONDS)
        answer = work.run(body, timeout=CONFIRM_SECONDS + 120)
        if answer.status == frame.UNREACHED:
            raise work.failed(
                "nginx",
                f"it did not answer with release {release} ({answered(answer)}); clients "
                "reach what they reached before",
                answer,
            )
        work.well(answer, "letting clients reach it")

    each(place, context, params["hosts"], one, looks=True)
    return {"seconds": round(place.clock.now() - began, 2)}


def admit_back(place: Place, context: Context, params: Params) -> Results | None:
    """Lead clients back to what they reached before, on every machine of the group; a stopped colour starts first."""

    def one(work: Work) -> str:
        told, admitted = params["hosts"][work.host], params["release"]
        return led_back(work, told["colour"], told["before"], told["ran"], float(params["limit"]), admitted)

    return warnings(each(place, context, params["hosts"], one, patient=False)) or None


def led_back(work: Work, colour: str, before: str, release: str, limit: float, admitted: str = "") -> str:
    """Lead clients of one machine back from `colour`, and return a warning, or "".

    `release` is what `before` ran by then, "" where it did not run, so that there is nothing to bring back but the
    link; `admitted` is what clients were let to in `colour`, "" for nothing.
    """
    place, names = work.place, work.place.names
    answer = work.wait(
        lambda seconds: switch.back(names, colour, before, release, client_name(place), seconds, admitted=admitted),
        limit,
        waiting=lambda last, _: f"{before} finishes its requests, and is started again then",
    )
    if answer.status == frame.UNREACHED:
        return f"{before} is what clients are led to again, and nginx did not confirm it ({answered(answer)})."
    if answer.status == frame.NOT_YET:
        raise work.failed(f"the way back to {before}", f"it does not come back within {limit:g} s", answer)
    work.well(answer, f"the way back to {before or 'nothing'}")
    return ""


def watch(place: Place, context: Context, params: Params) -> Results:
    """Watch what clients of the first machine get. Raises `GateFailed` when too much of it is errors, or slow."""
    host, seconds = params["host"], float(params["seconds"])
    context.progress(f"{host}: watching what clients get for {seconds:g} s")

    def one(work: Work) -> dict[str, int]:
        body = watch_script.watch(place.names, params["colour"], seconds)
        answer = work.run(body, timeout=seconds + 60)
        work.well(answer, f"release {params['release']}")
        found = frame.told(answer.stdout)
        return {name: int(found.get(name) or 0) for name in ("answers", "errors", "slow")}

    counted = each(place, context, [host], one)[host]
    for name, words in (("errors", "errors (5xx)"), ("slow", "slower than ten seconds")):
        if counted[name] > FEW and counted[name] > MOST_ERRORS * counted["answers"]:
            raise GateFailed(
                f"{host}: {counted[name]} of {counted['answers']} answers were {words} in {seconds:g} s.",
                hint="Look at its log: `decodeat-ops logs`.",
            )
    return dict(counted)


ACTIONS: Acts = {"admit": admit, "admit-back": admit_back, "watch": watch}
