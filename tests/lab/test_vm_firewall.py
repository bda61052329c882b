"""Given a machine with ufw, when its firewall is applied, only SSH and clients get in; what shuts us out goes back."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.lab.bases import DEBIAN
from tests.lab.conftest import Engage
from tests.lab.engine import NETWORK
from tests.lab.vm_operator import Operator
from tests.lab.vms import BOOT_SECONDS, STORES, WALLED, Vm
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3000), pytest.mark.share(4, part=3)]

SSH, PLAIN, SECURE = 22, 80, 443
PROGRAM, PUBLISHED = 9000, 9100  # of somebody else on the machine: a program's port, and a container's
ALL = (SSH, PLAIN, SECURE, PROGRAM, PUBLISHED)
REVERT = 15  # seconds without a word after which the machine takes its firewall back
# What of the rules is ours to change and to bring back.
RULES = (
    "ufw status; for t in iptables ip6tables; do "
    "$t -S FORWARD | head -n 1; $t -S DOCKER-USER 2>/dev/null | grep '^-A' || :; done"
)
# Out of sight of ufw, and of the look for another firewall, which comes over the connection that is there already.
NEW_ONES = "PREROUTING -p tcp --dport 22 --syn -j DROP"


@pytest.fixture(scope="module")
def made(engage: Engage) -> Operator:
    """Return an operator of a machine on which others work, too."""
    walled = engage("vm-walled", machine=WALLED, name="walled")
    walled.deploy()
    listens = ("python3", "-m", "http.server", str(PROGRAM), "--directory", "/tmp")
    walled.engine.ok("exec", "--detach", walled.first.id, *listens)
    words = ("run", "--detach", "--publish", f"{PUBLISHED}:6379", STORES["redis"])
    walled.first.docker(*words, "redis-server", "--protected-mode", "no")
    wait_for(lambda: from_here(walled.first) == set(ALL), otherwise=lambda: str(from_here(walled.first)), every=0.5)
    return walled


@pytest.fixture
def walled(made: Operator) -> Iterator[Operator]:
    yield made
    assert made.unsettled() == ""
    made.wait_alone()


def from_here(machine: Vm) -> set[int]:
    """Return the ports that this machine gets through to."""

    def opens(port: int) -> bool:
        try:
            socket.create_connection((machine.address, port), 3.0).close()
        except OSError:
            return False
        return True

    return {port for port in ALL if opens(port)}


def from_elsewhere(machine: Vm) -> set[int]:
    """Return the ports that another machine of the network gets through to."""
    tries = "".join(
        f"(timeout 3 bash -c ': <>/dev/tcp/{machine.address}/{port}' 2>/dev/null && echo {port}) & " for port in ALL
    )
    said = machine.engine.ok("run", "--rm", "--network", NETWORK, DEBIAN, "bash", "-c", f"{tries} wait")
    return {int(port) for port in said.split()}


def test_what_shuts_the_operator_out_goes_back_by_itself(walled: Operator) -> None:
    """New connections are lost from the moment on at which the command has its first; then it is killed."""
    machine, release = walled.first, walled.serving()
    before = machine.ok(RULES)
    assert "Status: inactive" in before and from_elsewhere(machine) == set(ALL)
    argv = (sys.executable, "-m", "decodeat_ops", "firewall", "apply", "--yes", "--revert-after", str(REVERT))
    applying = subprocess.Popen(argv, cwd=walled.home, env=walled.environment, stdin=subprocess.DEVNULL)
    try:
        connected = "ss -Htn state established 'sport = :22' | grep -q ."
        wait_for(lambda: machine.run(connected).returncode == 0, BOOT_SECONDS, "it does not connect")
        machine.ok(f"iptables -t raw -I {NEW_ONES}")
        applied = "grep -qsx applied /run/decodeat-ops-firewall/*/state"
        wait_for(lambda: machine.run(applied).returncode == 0, BOOT_SECONDS, "it does not come into force", every=0.2)
        assert "Status: active" in machine.ok(RULES) and applying.poll() is None
    finally:
        applying.kill()
        applying.wait()
    wait_for(lambda: machine.ok(RULES) == before, BOOT_SECONDS, lambda: machine.ok(RULES), every=0.5)
    machine.ok(f"iptables -t raw -D {NEW_ONES}")
    assert from_elsewhere(machine) == set(ALL) and walled.serving() == release
    walled.ok("resume", "--undo", "--yes", "--lock-wait", "120")
    assert machine.ok(RULES) == before


def test_afterwards_ssh_from_where_it_is_allowed_and_clients_get_in_and_nothing_else(walled: Operator) -> None:
    machine, release = walled.first, walled.serving()
    error = refused(walled, "203.0.113.7")
    assert "shut you out" in str(error) and from_elsewhere(machine) == set(ALL)
    walled.vm["admin_addresses"] = [walled.engine.gateway]
    walled.write()
    assert walled.ok("firewall", "plan")["changed"] == 0 and from_elsewhere(machine) == set(ALL)
    assert walled.ok("firewall", "apply", "--yes")["changed"] > 0
    assert from_here(machine) == {SSH, PLAIN, SECURE}
    assert from_elsewhere(machine) == {PLAIN, SECURE}
    assert walled.serving() == release
    assert walled.ok("firewall", "status")["exit_code"] == 0
    assert walled.ok("firewall", "apply", "--yes")["changed"] == 0
    walled.change_something()
    assert walled.deploy() == walled.serving() != release

    machine.restart_docker()
    walled.wait_serving(walled.releases()[0])
    assert from_elsewhere(machine) == {PLAIN, SECURE}, "an engine that starts anew opens nothing"


def refused(made: Operator, address: str) -> dict[str, object]:
    """Have a firewall refused that lets SSH in from this address alone."""
    made.vm["admin_addresses"] = [address]
    made.write()
    return made.refused(3, "firewall", "apply", "--yes")
