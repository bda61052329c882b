"""A real Redis started as the rendered Compose file starts it: its password is asked for, and stands in no argument."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
import yaml  # type: ignore[import-untyped]

from decodeat_ops.targets.vm import documents
from tests.support.ports import free_port
from tests.support.vm_settings import vm_settings
from tests.support.waiting import PATIENCE, wait_for

PASSWORD = "a b/c'd$e"


@contextmanager
def started(home: Path, more: str) -> Iterator[tuple[int, subprocess.Popen[bytes], str]]:
    """Run what the file says, on a port of this test; yields the port, the process and what a colour connects to."""
    loaded = vm_settings(home, more)
    service = yaml.safe_load(documents.files(loaded)["edge/compose.yaml"])["services"]["redis"]
    argv = [word.replace("$$", "$").replace("/tmp/", f"{home}/") for word in service["entrypoint"] + service["command"]]
    port = free_port()
    if len(argv) == 3:
        argv[-1] += f" --port {port} --bind 127.0.0.1"
    else:
        argv += ["--port", str(port), "--bind", "127.0.0.1"]
    environ = {"REDIS_PASSWORD": PASSWORD}
    secrets = {name: secret.reveal() for name, secret in documents.of_edge(loaded, environ).items()}
    process = subprocess.Popen(argv, env={"PATH": "/usr/bin:/bin", **secrets}, cwd=home, stdout=subprocess.DEVNULL)
    try:
        address = documents.of_service(loaded, {}, environ).get("REDIS_URL")
        url = address.reveal() if address else documents.variables(loaded)["REDIS_URL"]
        yield port, process, url.replace("redis:6379", f"127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(PATIENCE)


def answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_with_a_password_nobody_gets_in_without(tmp_path: Path) -> None:
    with started(tmp_path, 'redis_password = "env:REDIS_PASSWORD"\n') as (port, process, url):
        client = redis.Redis.from_url(url)
        wait_for(lambda: answers(client))
        assert client.set("a", "b") and client.get("a") == b"b"
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=port).ping()
        shown = Path(f"/proc/{process.pid}/cmdline").read_text()
        assert "#" not in shown and PASSWORD not in shown
        assert client.config_get("save") == {"save": ""}
        asked = subprocess.run(("redis-cli", "-p", str(port), "ping"), capture_output=True, text=True, check=False)
        assert "NOAUTH" in asked.stdout + asked.stderr, "which the health check takes for life"


def test_without_one_the_network_alone_keeps_others_out(tmp_path: Path) -> None:
    with started(tmp_path, "") as (_, __, url):
        client = redis.Redis.from_url(url)
        wait_for(lambda: answers(client))
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
        assert client.config_get("maxmemory") == {"maxmemory": str(128 * 1024 * 1024)}
