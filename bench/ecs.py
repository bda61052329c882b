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
from tests.lab import bases, engine
from tests.lab.ecs import DEPLOYMENT, Operator, operator
from tests.lab.ministack import REGION, ministack
from tests.servers.registry import registry
from tests.support.deployments import REPOSITORY, make_source

LIMIT = 1.2
READS = 12  # of an unchanged deploy
ANSWERS = 3  # in a row, until a release counts as confirmed
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


def by_hand(made: Operator, number: int) -> Path:
    """Write down what the script deploys: the task definition that serves, with another release's id and a change."""
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
        "security_groups": [made.account.security_group], "answers": ANSWERS, "keep": KEEP,
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


def counted(made: Operator, what: str) -> tuple[int, int]:
    """Carry out one deploy, print what it asked of AWS, and return how often it read and wrote.

    Raises RuntimeError when it fails: what it asked until then says nothing.
    """
    code, told = made.drive("deploy")
    if code:
        raise RuntimeError(f"{what}: exit {code}\n{json.dumps(told)}")
    print(listed(f"{what}: reads", told["reads"]))
    print(listed(f"{what}: writes", told["writes"]))
    return sum(told["reads"].values()), sum(told["writes"].values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="decodeat-bench-") as scratch, place(Path(scratch)) as (tool, script):
        times: dict[str, list[float]] = {"tool": [], "script": []}
        hand: tuple[str, ...] = (sys.executable, "-m", "bench.ecs_by_hand")
        for number in range(options.rounds + 1):
            file = by_hand(script, number + 1)
            seconds = once((*hand, str(file)), REPOSITORY, script.environment)
            tool.change_something()
            words = (sys.executable, "-m", "decodeat_ops", "deploy", "--yes", "--json")
            own = once(words, tool.home, tool.environment)
            if number:  # the first round warms caches
                times["script"].append(seconds)
                times["tool"].append(own)
        tool.change_something()
        counted(tool, "deploy")
        print(listed("the script", said((*hand, str(by_hand(script, options.rounds + 2))), script)))
        reads, writes = counted(tool, "deploy, nothing changed")
        over = reads > READS or writes > 0
        print(f"{'deploy, nothing changed':<28} {reads} reads (limit {READS}), {writes} writes (limit 0)")
        return max(report("the same calls, by hand", [measured(times)]), int(over))


def measured(times: Mapping[str, list[float]]) -> Measured:
    return Measured("deploy to ECS", statistics.median(times["tool"]), statistics.median(times["script"]), LIMIT)


if __name__ == "__main__":
    sys.exit(main())
