"""Wait until a release is ready on its private socket, is confirmed through the public port, or has stopped."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from decodeat_ops.core.errors import StepFailed, Unreachable
from decodeat_ops.core.ports import Endpoint
from decodeat_ops.core.secret import Secret
from decodeat_ops.deployment import credential
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.deployment.store import Supervised
from decodeat_ops.engine.executor import Context

POLL_SECONDS = 0.1
CONFIRMATIONS = 10  # answers in a row, each on a connection of its own, so that probably every worker is asked
CONFIRM_PAUSE = 0.05  # seconds between them: without a pause all would end before an old worker sees the switch (25 ms)
CONFIRM_SECONDS = 15.0
LOG_LINES = 20
TROUBLE_SECONDS = 3.0  # seconds, as the cause may just have been mended: the supervisor tries again each second


def probe(machine: Machine, context: Context, release: str, timeout: float) -> float:
    """Wait until a release is ready, and return how many seconds that took.

    Raises `StepFailed` when it crashes, answers wrongly or is not ready within `timeout` seconds (with its own last log
    lines), or when the supervisor can't start it.
    """
    endpoint = machine.store.private(release)
    began = time.monotonic()
    earlier = _restarts(machine, release)
    answer = "it has not answered yet"
    while time.monotonic() - began < timeout:
        context.checkpoint()
        _watch_for_crash(machine, release, earlier, time.monotonic() - began)
        try:
            answer = _not_ready(machine, endpoint, release, context.secrets)
            if not answer:
                return time.monotonic() - began
        except Unreachable:
            pass
        context.progress(f"{answer} ({time.monotonic() - began:.0f} of {timeout:.0f} s)")
        time.sleep(POLL_SECONDS)
    raise _refused(machine, release, f"it was not ready within {timeout:.0f} s: {answer}")


def shortcomings(machine: Machine, release: str) -> list[str]:
    """Return what a ready release says it lacks: a fault that all instances share doesn't make one of them unready."""
    try:
        ready = machine.http.request(machine.store.private(release), "GET", "/ready", timeout=10)
    except Unreachable:
        return []  # the next step asks again, and says why
    found = _reasons(ready.body).removeprefix(": ")
    return [f"Release {release} is ready, but {found}."] if found else []


def _restarts(machine: Machine, release: str) -> int:
    known = machine.store.supervisor().releases.get(release)
    return known.restarts if known else 0


def _watch_for_crash(machine: Machine, release: str, earlier: int, waited: float) -> None:
    """Raise once the release crashes again; earlier crashes don't count."""
    known = machine.store.supervisor().releases.get(release)
    if known is None:
        return
    if known.restarts > earlier:
        raise _refused(machine, release, f"it crashed while starting ({known.last_exit})")
    if known.problem and waited > TROUBLE_SECONDS:
        raise _blocked(machine, release, known)


def _not_ready(machine: Machine, endpoint: Endpoint, release: str, secrets: Mapping[str, Secret]) -> str:
    """Return why a release isn't ready, "" when it is. Raises `StepFailed` for a wrong id or a broken endpoint."""
    health = machine.http.request(endpoint, "GET", "/health", timeout=5)
    if health.status != 200:
        return _broken_or(health.status, "/health", machine, release)
    reported = _release_in(health.body)
    if release != reported or health.headers.get("x-release-id") != release:
        told = reported or health.headers.get("x-release-id") or "none"
        raise _refused(machine, release, f"it reports the release id {told}, not {release}")
    ready = machine.http.request(endpoint, "GET", "/ready", timeout=10)
    if ready.status != 200:
        return _broken_or(ready.status, "/ready", machine, release) + _reasons(ready.body)
    shown = credential.headers(machine.layout, release, secrets)
    if shown != {}:
        open_to_all = _open_to_all(machine, endpoint, release)
        if open_to_all:
            return open_to_all
    # The endpoint that clients use must refuse an empty request, which shows that it is there and works. So does an
    # answer that asks for a key that the tool doesn't know, or one about a limit that other clients have used up.
    body = json.dumps({"image_urls": []}).encode()
    headers = {"Content-Type": "application/json", **(shown or {})}
    analyze = machine.http.request(endpoint, "POST", "/api/v1/analyze", body=body, headers=headers, timeout=10)
    expected = 401 if shown is None else 422
    if analyze.status not in {expected, 429}:
        why = f"/api/v1/analyze answered {analyze.status} to a request it should refuse with {expected}"
        raise _refused(machine, release, why)
    return ""


