"""Machines that are directories of this one, and ledgers on them as two operators' commands would open them."""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from decodeat_ops.adapters.system_clock import SystemClock
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.core.remote import Answer, Held
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.vm.keeper import Timing
from decodeat_ops.targets.vm.ledger import VmLedger
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.place import Place
from tests.support.local_remote import LocalRemote

PLAN = Plan(
    "deploy",
    "demo-production",
    "r1",
    tuple(Step(name, name.title(), Action("mark"), undo=Action("unmark")) for name in ("one", "two")),
)
SWIFT = Timing(beat=0.1, silence=60.0, answer=60.0, orphans=60.0)
MUTE = Timing(beat=3600.0, silence=60.0, answer=60.0, orphans=60.0)  # nothing is said but what the test says
SHORT = Timing(beat=0.1, silence=2.0, answer=60.0, orphans=60.0)


class Directory(LocalRemote):
    """A machine whose root is a directory of its own: paths that begin with `shared` begin with `own` there."""

    def __init__(self, name: str, shared: Path, own: Path, **more: Any) -> None:
        super().__init__(name, **more)
        self._shared, self._own = f"{shared}/", f"{own}/"  # so that no other path begins like it

    def _there(self, script: str) -> str:
        return script.replace(self._shared, self._own)

    def run(self, script: str, *, given: str = "", timeout: float = 60.0) -> Answer:
        return super().run(self._there(script), given=given, timeout=timeout)

    def send(self, script: str, content: Iterable[bytes], *, timeout: float = 600.0) -> Answer:
        return super().send(self._there(script), content, timeout=timeout)

    @contextmanager
    def hold(self, script: str) -> Iterator[Held]:
        with super().hold(self._there(script)) as held:
            yield held


@dataclass
class Machines:
    """Hold the machines of one test below `home`, and open places and ledgers on them."""

    home: Path
    opened: list[LocalRemote] = field(default_factory=list)

    def root(self, machine: str) -> Path:
        """Return the directory of the deployment on a machine."""
        return self.home / f"at-{machine}" / "demo-production"

    def place(self, *machines: str, name: str = "demo", env: str = "", **more: Any) -> Place:
        """Return a place of its own connections, as another operator's command has it."""
        loaded = self._loaded(machines or ("a",), name, env)
        hosts = {one: Directory(one, self.home / "at", self.home / f"at-{one}", **more) for one in machines or ("a",)}
        self.opened += hosts.values()
        names = Names("demo-production", self.home / "at" / "demo-production")  # type: ignore[arg-type]
        return Place(loaded, names, hosts, None, None, None, SystemClock(), None)  # type: ignore[arg-type]

    def ledger(self, *machines: str, timing: Timing = SWIFT, **more: Any) -> VmLedger:
        """Return a ledger of its own connections, whose directories are there."""
        made = VmLedger(self.place(*machines, **more), timing)
        made.prepare()
        return made

    def close(self) -> None:
        for one in self.opened:
            one.close()
        shutil.rmtree(self.home)

    def _loaded(self, machines: Sequence[str], name: str, env: str) -> Loaded:
        file = self.home / "operator" / "decodeat-ops.toml"
        file.parent.mkdir(exist_ok=True)
        hosts = ", ".join(f'"{one}"' for one in machines)
        file.write_text(
            f'name = "{name}"\ntarget = "vm"\n[vm]\nhosts = [{hosts}]\n[local]\nstate_dir = "{file.parent / "state"}"\n'
        )
        return load(file, env or None, {}, environ={})


@contextmanager
def frozen(ledger: VmLedger) -> Iterator[None]:
    """Let a command that holds the lock say nothing, as a process that is stopped."""
    with ExitStack() as frozen_keepers:
        for keeper in ledger._keepers.values():
            frozen_keepers.enter_context(keeper._turn)
        yield


def files(directory: Path) -> Mapping[str, bytes]:
    """Return all files below a directory by their path in it."""
    return {str(one.relative_to(directory)): one.read_bytes() for one in sorted(directory.rglob("*")) if one.is_file()}


def keepers(machine: Path) -> list[int]:
    """Return the processes that hold the lock of a deployment's directory, without the short-lived ones they start."""
    lock = (machine / "lock").stat()
    parents = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid() and _has_open(process, lock):
            parents[int(process.name)] = _parent(process)
    return [process for process, parent in parents.items() if parent not in parents]


def _has_open(process: Path, file: os.stat_result) -> bool:
    try:
        return any(os.path.samestat(one.stat(), file) for one in (process / "fd").iterdir())
    except OSError:  # it has ended, or this one descriptor is closed
        return False


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
