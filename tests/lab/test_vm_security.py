"""Given a deployment that serves, when its machine is looked at from all sides, nothing has a right too many."""

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.targets.vm.names import API_USER, EDGE_USER, GROUP
from tests.lab import layers
from tests.lab.vm_operator import Operator
from tests.lab.vms import Vm
from tests.support.waiting import PATIENCE

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3000), pytest.mark.share(4, part=0)]


def ours(made: Operator) -> dict[str, dict[str, Any]]:
    found = made.first.containers()
    return {name.rpartition("-")[2]: one for name, one in found.items() if name.startswith(f"{made.deployment}-")}


def test_nothing_that_runs_has_a_right_that_it_needs_not(steady: Operator) -> None:
    containers = ours(steady)
    assert {steady.colour(), "nginx", "redis"} <= set(containers)
    users = {
        "blue": f"{API_USER}:{GROUP}",
        "green": f"{API_USER}:{GROUP}",
        "nginx": f"{EDGE_USER}:{GROUP}",
        "redis": "redis",
    }
    for name, one in containers.items():
        host, config = one["HostConfig"], one["Config"]
        assert config["User"] == users[name]
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and not host["CapAdd"], name
        assert "no-new-privileges:true" in host["SecurityOpt"] and not host["Privileged"], name
        assert host["Memory"] > 0 and host["MemorySwap"] == host["Memory"], name
        assert host["NanoCpus"] > 0 and host["PidsLimit"] > 0, name
        assert host["RestartPolicy"]["Name"] == "unless-stopped" and host["LogConfig"]["Type"] == "local", name
        assert list(one["NetworkSettings"]["Networks"]) == [steady.deployment], name
        assert not host["PidMode"] and host["IpcMode"] == "private" and not host["UsernsMode"], name
        published = {
            port for ports in (host["PortBindings"] or {}).values() for port in [one["HostPort"] for one in ports]
        }
        assert published == ({"80", "443"} if name == "nginx" else set()), name


def test_processes_inside_are_what_they_are_said_to_be(steady: Operator) -> None:
    for part, user in ((steady.colour(), API_USER), ("nginx", EDGE_USER)):
        pid = steady.first.docker("inspect", "--format", "{{.State.Pid}}", f"{steady.deployment}-{part}")
        status = steady.first.ok(f"cat /proc/{pid}/status")
        facts = {line.partition(":")[0]: line.partition(":")[2].split() for line in status.splitlines()}
        assert facts["Uid"] == [str(user)] * 4 and set(facts["CapEff"] + facts["CapBnd"]) == {"0" * 16}, part
        assert facts["NoNewPrivs"] == ["1"], part


# Each argument of each program that runs, again and again, on a line of its own.
SAMPLER = """
while [ ! -e {stop} ]; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; sleep 0.02; done | sort -u >{seen}
"""


@contextlib.contextmanager
def processes(machine: Vm) -> Iterator[Path]:
    """Collect every argument that shows in a machine's list of processes until the block ends, in a file there."""
    stop, seen = Path("/tmp/processes-stop"), Path("/tmp/processes")
    machine.ok(f"rm -f {stop} {seen}")
    with ThreadPoolExecutor(1) as thread:
        sampling = thread.submit(machine.ok, SAMPLER.format(stop=stop, seen=seen))
        try:
            yield seen
        finally:
            machine.ok(f"touch {stop}")
            sampling.result(PATIENCE)


def test_a_secret_is_in_the_container_that_needs_it_and_nowhere_else(steady: Operator) -> None:
    steady.rotate_secret()
    secret = steady.key
    with processes(steady.first) as seen:
        ran = steady.run("deploy", "--yes")
    assert ran.status == 0 and secret not in ran.stdout + ran.stderr
    arguments = steady.first.ok(f"cat {seen}")
    assert "compose" in arguments.splitlines() and secret not in arguments

    containers = ours(steady)
    holders = {name for name, one in containers.items() if secret in json.dumps(one)}
    assert holders == {steady.colour()}
    # The engine's own record of that container is what has it.
    places = f"{steady.root} /run /tmp /root /home /etc /var/log"
    search = f"grep -rlF --exclude-dir=docker {{}} {places}"
    assert steady.first.run(search.format(secret)).stdout == b""
    assert b"/journal/" in steady.first.run(search.format(steady.serving())).stdout, "it does look there"
    written = [path.read_text(errors="replace") for path in (steady.home / "state").rglob("*") if path.is_file()]
    assert not any(secret in text for text in written)


def test_no_secret_is_in_any_layer_of_what_runs(steady: Operator) -> None:
    steady.change_code()
    steady.deploy()
    image = ours(steady)[steady.colour()]["Image"]
    assert layers.read(steady.engine, image, [steady.key]).found([steady.key]) == []
    assert steady.key not in steady.engine.ok("history", "--no-trunc", image)


def test_what_was_laid_out_is_clean_to_its_own_programs(steady: Operator) -> None:
    release = f"{steady.root}/releases/{steady.serving()}"
    image = ours(steady)[steady.colour()]["Image"]
    given = f"DECODEAT_IMAGE={image} DECODEAT_COLOUR=blue API_KEYS=x"
    for file in ("compose.yaml", "edge/compose.yaml"):
        said = steady.first.ok(f"{given} docker compose -f {release}/{file} config --quiet 2>&1")
        assert said == "", said
    tested = f"docker exec {steady.deployment}-nginx nginx -t -c /etc/edge/current/nginx.conf 2>&1"
    assert "warn" not in steady.first.ok(tested)


def test_what_others_on_the_machine_can_read_holds_nothing_of_it(steady: Operator) -> None:
    """Somebody with an account there and no right at all."""
    found = steady.first.run(f"setpriv --reuid=nobody --regid=nogroup --clear-groups ls -R {steady.root}")
    assert found.returncode != 0 and b"Permission denied" in found.stderr
    listed = steady.first.ok(f"find {steady.root} -perm /o+w ! -type l")
    assert listed == ""
    keys = steady.first.ok(f"find {steady.root} -name privkey.pem -exec stat -L -c '%a %u %g' {{}} +").splitlines()
    assert keys and set(keys) == {f"640 0 {GROUP}"}


def test_redis_answers_in_the_deployments_own_network_alone(steady: Operator) -> None:
    places = [line.split()[3].rpartition(":") for line in steady.first.ok("ss -Htln").splitlines()]
    ports = {port for address, _, port in places if not address.startswith(("127.", "[::1]"))}
    # Other deployments of these tests have ports of their own.
    assert {"22", "80", "443"} <= ports and not ports & {"6379", "8000", "8081"}