def _open_to_all(machine: Machine, endpoint: Endpoint, release: str) -> str:
    """Ask without a key where access is configured. Return "" when that is refused, or why the answer is unclear.

    Raises `StepFailed` for any other answer: access is open or broken.
    """
    body, headers = json.dumps({"image_urls": []}).encode(), {"Content-Type": "application/json"}
    answer = machine.http.request(endpoint, "POST", "/api/v1/analyze", body=body, headers=headers, timeout=10)
    if answer.status == 401:
        return ""
    if answer.status in {429, 503}:
        return f"/api/v1/analyze answers {answer.status} to a request without a key, where 401 is due"
    why = f"/api/v1/analyze answered {answer.status} to a request without a key, and access is configured: 401 is due"
    raise _refused(machine, release, why)


def _broken_or(status: int, path: str, machine: Machine, release: str) -> str:
    if status in {500, 502, 404}:
        raise _refused(machine, release, f"{path} answered {status}")
    return f"{path} answers {status}"


def _reasons(body: bytes) -> str:
    try:
        checks = json.loads(body)["checks"]
        return ": " + "; ".join(f"{n}: {c.get('detail', '')}" for n, c in checks.items() if not c.get("ok"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def _release_in(body: bytes) -> str:
    try:
        return str(json.loads(body)["release"])
    except (ValueError, KeyError, TypeError):
        return ""


def _refused(machine: Machine, release: str, why: str) -> StepFailed:
    log = machine.layout.log(release)
    return StepFailed(
        f"Release {release} was refused: {why}.",
        hint=f"Its own last lines are above; all of them are in {log}.",
        lines=last_lines(log),
    )


def _blocked(machine: Machine, release: str, known: Supervised) -> StepFailed:
    """Return the error for a release that the supervisor can't start, and whose log therefore says nothing."""
    hint = f"The supervisor's own log is {machine.layout.supervisor_log}."
    if known.no_port:
        hint = "Stop the program that listens there, or set local.port to a free one; `decodeat-ops doctor` looks."
    return StepFailed(f"Release {release} could not be started: {known.problem}.", hint=hint)


def last_lines(log: Path, count: int = LOG_LINES) -> tuple[str, ...]:
    """Return the last lines of a log, at most `count` out of its last 64 KiB; none when it can't be read."""
    try:
        with log.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - 65536))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(text.splitlines()[-count:])


def confirm(machine: Machine, context: Context, release: str) -> float:
    """Wait until the public port answers with this release's id `CONFIRMATIONS` times in a row; return the seconds.

    Raises `StepFailed` after `CONFIRM_SECONDS`.
    """
    known = machine.store.get(release)
    if known is None:
        raise StepFailed(f"Release {release} has no manifest.")
    endpoint = machine.store.public(known)
    began = time.monotonic()
    row, seen = 0, "nothing"
    while time.monotonic() - began < CONFIRM_SECONDS:
        context.checkpoint()
        try:
            answer = machine.http.request(endpoint, "GET", "/health", timeout=5)
            seen = f"{answer.status} from release {answer.headers.get('x-release-id', 'unknown')}"
            row = row + 1 if answer.status == 200 and answer.headers.get("x-release-id") == release else 0
        except Unreachable as error:
            row, seen = 0, str(error)
        if row == CONFIRMATIONS:
            return time.monotonic() - began
        time.sleep(CONFIRM_PAUSE)
    raise _refused(machine, release, f"{endpoint} does not answer with it, last seen: {seen}")


def wait_stopped(machine: Machine, context: Context, releases: Sequence[str], doing: str, patient: bool = True) -> None:
    """Wait until the supervisor has stopped the releases; it enforces the drain time-out itself.

    With `patient` the operator may interrupt the wait; an undo passes False. Raises `StepFailed` when no supervisor
    works while one of them runs, or after two drain time-outs and 60 s.
    """
    limit = 2 * machine.loaded.settings.local.drain_timeout + 60
    began = time.monotonic()
    while True:
        if patient:
            context.checkpoint()
        supervisor = machine.store.supervisor()
        running = machine.store.running(supervisor)
        left = [r for r in releases if r in running]
        waiting = [r for r in releases if machine.layout.drain(r).exists()] if supervisor.alive else []
        if not left and not waiting:
            return
        if not supervisor.alive:
            raise StepFailed(
                f"Release {left[0]} runs on, and no supervisor is there to stop it.",
                hint="`decodeat-ops start` brings one back; then run the command again.",
            )
        waited = time.monotonic() - began
        if waited > limit:
            raise StepFailed(
                f"Release {(left or waiting)[0]} has not stopped within {limit:.0f} s.",
                hint=f"Look at {machine.layout.supervisor_log}.",
            )
        context.progress(f"{(left or waiting)[0]} is {doing} ({waited:.0f} s)")
        time.sleep(POLL_SECONDS)
