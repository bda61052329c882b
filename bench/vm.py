"""How long a deploy to a machine far away takes beside its own scripts by hand, and to eight machines beside one.

Run it as `python -m bench.vm`, as root: it starts an engine and a virtual machine of its own. In front of its sshd each
round trip takes 50 ms longer. The deploy and one script over the system's ssh, which runs the same commands, come in
turns; each brings another configuration. Exit 1 when the deploy takes over 1.3 times, or when steps whose scripts wait
take over twice as long on eight machines as on one.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bench.pairs import Measured, once, report
from bench.vm_recorded import by_hand
from decodeat_ops.application.targets import _machines
from decodeat_ops.core.plan import Action, Params, Plan, Step
from decodeat_ops.engine.executor import Context, Engine, Results
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.vm.actions.running import Work, each
from decodeat_ops.targets.vm.ledger import VmLedger
from decodeat_ops.targets.vm.place import Place
from tests.integration.vm_wire import entered, entry
from tests.lab import bases, engine, vms
from tests.lab.vm_operator import Operator
from tests.lab.vms import STORES, Access
from tests.servers.vm import played_hosts
from tests.support.delayed import delayed
from tests.support.deployments import REPOSITORY, make_source
from tests.support.ports import free_port

LIMIT, LIMIT_OF_MANY = 1.3, 2.0
ROUND_TRIP = 0.05  # seconds more
MACHINE = "vm1"
MANY, STEPS, WAIT = 8, 6, 1.0  # machines, steps, and seconds that a script of each waits
HAND = ("sh", "-c", 'exec ssh -F "$1" "$2" sh -s <"$3"', "sh")


# A machine far away


@contextlib.contextmanager
def far_away(home: Path, round_trip: float) -> Iterator[Operator]:
    """Make an operator of a machine whose sshd is so many seconds away; clients are nearer to it."""
    with contextlib.ExitStack() as stack:
        docker = stack.enter_context(engine.running())
        bases.debian(docker)
        bases.python(docker)
        for name, tag in STORES.items():
            vms.build(docker, name, tag)
        vms.build(docker, "vm", vms.IMAGE)
        access = Access(home / "access")
        access.prepare()
        machine = stack.enter_context(vms.started(docker, MACHINE, access))
        machine.load(*STORES.values())
        made = Operator(home / "operator", docker, [machine], make_source(home / "source"))
        made.ports = (free_port(), free_port())
        stack.enter_context(delayed(machine.address, made.ports[1], 0.0, at=made.ports[1]))
        port = stack.enter_context(delayed(machine.address, 22, round_trip))
        made.vm |= {"ssh_config": str(_config(home, access, port)), "keep_releases": 3}
        made.write()
        yield made


def _config(home: Path, access: Access, port: int) -> Path:
    path = home / "ssh_config"
    path.write_text(
        f"Host {MACHINE}\n  HostName 127.0.0.1\n  Port {port}\n  HostKeyAlias {MACHINE}\n  User root\n"
        f"  IdentityFile {access.key}\n  IdentitiesOnly yes\n  IdentityAgent none\n  GlobalKnownHostsFile none\n"
        f"  UserKnownHostsFile {access.directory / 'known_hosts'}\n"
    )
    return path


def recorded(made: Operator) -> dict[str, Any]:
    """Deploy, and return what ran there, its release and its colour."""
    made.change_something()
    file = made.home / "ran.json"
    argv = (sys.executable, "-m", "bench.vm_recorded", str(made.home / "decodeat-ops.toml"), str(file))
    done = subprocess.run(argv, cwd=REPOSITORY, env=made.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the recorded deploy: exit {done.returncode}\n{done.stdout}{done.stderr}")
    told: dict[str, Any] = json.loads(file.read_text())
    return {**told, "colour": made.colour()}


def hand(made: Operator, told: dict[str, Any], number: int) -> float:
    """Return the seconds that one script takes which brings another release, to the colour that is free now."""
    release = f"{told['release'][:-7]}{number:07x}"
    words = {told["release"]: release}
    if made.colour() == told["colour"]:
        words |= {"blue": "green", "green": "blue"}
    file = made.home / "by-hand.sh"
    file.write_text(by_hand(told["ran"], words))
    seconds = once((*HAND, str(made.vm["ssh_config"]), MACHINE, str(file)), made.home, made.environment)
    if made.serving() != release:
        raise RuntimeError(f"the script did not bring {release}: {made.serving() or 'nothing'} serves")
    return seconds


def deploys(rounds: int, round_trip: float) -> Measured:
    """Measure deploys and the script in turns, after one round that warms caches and is not counted."""
    words = (sys.executable, "-m", "decodeat_ops", "deploy", "--yes", "--json")
    own, by_script = [], []
    with tempfile.TemporaryDirectory(prefix="decodeat-bench-") as scratch, far_away(Path(scratch), round_trip) as made:
        made.deploy()
        told = recorded(made)
        for number in range(rounds + 1):
            made.wait_alone()  # the colour that is free next finishes first
            taken = hand(made, told, number + 1)
            made.wait_alone()
            made.change_something()
            seconds = once(words, made.home, made.environment)
            if number:
                by_script.append(taken)
                own.append(seconds)
    return Measured("deploy to a machine", statistics.median(own), statistics.median(by_script), LIMIT)


# Many machines


def settings(home: Path, hosts: list[str], directory: str) -> Loaded:
    file = home / "decodeat-ops.toml"
    lines = ['name = "measured"', 'target = "vm"', "[vm]", f"hosts = {json.dumps(hosts)}"]
    lines += [f'directory = "{directory}"', f'ssh_config = "{home / "ssh_config"}"']
    file.write_text("\n".join([*lines, "[local]", f'state_dir = "{home / "state"}"']) + "\n")
    return load(file, None, {}, environ={})


def wait(place: Place, context: Context, params: Params) -> Results | None:
    """Run a script on all machines that waits, as those do which wait for an engine."""

    def one(work: Work) -> None:
        work.do(f"sleep {params['seconds']}", "the wait")

    each(place, context, place.hosts, one)
    return None


def carried_out(loaded: Loaded) -> float:
    """Return the seconds that a change takes whose scripts wait: from no connection until all are closed."""
    before = time.perf_counter()
    place = _machines(loaded)
    ledger = VmLedger(place)
    steps = tuple(Step(f"wait-{number}", "Wait", Action("wait", {"seconds": WAIT})) for number in range(STEPS))
    try:
        ledger.unfinished()
        ledger.prepare()
        with ledger.held("deploy"):
            plan = Plan("deploy", loaded.deployment, "r1", steps)
            Engine({"wait": partial(wait, place)}, ledger).carry_out(plan, Context())
    finally:
        for remote in place.hosts.values():
            remote.close()
    return time.perf_counter() - before


def many(rounds: int) -> Measured:
    """Measure the same change on one machine and on many, in turns."""
    names = [f"m{number}" for number in range(1, MANY + 1)]
    one, all_of_them = [], []
    with tempfile.TemporaryDirectory(prefix="decodeat-bench-") as scratch, contextlib.ExitStack() as stack:
        home = Path(scratch)
        hosts = stack.enter_context(played_hosts(home / "machines", names))
        entries = [entry(host, stack.enter_context(entered(host))) for host in hosts]
        (home / "ssh_config").write_text("".join(entries))
        for number in range(rounds + 1):
            alone = carried_out(settings(home, names[:1], hosts[0].directory))
            together = carried_out(settings(home, names, hosts[0].directory))
            if number:
                one.append(alone)
                all_of_them.append(together)
    name = f"a change on {MANY} machines"
    return Measured(name, statistics.median(all_of_them), statistics.median(one), LIMIT_OF_MANY)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--round-trip", type=float, default=ROUND_TRIP, help="seconds that one takes longer")
    parser.add_argument("--only", choices=("far", "many"), default="")
    options = parser.parse_args()
    outcomes = [0]
    if options.only != "many":
        outcomes.append(report("the same commands, by hand", [deploys(options.rounds, options.round_trip)]))
    if options.only != "far":
        outcomes.append(report("the same change on one", [many(options.rounds)]))
    return max(outcomes)


if __name__ == "__main__":
    sys.exit(main())
