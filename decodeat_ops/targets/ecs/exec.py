"""Run a program inside a task on the operator's own terminal, by ECS Exec and Amazon's session-manager-plugin."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from decodeat_ops.core.abilities import Attached
from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.core.secret import Secret
from decodeat_ops.targets.ecs import identity
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.tasks import Task, tasks

PLUGIN = "session-manager-plugin"
# The last version that takes a session's token as an argument, where every user of the machine could read it. Later
# ones take the name of a variable that holds it.
SHOWS_TOKENS = (1, 2, 497, 0)
VARIABLE = "AWS_SSM_START_SESSION_RESPONSE"
INSTALL = (
    "Install it as https://docs.aws.amazon.com/systems-manager/latest/userguide/"
    "session-manager-working-with-install-plugin.html says, then run the command again."
)


def enter(place: Place, words: Sequence[str], instance: str) -> Attached:
    """Open a session in a task, "" for the newest one, and return what shows it on the terminal.

    Raises `Configuration` with what is missing, before ECS is asked for a session; `Usage` for a task that is gone.
    """
    identity.who(place)
    _require_plugin(place)
    task = _chosen(tasks(place), instance)
    _require_agent(place, task)
    session = _session(place, task, words)
    target = f"ecs:{place.names.cluster}_{task.id}_{_runtime(place, task)}"
    ecs, region = place.loaded.settings.ecs, place.names.region
    suffix = "amazonaws.com.cn" if place.names.partition == "aws-cn" else "amazonaws.com"
    argv = (
        PLUGIN, VARIABLE, region, "StartSession", ecs.profile, json.dumps({"Target": target}),
        ecs.endpoint or f"https://ssm.{region}.{suffix}",
    )  # fmt: skip
    return Attached(argv, {VARIABLE: Secret(json.dumps(session))}, f"task {task.short} of {place.names.service}")


def _require_plugin(place: Place) -> None:
    done = place.host.run((PLUGIN, "--version"), timeout=15)
    if done.status != 0:
        raise Configuration(f"{PLUGIN} is not installed: it carries the terminal to the task.", hint=INSTALL)
    if _version(done.stdout) <= SHOWS_TOKENS:
        shown = done.stdout.strip() or "of an unknown version"
        raise Configuration(
            f"{PLUGIN} {shown} is too old: it would show the session's token in the process list.",
            hint=INSTALL,
        )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text.strip().splitlines()[0] if text.strip() else ""))


def _chosen(running: Sequence[Task], instance: str) -> Task:
    """Return the task whose id begins with `instance`, "" for the newest."""
    found = [one for one in running if one.status == "RUNNING" and one.id.startswith(instance)]
    if len(found) == 1 or (found and not instance):
        return found[0]
    if not running:
        raise Usage("No task of the service runs.", hint="`decodeat-ops status` shows why.")
    what = f"{len(found)} tasks have ids that start with {instance}." if found else f"No task {instance} runs."
    raise Usage(what, hint=f"Tasks: {', '.join(one.short for one in running)}.")


def _require_agent(place: Place, task: Task) -> None:
    """Raise `Configuration` when ECS Exec can't reach the task, with the reason that can be told."""
    if not task.exec:
        raise Configuration(
            f"ECS Exec is off in task {task.short}: its service was without enableExecuteCommand when it started.",
            hint="Set ecs.exec to true, then `decodeat-ops deploy`: it starts tasks that have it.",
            where="ecs.exec",
        )
    container = task.container(place.names.container)
    agent = container.agent if container else ""
    if agent in {"PENDING", "STOPPED"}:
        waits = "has not started yet" if agent == "PENDING" else "has stopped"
        raise Configuration(f"The agent of ECS Exec {waits} in task {task.short}.", hint=_reach(place))


def _session(place: Place, task: Task, words: Sequence[str]) -> Mapping[str, Any]:
    names = place.names
    try:
        told = place.aws.call(
            "ecs", "ExecuteCommand", cluster=names.cluster, task=task.id, container=names.container,
            command=shlex.join(words), interactive=True,
        )  # fmt: skip
    except AwsRefused as error:
        hint = error.advice.hint or _reach(place)
        raise Configuration(f"ECS Exec gives no session in task {task.short}: {error.message}.", hint=hint) from error
    session: Mapping[str, Any] = told["session"]
    return session


def _reach(place: Place) -> str:
    return (
        f"The task role {place.names.task_role} needs ssmmessages:CreateControlChannel, CreateDataChannel, "
        "OpenControlChannel and OpenDataChannel, and the subnets a way to Systems Manager."
    )


def _runtime(place: Place, task: Task) -> str:
    container = task.container(place.names.container)
    return container.runtime if container else ""
