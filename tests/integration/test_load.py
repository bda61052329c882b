"""No request lost: redeploys and rollbacks in a row under a steady load, beside a control run without any."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployments import REPOSITORY, Deployment, deployment

pytestmark = [pytest.mark.load, pytest.mark.timeout(4000)]  # each redeploy waits for the slow requests

RATE = 100  # requests a second
LOAD_SECONDS = 3600.0  # upper limit: the test ends the load when it is done


@dataclass(frozen=True)
class Form:
    """Hold the number of redeploys and rollbacks, and the seconds that each slow request lasts (one every 2 s)."""

    rounds: int
    slow: float


SHORT, LONG = Form(3, 6.0), Form(10, 20.0)


class Load:
    """The load generator as a process of its own; `finish` lets what runs end and returns its report."""

    def __init__(self, made: Deployment, slow: float, directory: Path) -> None:
        self._stop = directory / "stop"
        self._stop.unlink(missing_ok=True)
        argv = [sys.executable, str(REPOSITORY / "tests/support/load.py"), str(made.port), str(LOAD_SECONDS)]
        argv += [str(RATE), str(slow), str(self._stop)]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)

    def finish(self) -> dict[str, Any]:
        self._stop.touch()
        output, _ = self._process.communicate(timeout=120)
        report: dict[str, Any] = json.loads(output)
        return report


def test_no_request_is_lost(tmp_path: Path, proof: bool, record_property: Callable[[str, object], None]) -> None:
    form = LONG if proof else SHORT
    with deployment(tmp_path, keep=form.rounds + 2) as made:
        made.configure(WORKERS=2)
        made.deploy()

        control_load = Load(made, form.slow, tmp_path)
        time.sleep(form.slow + 10)
        control = control_load.finish()

        load = Load(made, form.slow, tmp_path)
        time.sleep(form.slow)
        deployed = [made.serving()]
        for number in range(form.rounds):
            made.configure(MAX_REQUESTS_JITTER=100 + number)
            deployed.append(made.deploy())
            assert made.serving() == deployed[-1]
        for number in range(form.rounds):
            made.ok("rollback", "--yes")
            assert made.serving() == deployed[form.rounds - 1 - number]
        report = load.finish()

    record_property("measured", f"control run: {_line(control)}")
    record_property("measured", f"{form.rounds} redeploys, {form.rounds} rollbacks: {_line(report)}")
    assert control["failed"] == 0, control["failures"]
    assert report["failed"] == 0, report["failures"]
    assert report["sent"]["slow"] >= 2 * form.rounds
    assert min(report["sent"]["keep-alive"], report["sent"]["one-connection"]) > 1000
    assert report["releases"] == form.rounds + 1, "every release has answered clients"


def _line(report: dict[str, Any]) -> str:
    return (
        f"{report['failed']} failed of {report['total']} {report['sent']}, generator lag p99 {report['lag_p99']} s "
        f"max {report['lag_max']} s, answers p50 {report['p50']} s p99 {report['p99']} s max {report['max']} s"
    )
