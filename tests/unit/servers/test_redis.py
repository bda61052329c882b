"""The Redis of the tests does what tests need of it, and leaves nothing behind."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from tests.servers.redis import redis_server
from tests.support.waiting import wait_for
from tests.unit.decodeat.web import ROOT


def test_it_dies_and_comes_back_empty_at_the_same_address() -> None:
    with redis_server() as server, server.client as client:
        client.set("a", 1)
        server.kill()
        with pytest.raises(redis.ConnectionError):
            client.get("a")
        server.start()
        assert client.get("a") is None
        server.pause()
        with redis.Redis.from_url(server.url, socket_timeout=0.2) as impatient, pytest.raises(redis.TimeoutError):
            impatient.ping()
        server.resume()
        assert client.ping()
        with redis.Redis(port=server.port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
    assert not server.directory.exists()


def test_it_goes_with_a_test_run_that_is_killed() -> None:
    program = (
        "from tests.servers.redis import redis_server\n"
        "with redis_server() as server:\n"
        "    print(server.process.pid, flush=True)\n"
        "    input()\n"
    )
    argv = (sys.executable, "-c", program)
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        process = Path("/proc", run.stdout.readline().strip())
        uid = process.stat().st_uid
        run.send_signal(signal.SIGKILL)
    assert uid != 0
    wait_for(lambda: not process.exists(), otherwise="it outlives the tests")
