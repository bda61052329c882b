"""No request lost: deploys and rollbacks in a row under a steady load over TLS, beside the way that loses many."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.lab.vm_operator import Operator
from tests.lab.vm_watching import under_way
from tests.lab.vms import DOMAIN
from tests.support.deployments import REPOSITORY

pytestmark = [pytest.mark.lab, pytest.mark.timeout(12_000), pytest.mark.share(4, part=0)]

Record = Callable[[str, object], None]
RATE = 100  # requests a second, half of them on connections that are kept
MOST_SECONDS = 10_000.0  # the test ends the load when it is done
AROUND = 5.0  # seconds of load before and after the change that loses requests
WAITS = 3.0  # seconds, in which a deploy that did not wait would stop or start something


@dataclass(frozen=True)
class Form:
    """Hold the number of deploys and of rollbacks, and the seconds that each slow request lasts (one every 2 s)."""

    rounds: int
    slow: float


SHORT, LONG = Form(3, 6.0), Form(20, 120.0)


@dataclass
class Load:
    """The load as a process of its own, and its report once it has ended."""

    process: "subprocess.Popen[str]"
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        return int(self.report["failed"])

    def __str__(self) -> str:
        said = {name: self.report[name] for name in ("sent", "lag_p99", "p50", "p99", "max")}
        return f"{self.failed} failed of {self.report['total']}, {said}"


@contextlib.contextmanager
def load(made: Operator, slow: float, directory: Path) -> Iterator[Load]:
    """Ask the first machine until the block ends; what was sent by then is waited for."""
    stop = directory / "stop"
    stop.unlink(missing_ok=True)
    place = f"https://{DOMAIN}@{made.first.address}:{made.ports[1]}"
    argv = (sys.executable, str(REPOSITORY / "tests/support/load.py"), place, str(MOST_SECONDS), str(RATE), str(slow))
    running = Load(subprocess.Popen((*argv, str(stop)), stdout=subprocess.PIPE, text=True))
    try:
        yield running
        stop.touch()
        output, _ = running.process.communicate(timeout=slow + 300)
        running.report.update(json.loads(output))
    finally:
        running.process.kill()
        running.process.wait()


@pytest.fixture
def busy(steady: Operator, proof: bool) -> Iterator[Operator]:
    """Return an operator whose service takes more than one request at a time, and who keeps many releases."""
    variables, vm = dict(steady.variables), dict(steady.vm)
    steady.vm |= {"memory": "2g", "keep_releases": (LONG if proof else SHORT).rounds + 2}
    steady.configure(WORKERS=2)
    steady.deploy()
    yield steady
    steady.variables, steady.vm = variables, vm
    steady.write()


def naively(made: Operator) -> None:
    """Recreate what serves in its place, as `docker compose up -d --force-recreate` does."""
    colour, root = made.colour(), made.root
    container = made.first.containers()[f"{made.deployment}-{colour}"]
    file = f"colours/{colour}/compose.yaml"
    given = f"API_KEYS={made.key} DECODEAT_COLOUR={colour} DECODEAT_IMAGE={container['Config']['Image']}"
    up = f"docker compose -p {made.deployment}-{colour} -f {file} up -d --force-recreate --no-build --pull never"
    made.first.ok(f"cd {root} && {given} {up} 2>&1")


def test_no_request_is_lost(busy: Operator, proof: bool, tmp_path: Path, record_property: Record) -> None:
    form = LONG if proof else SHORT
    if proof:
        with load(busy, form.slow, tmp_path) as control:
            time.sleep(form.slow + 10)
        record_property("measured", f"vm, nothing changes: {control}")
        assert control.failed == 0, control.report["failures"]

    nginx = busy.first.running()[f"{busy.deployment}-nginx"]
    deployed = [busy.serving()]
    with load(busy, form.slow, tmp_path) as changing:
        time.sleep(form.slow)
        for _ in range(form.rounds):
            busy.change_something()
            deployed.append(busy.deploy())
        for number in range(form.rounds):
            busy.ok("rollback", "--yes")
            assert busy.serving() == deployed[form.rounds - 1 - number]
    record_property("measured", f"vm, {form.rounds} deploys and {form.rounds} rollbacks: {changing}")
    assert changing.failed == 0, changing.report["failures"]
    assert changing.report["sent"]["slow"] >= 2 * form.rounds
    assert min(changing.report["sent"]["keep-alive"], changing.report["sent"]["one-connection"]) > 1000
    assert changing.report["releases"] == form.rounds + 1, "every release has answered clients"
    assert busy.first.running()[f"{busy.deployment}-nginx"] == nginx

    with load(busy, 0, tmp_path) as naive:
        time.sleep(AROUND)
        naively(busy)
        busy.wait_serving(deployed[0])
        time.sleep(AROUND)
    record_property("measured", f"vm, compose up --force-recreate: {naive}")
    assert naive.failed > 0, "this load tells a lost request"


def test_a_request_under_way_across_two_quick_deploys_is_answered(steady: Operator) -> None:
    """The colour that the second deploy gets still answers it, so that deploy waits."""
    old = steady.serving()
    with under_way(steady) as held:
        steady.change_something()
        first = steady.deploy()
        steady.change_something()
        assert "drained" in steady.planned()
        with steady.held("deploy", "drained") as going:
            going.go()
            with pytest.raises(subprocess.TimeoutExpired):
                going.process.wait(WAITS)
            assert steady.serving() == first and not held.request.done()
            held.finish()
            answer = held.answer()
            status, told = going.ended()
    assert (answer.status_code, answer.headers["x-release-id"]) == (200, old)
    assert status == 0 and steady.serving() == told["data"]["release"] not in {old, first}
