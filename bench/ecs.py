"""How long a deploy to ECS takes beside a script that makes the same calls to AWS. Exit 1 when it is over 1.2 times.

Run it as `python -m bench.ecs`, as root: it starts an engine, an emulator of AWS and a registry of its own. Both deploy
the same image to services of their own, in turns, and each deploy brings another configuration. It prints how often
each asked AWS; an unchanged deploy may ask 12 times and change nothing.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.pairs import Measured, once, report
from decodeat_ops.targets.ecs.actions import confirm
from tests.lab import bases, engine
from tests.lab.ecs import DEPLOYMENT, Operator, operator
from tests.lab.ministack import REGION, ministack
from tests.servers.registry import registry
from tests.support.deployments import REPOSITORY, make_source

LIMIT = 1.2
READS = 12  # of an unchanged deploy
KEEP = 5


@contextlib.contextmanager
def place(home: Path) -> Iterator[tuple[Operator, Operator]]:
    """Make two operators whose first releases serve: one goes on with the tool, the other one with the script."""
    source = make_source(home / "source")
    with contextlib.ExitStack() as stack:
        docker = stack.enter_context(engine.running())
        bases.debian(docker)
        platform = stack.enter_context(ministack(docker, bases.python(docker)))
        images = stack.enter_context(registry())
        made = []
        for name in ("tool", "script"):
            one = stack.enter_context(operator(home / name, platform, source, images, REPOSITORY))
            one.ecs["keep_revisions"] = KEEP
            one.write()
            one.ok("bootstrap", "--yes")
            one.deploy()
            made.append(one)
        yield made[0], made[1]


def by_hand(made: Operator, number: int, reads: Mapping[str, int]) -> Path:
    """Write down what the script deploys: the task definition that serves, with another release's id and a change.

    `reads` is how often the tool reads what.
    """
    client = made.platform.client(made.account, "ecs")
    (service,) = client.describe_services(cluster=DEPLOYMENT, services=[DEPLOYMENT])["services"]
    found = client.describe_task_definition(taskDefinition=service["taskDefinition"], include=["TAGS"])
    taken = (
        "family", "networkMode", "requiresCompatibilities", "cpu", "memory", "executionRoleArn", "taskRoleArn",
        "runtimePlatform", "containerDefinitions",
    )  # fmt: skip
    definition = {name: found["taskDefinition"][name] for name in taken if found["taskDefinition"].get(name)}
    release = f"by-hand-{number}"
    variables = {one["name"]: one["value"] for one in definition["containerDefinitions"][0]["environment"]}
    variables |= {"RELEASE_ID": release, "MAX_REQUESTS_JITTER": str(number)}
    definition["containerDefinitions"][0]["environment"] = [
        {"name": name, "value": value} for name, value in variables.items()
    ]
    told = {
        "definition": {**definition, "tags": found["tags"]}, "release": release, "region": REGION,
        "endpoint": made.platform.endpoint, "account": made.account.id, "cluster": DEPLOYMENT, "service": DEPLOYMENT,
        "family": definition["family"], "subnets": made.account.subnets, "address": made.clients.url,
        "security_groups": [made.account.security_group], "answers": confirm.CONFIRMATIONS,
        "pause": confirm.PAUSE, "keep": KEEP, "reads": reads,
    }  # fmt: skip
    path = made.home / "by-hand.json"
    path.write_text(json.dumps(told, default=str))
    return path


def said(argv: tuple[str, ...], made: Operator) -> dict[str, int]:
    """Return the calls that one more run of the script makes."""
    done = subprocess.run(argv, cwd=REPOSITORY, env=made.environment, capture_output=True, text=True, check=True)
    found: dict[str, int] = json.loads(done.stdout)
    return found


def listed(what: str, calls: Mapping[str, int]) -> str:
    words = ", ".join(f"{name} {count}" for name, count in sorted(calls.items()))
    return f"{what:<28} {sum(calls.values())} ({words or 'none'})"


def counted(made: Operator, what: str) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Carry out one deploy, print what it asked of AWS, and return what it read and wrote, and how often.

    Raises RuntimeError when it fails: what it asked until then says nothing.
    """
    code, told = made.drive("deploy")
    if code:
        raise RuntimeError(f"{what}: exit {code}\n{json.dumps(told)}")
    print(listed(f"{what}: reads", told["reads"]))
    print(listed(f"{what}: writes", told["writes"]))
    return told["reads"], told["writes"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="decodeat-bench-") as scratch, place(Path(scratch)) as (tool, script):
        times: dict[str, list[float]] = {"tool": [], "script": []}
        hand: tuple[str, ...] = (sys.executable, "-m", "bench.ecs_by_hand")
        for _ in range(KEEP):  # until each further deploy deregisters a revision
            tool.change_something()
            tool.deploy()
        tool.change_something()
        asked, _ = counted(tool, "deploy")
        for number in range(options.rounds + KEEP):
            file = by_hand(script, number + 1, asked)
            seconds = once((*hand, str(file)), REPOSITORY, script.environment)
            tool.change_something()
            words = (sys.executable, "-m", "decodeat_ops", "deploy", "--yes", "--json")
            own = once(words, tool.home, tool.environment)
            if number >= KEEP:  # until then the script has nothing to deregister, and caches are cold
                times["script"].append(seconds)
                times["tool"].append(own)
        last = by_hand(script, options.rounds + KEEP + 1, asked)
        print(listed("the script", said((*hand, str(last)), script)))
        few, none = counted(tool, "deploy, nothing changed")
        reads, writes = sum(few.values()), sum(none.values())
        over = reads > READS or writes > 0
        print(f"{'deploy, nothing changed':<28} {reads} reads (limit {READS}), {writes} writes (limit 0)")
        return max(report("the same calls, by hand", [measured(times)]), int(over))


def measured(times: Mapping[str, list[float]]) -> Measured:
    return Measured("deploy to ECS", statistics.median(times["tool"]), statistics.median(times["script"]), LIMIT)


if __name__ == "__main__":
    sys.exit(main())
