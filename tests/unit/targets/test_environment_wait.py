"""Another deployment may be building the Python environment that both use: the wait for it is said, and can be left."""

import fcntl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.core import events
from decodeat_ops.core.errors import Interrupted
from decodeat_ops.deployment import claims, source
from decodeat_ops.deployment.inputs import environment_path
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.engine.executor import Context
from decodeat_ops.settings import trust
from decodeat_ops.targets.local import environment_actions
from tests.unit.checks.stage import Stage


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Make a deployment whose environment another one holds."""
    made = Stage(tmp_path).machine
    trust.private_directory(made.environments)
    name = environment_path(made.environments, lock_of(tmp_path)).name
    claims.claim(made.environments, name, made.layout.root)
    with (made.environments / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield made


def lock_of(home: Path) -> str:
    return source.lock_digest(home / "source" / "decodeat" / source.LOCK_NAME)


@pytest.mark.parametrize("action", ["environment", "leave-environments"])
def test_ctrl_c_ends_the_wait(machine: Machine, tmp_path: Path, action: str) -> None:
    said: list[str] = []
    waits = threading.Event()

    def emit(event: events.Event) -> None:
        if isinstance(event, events.StepProgress):
            said.append(event.text)
            waits.set()

    context = Context(emit=emit)
    lock_file = tmp_path / "source" / "decodeat" / source.LOCK_NAME
    params = {"lock": lock_of(tmp_path), "lock_file": str(lock_file)}
    ended: list[BaseException] = []

    def act() -> None:
        try:
            environment_actions.ACTIONS[action](machine, context, params)
        except Interrupted as error:
            ended.append(error)

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    assert waits.wait(30), "nothing was said"
    assert "another deployment" in said[0]
    context.interrupted = True
    thread.join(30)
    assert [type(error) for error in ended] == [Interrupted]
