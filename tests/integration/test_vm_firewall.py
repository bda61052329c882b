"""Real ufw and iptables on a machine of the test's own: what gets in, what goes back by itself, what is refused."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.adapters.system_clock import SystemClock
from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.remote import Remote
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm import firewall
from decodeat_ops.targets.vm.firewall import applying, guard
from decodeat_ops.targets.vm.place import Place
from tests.support.local_remote import Cut
from tests.support.own_machine import OwnMachine, complaints
from tests.support.waiting import wait_for
from tests.unit.targets.vm.bare import place

US, THEM, SSH = "198.51.100.1", "198.51.100.2", 2222
OPEN, ALL = [80, 443, SSH], [80, 443, SSH, 8000, 9999]
INSIDE, OUTSIDE = "0123456789ab", f"fw{os.getpid()}"
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ufw", path="/usr/sbin:/usr/bin"), reason="takes root and ufw"
)
# A container behind a bridge as Docker makes it, with the published ports 80 and 8000; its rules, too, are Docker's.
_CONTAINER = f"""
ip netns add inner
ip link add br-{INSIDE} type bridge && ip addr add 172.31.0.1/24 dev br-{INSIDE} && ip link set br-{INSIDE} up
ip link add veth1 type veth peer name eth0 netns inner && ip link set veth1 master br-{INSIDE} up
ip -n inner addr add 172.31.0.2/24 dev eth0 && ip -n inner link set eth0 up
ip -n inner route add default via 172.31.0.1
ip addr add {THEM}/24 dev eth0 && ip link set eth0 up
mount -o remount,rw /proc/sys 2>/dev/null; echo 1 >/proc/sys/net/ipv4/ip_forward
iptables -N DOCKER-USER && iptables -A DOCKER-USER -j RETURN && iptables -P FORWARD DROP
iptables -A FORWARD -j DOCKER-USER
iptables -A FORWARD -o br-{INSIDE} -j ACCEPT && iptables -A FORWARD -i br-{INSIDE} -j ACCEPT
for port in 80 8000; do
  iptables -t nat -A PREROUTING -i eth0 -p tcp --dport $port -j DNAT --to-destination 172.31.0.2:7000
done
"""
_LISTEN = (
    "import signal, socket, sys; held = [socket.create_server(('', int(p))) for p in sys.argv[1:]]; signal.pause()"
)
_DOCKER = f"""#!/bin/sh
case $1 in network) echo {INSIDE}{"0" * 52};; ps) echo "web 0.0.0.0:80->7000/tcp, 0.0.0.0:8000->7000/tcp";; esac
"""


@dataclass(frozen=True)
class Scene:
    machine: OwnMachine
    place: Place

    def reached(self) -> list[int]:
        """Return the ports that somebody outside gets an answer from."""
        connect = "".join(f"timeout 3 bash -c ': <>/dev/tcp/{THEM}/{port}' && echo {port} & " for port in ALL)
        argv = ("ip", "netns", "exec", OUTSIDE, "sh", "-c", f"{connect} wait")
        said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
        return sorted(int(word) for word in said.split())

    def step(self, seconds: int = 60) -> dict[str, Any]:
        assert [wall.wrong for wall in firewall.walls(self.place)] == [()]
        plan = firewall.plan(self.place, "m1", seconds)
        assert plan is not None
        return dict(plan.steps[-1].do.params)

    def before(self) -> str:
        return self.machine.sh(
            "iptables-save -t filter | sed '/^#/d; /ufw/d; s/ [[].*//'; grep ENABLED= /etc/ufw/ufw.conf"
        )


@contextmanager
def outside(machine: OwnMachine) -> Iterator[None]:
    def ip(*words: str) -> None:
        subprocess.run(("ip", *words), check=True, capture_output=True)

    ip("netns", "add", OUTSIDE)
    try:
        peer = ("peer", "name", "eth0", "netns", str(machine.process))
        ip("-n", OUTSIDE, "link", "add", "eth0", "type", "veth", *peer)
        ip("-n", OUTSIDE, "addr", "add", f"{US}/24", "dev", "eth0")
        ip("-n", OUTSIDE, "link", "set", "eth0", "up")
        yield
    finally:
        ip("netns", "del", OUTSIDE)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(applying, "guarded", lambda place, host, body: body)  # the lock has tests of its own
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(_DOCKER)
    docker.chmod(0o755)
    variables = {
        "SSH_CONNECTION": f"{US} 50000 {THEM} {SSH}",
        "PATH": f"{docker.parent}:{os.environ['PATH']}:/usr/sbin",
    }
    with OwnMachine(variables=variables) as machine, outside(machine):
        machine.sh(_CONTAINER)
        listening = [
            subprocess.Popen((*machine.inside(), *where, sys.executable, "-c", _LISTEN, *ports))
            for where, ports in (((), (str(SSH), "443", "9999")), (("ip", "netns", "exec", "inner"), ("7000",)))
        ]
        here = place(tmp_path / "home", {"one": machine}, f'admin_addresses = ["{US}"]\n')
        scene = Scene(machine, replace(here, another=lambda name: machine.again(), clock=SystemClock()))
        try:
            wait_for(lambda: scene.reached() == ALL, otherwise=lambda: str(scene.reached()), every=0.2)
            yield scene
        finally:
            for one in listening:
                one.kill()
                one.wait()


def test_41_only_three_ports_answer_and_published_ones_do_not_pass_by(scene: Scene, tmp_path: Path) -> None:
    """Defect 41, and 13: nobody is locked out, and ports of containers are closed like all others."""
    scene.machine.sh(f"ufw allow {SSH}; ufw allow 25/tcp")  # the first voids the administrators' rule
    before = scene.before()
    given = scene.step()
    applying.apply(scene.place, Context(), given)
    assert scene.reached() == OPEN
    assert firewall.plan(scene.place, "m2", 60) is None
    (wall,) = firewall.walls(scene.place)
    assert wall.active and not wall.differs and not wall.wrong
    added = scene.machine.sh("ufw show added")
    assert f"from {US} to any port {SSH}" in added and f"allow {SSH}\n" not in added and "allow 25/tcp" in added
    scene.machine.sh("ufw reload")  # as a boot does
    assert scene.reached() == OPEN
    scene.machine.sh("iptables -F DOCKER-USER")
    assert firewall.walls(scene.place)[0].differs == ("the rules for DOCKER-USER are not in force",)
    applying.take_back(scene.place, Context(), given)
    assert scene.before() == before and scene.reached() == ALL
    assert complaints(tmp_path / "scripts", [*scene.machine.scripts, program(given)]) == []


def program(given: dict[str, Any]) -> str:
    return guard.guard("m1", 60, given["hosts"]["one"])


def test_41_what_is_not_confirmed_goes_back_by_itself(scene: Scene) -> None:
    """Nobody gets in, and the operator's own connection breaks off, too: the machine needs neither."""
    before, given = scene.before(), scene.step(3)

    def shut_out(name: str) -> Remote:
        scene.machine.break_off()
        return scene.machine.again({0: Cut.REFUSED})

    with pytest.raises(StepFailed, match="took its firewall back by itself"):
        applying.apply(replace(scene.place, another=shut_out), Context(), given)
    assert scene.before() == before and scene.reached() == ALL
    back = replace(scene.place, hosts={"one": scene.machine.again()})
    applying.take_back(back, Context(), given)  # the undo of what has gone back
    assert scene.before() == before


