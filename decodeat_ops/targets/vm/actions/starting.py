"""Carry out the steps that start a colour where no client reaches it, and take it away again."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.core.remote import Answer
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.vm import documents
from decodeat_ops.targets.vm.actions.imaged import with_image
from decodeat_ops.targets.vm.actions.running import Work, answered, each, warnings
from decodeat_ops.targets.vm.place import Acts, Place
from decodeat_ops.targets.vm.release import VmRelease
from decodeat_ops.targets.vm.scripts import colour, frame
from decodeat_ops.targets.vm.scripts.quoting import export

START_SECONDS = 120.0  # that the engine may take to make and start a container, beside the time to get ready


def start(place: Place, context: Context, params: Params) -> Results:
    """Start the release on every machine, and wait until it is ready and reports its id.

    Raises `StepFailed` with the end of its log.
    """
    release = with_image(context, VmRelease(**params["release"]))
    limit, given = float(params["limit"]), secrets_of(place, context)

    def one(work: Work) -> float:
        launch = launched(place, release, params["hosts"][work.host]["colour"])
        began = place.clock.now()
        first = work.run(colour.start(launch, min(limit, 5)), given=given, timeout=START_SECONDS + limit)
        answer = first
        if first.status == frame.NOT_YET:
            left = limit - (place.clock.now() - began)
            answer = work.wait(
                lambda seconds: colour.ready(place.names, launch.colour, release.id, seconds),
                left,
                waiting=lambda last, seconds: f"{release.id} is not ready yet: {answered(last)}",
            )
        if answer.status != 0:
            raise _failed(work, release, answer, limit)
        return place.clock.now() - began

    seconds = each(place, context, params["hosts"], one, looks=True)
    return {"seconds": round(max(seconds.values(), default=0.0), 2)}


def secrets_of(place: Place, context: Context) -> str:
    """Return the lines that export a colour's secrets: the input of what starts one."""
    return export(documents.of_service(place.loaded, context.secrets))


def launched(place: Place, release: VmRelease, on: Any) -> colour.Launch:
    return colour.Launch(place.names, on, release.id, release.image, release.secrets, as_record(release))


def as_record(release: VmRelease) -> str:
    """Return what release.json holds."""
    return json.dumps(release.as_json(), indent=2, sort_keys=True) + "\n"


def _failed(work: Work, release: VmRelease, answer: Answer, limit: float) -> StepFailed:
    what = f"release {release.id}"
    if answer.status == frame.OUT_OF_MEMORY:
        memory = work.place.loaded.settings.vm.memory
        hint = f"It may take {memory} (vm.memory); fewer WORKERS take less."
        return work.failed(what, "its container took more memory than it may, and was killed", answer, hint)
    if answer.status == frame.ENDED:
        return work.failed(what, f"its container does not stay up ({_state(frame.told(answer.stdout))})", answer)
    if answer.status == frame.NOT_YET:
        why = f"it is not ready after {limit:g} s: {answered(answer)}"
        return work.failed(what, why, answer, "vm.ready_timeout says how long it may take.")
    if answer.status == frame.NO_START:
        return work.failed(what, "docker compose could not start it", answer)
    if answer.status == frame.MISSING:
        return work.failed(what, "its files or its container are not there", answer)
    try:
        work.well(answer, what)
    except StepFailed as error:
        return error
    raise RuntimeError("a script that ended well has failed")


def _state(told: Mapping[str, str]) -> str:
    """Return what Docker's words on a container mean: its status, and the code that it ended with last."""
    status, _, rest = told.get("state", "").partition(" ")
    code = told.get("ended") or (rest.split(" ")[1] if rest.count(" ") >= 1 else "?")
    return f"{status or 'gone'}, last exit code {code}"


def unstart(place: Place, context: Context, params: Params) -> Results | None:
    """Take the container away where it is the one that was started, and bring back what was recorded before.

    It never touches the colour that clients reach, and says so where it would have to. Requests that came while
    clients reached it are answered first: `limit` is what the longest of them may take.
    """
    release = VmRelease(**params["release"])
    kept: Mapping[str, Any] | None = params["kept"]
    before_record = as_record(VmRelease(**kept)) if kept else ""

    def one(work: Work) -> str:
        told = params["hosts"][work.host]
        body = partial(colour.unstart, place.names, told["colour"], release.id, told["before"], before_record)
        answer = work.wait(
            lambda seconds: body(wait=seconds),
            float(params["limit"]),
            waiting=lambda last, _: f"{told['colour']} finishes its requests ({_seconds(last)} s)",
        )
        if answer.status == frame.NOT_YET:
            answer = work.run(body(wait=None))
        if answer.status == frame.SERVES:
            return f"clients reach {told['colour']} by now, so its container stays"
        if answer.status == frame.MISSING:
            return ""  # not even the deployment's directory is there
        work.well(answer, "taking the container away")
        return ""

    return warnings(each(place, context, params["hosts"], one, patient=False)) or None


def drained(place: Place, context: Context, params: Params) -> Results | None:
    """Wait until the colours have finished what runs. Raises `StepFailed` with the time when one does not."""
    limit = float(params["limit"])

    def one(work: Work) -> None:
        on = params["hosts"][work.host]
        answer = work.wait(
            lambda seconds: colour.drained(place.names, on, seconds),
            limit,
            waiting=lambda last, _: f"{on} finishes its requests ({_seconds(last)} s of {limit:g} s)",
        )
        if answer.status == frame.NOT_YET:
            raise work.failed(
                f"the colour {on}",
                f"it was told to finish {_seconds(answer)} s ago and still runs, and {limit:g} s is what a request "
                "may take",
                answer,
                f"Look at {place.names.container(on)} there; `docker kill {place.names.container(on)}` ends it.",
            )
        work.well(answer, f"waiting for {on}")

    each(place, context, params["hosts"], one)
    return None


def _seconds(answer: Answer) -> str:
    return frame.told(answer.stdout).get("seconds", "0")


def recorded(release: VmRelease) -> str:
    """Return the record of a release that has served."""
    return as_record(replace(release, served=True))


ACTIONS: Acts = {"start": start, "unstart": unstart, "drained": drained}
