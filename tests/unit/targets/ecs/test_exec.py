"""A terminal in a task: what is missing is said before a session is opened, and the session's token shows nowhere."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.adapters.this_machine import ThisMachine
from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.core.ports import Completed
from decodeat_ops.targets.ecs.exec import PLUGIN, VARIABLE, enter
from decodeat_ops.targets.ecs.place import Place
from tests.support.aws import SETTINGS, refused
from tests.support.waiting import PATIENCE
from tests.unit.targets.ecs.seen import Host, Seen, task

SESSION = {"sessionId": "s-1", "streamUrl": "wss://example.com", "tokenValue": "very-secret-token"}
AGENT = [{"name": "ExecuteCommandAgent", "lastStatus": "RUNNING"}]


def container(agent: list[dict[str, str]] | None = None) -> dict[str, Any]:
    return {"name": "decodeat", "runtimeId": "run-1", "managedAgents": AGENT if agent is None else agent}


def seen(**more: Any) -> Seen:
    running = {"enableExecuteCommand": True, "containers": [container()], **more}
    found = Seen(tasks=[task("aa", 2, **running), task("bb", 2, **running)])
    found.more = {"ecs:ExecuteCommand": {"session": SESSION}}
    return found


def at(home: Path, looked_at: Seen, version: str = "1.2.707.0", text: str = SETTINGS) -> Place:
    return looked_at.place(home, text, host=Host(Completed((PLUGIN,), 0, f"{version}\n", "")))


def test_the_plugin_gets_the_session_by_a_variable_alone(tmp_path: Path) -> None:
    place = at(tmp_path, seen())
    attached = enter(place, ("python", "-c", "print('a b')"), "bb")
    assert attached.argv[:4] == (PLUGIN, VARIABLE, "eu-central-1", "StartSession")
    target = {"Target": f"ecs:demo-production_{'bb':0<32}_run-1"}
    assert json.loads(attached.argv[5]) == target
    assert attached.argv[6] == "https://ssm.eu-central-1.amazonaws.com"
    assert json.loads(attached.variables[VARIABLE].reveal()) == SESSION
    assert "very-secret-token" not in f"{attached}"
    assert attached.says == "task bb000000 of demo-production"
    asked = place.aws.made("ecs:ExecuteCommand")[0]  # type: ignore[attr-defined]
    assert asked["command"] == "python -c 'print('\"'\"'a b'\"'\"')'"
    assert (asked["interactive"], asked["container"], asked["cluster"]) == (True, "decodeat", "demo-production")


@pytest.mark.parametrize(
    ("version", "status", "says"),
    [("", 127, "is not installed"), ("1.2.497.0", 0, "is too old"), ("", 0, "of an unknown version is too old")],
)
def test_a_plugin_that_is_missing_or_would_show_the_token_is_refused_first(
    tmp_path: Path, version: str, status: int, says: str
) -> None:
    place = seen().place(tmp_path, host=Host(Completed((PLUGIN,), status, version, "")))
    with pytest.raises(Configuration, match=says) as refusal:
        enter(place, ("sh",), "")
    assert "install" in refusal.value.advice.hint.lower()
    assert not place.aws.made("ecs:ExecuteCommand")  # type: ignore[attr-defined]


def test_a_service_without_exec_is_told_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(Configuration, match="enableExecuteCommand") as refusal:
        enter(at(tmp_path, seen(enableExecuteCommand=False)), ("sh",), "")
    assert "Set ecs.exec to true" in refusal.value.advice.hint


@pytest.mark.parametrize(("state", "says"), [("PENDING", "has not started yet"), ("STOPPED", "has stopped")])
def test_an_agent_that_does_not_run_is_told(tmp_path: Path, state: str, says: str) -> None:
    agent = [{"name": "ExecuteCommandAgent", "lastStatus": state}]
    with pytest.raises(Configuration, match=says) as refusal:
        enter(at(tmp_path, seen(containers=[container(agent)])), ("sh",), "")
    assert "ssmmessages:CreateControlChannel" in refusal.value.advice.hint


def test_what_ecs_refuses_is_said_with_what_helps(tmp_path: Path) -> None:
    looked_at = seen()
    looked_at.more = {"ecs:ExecuteCommand": refused("ecs:ExecuteCommand", "TargetNotConnectedException", "no agent")}
    with pytest.raises(Configuration, match="no agent") as refusal:
        enter(at(tmp_path, looked_at), ("sh",), "")
    assert "ssmmessages" in refusal.value.advice.hint


@pytest.mark.parametrize(
    ("tasks", "chosen", "says"),
    [
        ([], "", "No task of the service runs"),
        (["aa", "ab"], "a", "2 tasks have ids that start with a"),
        (["aa"], "zz", "No task zz runs"),
    ],
)
def test_a_task_that_is_not_there_is_said(tmp_path: Path, tasks: list[str], chosen: str, says: str) -> None:
    looked_at = seen()
    looked_at.tasks = [task(name, 2, enableExecuteCommand=True, containers=[container()]) for name in tasks]
    with pytest.raises(Usage, match=says):
        enter(at(tmp_path, looked_at), ("sh",), chosen)


def test_an_attached_program_has_the_variables_and_its_status_is_returned() -> None:
    code = "import os, sys; sys.exit(7 if os.environ['TOLD'] == 'this' else 1)"
    assert ThisMachine().attach((sys.executable, "-c", code), {"TOLD": "this"}) == 7
    assert ThisMachine().attach(("/nowhere/at/all",), {}) == 127


def test_ctrl_c_reaches_the_attached_program_alone(tmp_path: Path) -> None:
    """Send SIGINT to the whole group, as a terminal does: the program answers it, and this process goes on."""
    inside = (
        "import pathlib, signal, sys\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(5))\n"
        f"pathlib.Path({str(tmp_path / 'ready')!r}).touch()\n"
        "signal.pause()\n"
    )
    outside = (
        "import sys\nfrom decodeat_ops.adapters.this_machine import ThisMachine\n"
        f"status = ThisMachine().attach((sys.executable, '-c', {inside!r}), {{}})\n"
        "print('went on with', status, flush=True)\n"
    )
    program = subprocess.Popen(
        (sys.executable, "-c", outside), stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / "ready").exists():
        assert time.monotonic() < deadline and program.poll() is None
        time.sleep(0.01)
    os.killpg(program.pid, signal.SIGINT)
    assert program.communicate(timeout=PATIENCE)[0] == "went on with 5\n"
