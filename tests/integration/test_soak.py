"""Given the mixed load of the soak, when it lasts for seconds, each kind of request gets the answer that it expects."""

import subprocess
import sys

import pytest

from tests.support.deployments import REPOSITORY


@pytest.mark.share
def test_the_soak_expects_what_the_service_answers() -> None:
    """Otherwise half an hour of load ends red for an expectation that the service no longer has."""
    argv = (sys.executable, "-m", "bench.soak", "--minutes", "0.25")
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=500, check=False)
    assert "two: 200 COMPLETED" in done.stdout, done.stdout + done.stderr
    assert "instead of" not in done.stdout, done.stdout
    assert done.returncode == 0, done.stdout + done.stderr