def test_41_a_rule_that_ufw_refuses_leaves_all_as_it_was(scene: Scene) -> None:
    before, given = scene.before(), scene.step()
    given["hosts"] = {"one": given["hosts"]["one"].replace("port 443", "port 443443")}
    with pytest.raises(StepFailed, match="is as it was: ufw refused"):
        applying.apply(scene.place, Context(), given)
    assert scene.before() == before


def test_rules_of_the_operators_stay_in_force_and_what_they_deny_to_all_is_opened(scene: Scene) -> None:
    """Somebody who was shut out stays out, though all others get in; and IPv6 is filtered whatever the file says."""
    allow = "ufw allow proto tcp from any to any port 443"
    scene.machine.sh(f"ufw deny from 192.0.2.0/24; ufw deny proto tcp from any to any port 443,444; {allow}")
    scene.machine.sh("sed -i '/^IPV6=/d' /etc/default/ufw")
    applying.apply(scene.place, Context(), scene.step())
    assert scene.reached() == OPEN
    rules = scene.machine.sh("grep '^### tuple' /etc/ufw/user.rules")
    order = [rules.find(f"{words} ") for words in ("allow tcp 443", "any 192.0.2.0/24", "deny tcp 443,444", "tcp 80")]
    assert order == sorted(order) and order[0] > 0, rules
    assert "IPV6=yes" in scene.machine.sh("cat /etc/default/ufw").splitlines()
    assert firewall.walls(scene.place)[0].differs == ()


def test_41_a_machine_that_goes_down_meanwhile_is_never_closed_by_rules_that_are_not_there(
    scene: Scene, tmp_path: Path
) -> None:
    """The file that turns it all on goes first where the old rules go to the disk, and last where the new ones do."""
    moved, own = tmp_path / "moved", tmp_path / "bin" / "mv"
    own.write_text(f'#!/bin/sh\ncase $1 in *.put) echo "$2" >>{moved};; esac\nexec /bin/mv "$@"\n')
    own.chmod(0o755)
    applying.apply(scene.place, Context(), scene.step())
    first, *_, last = moved.read_text().split()
    assert (first, last) == ("/etc/ufw/ufw.conf",) * 2
