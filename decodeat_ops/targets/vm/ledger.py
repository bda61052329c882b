"""Keep a deployment's lock on all of its machines, and its journals on the first one."""

import contextlib
import secrets
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath

from decodeat_ops.core.errors import Configuration, Locked, Lost, OpsError, StepFailed, Unreachable
from decodeat_ops.core.owner import Owner
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.progress import Progress
from decodeat_ops.core.remote import Remote
from decodeat_ops.deployment.ledger import StateLedger
from decodeat_ops.engine import journal
from decodeat_ops.targets.vm import keeping, lock_line, side
from decodeat_ops.targets.vm.actions import ACTS
from decodeat_ops.targets.vm.claim import agreed, claim, record
from decodeat_ops.targets.vm.journal import VmJournal
from decodeat_ops.targets.vm.keeper import Keeper, Refused, Timing
from decodeat_ops.targets.vm.observing import LOOK_SECONDS, and_look, remember
from decodeat_ops.targets.vm.place import Place, forget
from decodeat_ops.targets.vm.scripts import keeper as keeper_script
from decodeat_ops.targets.vm.scripts import ledger as scripts
from decodeat_ops.targets.vm.scripts import look


def interrupt_self() -> None:
    """Interrupt this command as Ctrl-C does; what its main thread waits for is interrupted, too."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@dataclass(frozen=True)
class _Taken:
    """Hold what a keeper told when it took the lock: the salt, and the open journals.

    `salt` is "bare" where anything lacks of what `claim` makes. `quiet` is None while something of an earlier command
    still runs there.
    """

    salt: str
    quiet: list[str] | None


class VmLedger:
    """Keep lock and journals on the machines. A journal's name is the machine's and its path there.

    `stop` is called from another thread, once, when somebody asked this command to stop.
    """

    def __init__(self, place: Place, timing: Timing | None = None, stop: Callable[[], None] = interrupt_self) -> None:
        self._place = place
        self._timing = timing or Timing()
        self._stop = stop
        self._keepers: dict[str, Keeper] = {}  # by machine, while the lock is held
        self._kept: frozenset[str] | None = None  # the machines that have anything, as far as it was looked at
        self._ready = False  # all that `claim` makes was found under the lock
        self._told: Mapping[str, list[str]] = {}  # by machine, what its keeper told of open journals, until one is used

    @property
    def _here(self) -> StateLedger:
        """Return what the operator's machine has of it: records of checks."""
        return StateLedger(self._place.layout, self._place.loaded)

    @property
    def _hosts(self) -> Sequence[Remote]:
        return tuple(self._place.hosts.values())

    def exists(self) -> bool:
        if self._kept is None:
            self.unfinished()
        return bool(self._kept)

    def prepare(self) -> None:
        """Make what a deployment has. Where every machine has one, what lacks of it is made under the lock alone."""
        self._here.prepare()
        everywhere = frozenset(self._place.hosts)
        if not self._ready and (self._keepers or self._kept != everywhere):
            claim(self._place)
            self._kept = everywhere
        self._ready = False  # once: a removal that is settled under the lock takes parts of it away

    @contextmanager
    def held(self, verb: str, wait: float = 0.0) -> Iterator[Owner]:
        """Hold the lock on every machine, or on none. What an earlier command began there has ended then."""
        if self._keepers:
            raise Locked("This command holds the lock already.")
        token, owner = secrets.token_hex(16), lock_line.this_command(verb)
        line = lock_line.line(owner, token)
        script = keeper_script.keeper(self._place.names, line, token, self._timing.silence, record(self._place))
        until = self._place.clock.now() + wait
        stop = self._stop_once()
        keepers = [Keeper(one, script, self._timing, stop) for one in self._hosts]
        with ExitStack() as open_keepers:
            open_keepers.callback(_close, keepers)
            try:
                side.all_needed(keepers, Keeper.open)
                # In one order everywhere, so that of two commands one gets all of them.
                taken = {one.name: self._take(one, until) for one in sorted(keepers, key=lambda one: one.name)}
                busy = [one for one in keepers if taken[one.name].quiet is None]
                quiet = side.each(busy, self._quiet(max(wait, self._timing.orphans)))
            except Lost as lost:
                raise Unreachable(lost.advice.what, hint="Check the network, then run the command again.") from lost
            salt = agreed(one.salt for one in taken.values())
            if salt:
                self._place.remembered[keeping.SALT] = salt
            self._ready = bool(salt)
            self._told = {one.name: quiet.get(one.name) or taken[one.name].quiet or [] for one in keepers}
            forget(self._place)  # what was seen before the lock was taken
            self._place.remembered[keeping.TOKEN] = token
            self._keepers = {one.name: one for one in keepers}
            try:
                yield owner
            finally:
                self._keepers = {}
                self._ready = False
                self._told = {}
                del self._place.remembered[keeping.TOKEN]
                self._place.remembered.pop(keeping.JOURNAL, None)

    def holder(self) -> Owner | None:
        return next((lock_line.owner(line) for line in self._holders().values()), None)

    def interrupt(self, owner: Owner) -> None:
        """Leave word in the lock's file, which the owner's keeper reports with its next answer."""
        mine = {name: lock_line.token(line) for name, line in self._holders().items() if lock_line.owner(line) == owner}
        told = side.each(
            [self._place.hosts[name] for name, token in mine.items() if token],
            lambda host: host.run(scripts.stop(self._place.names, mine[host.name])).stdout.strip() == "told",
        )
        if not any(told.values()):
            raise Locked(
                f"The lock's file names {owner}: that is not the one that holds it, or it can't be asked to stop.",
                hint="Try again in a moment: a command writes its name right after it has taken the lock.",
            )

    def unfinished(self) -> str:
        """Look at every machine, since the settings may have named another one first."""
        found, self._told = self._told, {}
        if self._kept is None or not found or not all(map(_names, found.values())):
            found = side.all_needed(self._hosts, self._open_journals)
            self._kept = frozenset(name for name, lines in found.items() if "kept" in lines)
        left = [(name, line) for name, lines in found.items() for line in reversed(lines) if line.endswith(".jsonl")]
        if left and len(self._hosts) > 1:
            left = self._not_left_behind(left)
        return f"{left[0][0]}:{self._place.names.journals / left[0][1]}" if left else ""

    def _open_journals(self, host: Remote) -> list[str]:
        """Return "kept" if there is a deployment, and its open journals; whoever asks looks at the machine next."""
        names = self._place.names
        output = _whole(host, look.after(names, scripts.open_journals(names)), LOOK_SECONDS)
        told, saw = and_look(host.name, output, names)
        remember(self._place, host.name, saw)
        return told.splitlines()

    def _not_left_behind(self, left: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the open journals but those after which other machines have had changes.

        A machine that was taken out of the settings in the middle of a change has its journal yet when it comes back.
        What that says of the others is long over: to go on with it, or to take it back, would undo their later changes.
        """
        script = scripts.newest(self._place.names)
        newest = side.each(self._hosts, lambda host: _whole(host, script).strip())
        last = {name: _stamp(line) for name, line in newest.items()}
        return [one for one in left if not any(last[name] > _stamp(one[1]) for name in last if name != one[0])]

    def read(self, name: str) -> Progress:
        return journal.progress_of(self._content(name), name)

    def begin(self, plan: Plan) -> VmJournal:
        first, directory = next(iter(self._place.hosts)), self._place.names.journals
        return self._written(VmJournal.begin(self._keepers, first, plan, directory, ACTS))

    def reopen(self, name: str) -> VmJournal:
        content = self._content(name)
        plan = journal.progress_of(content, name).plan
        return self._written(VmJournal(self._keepers, name, len(journal.used_of(content)), plan, ACTS))

    def _written(self, opened: VmJournal) -> VmJournal:
        """Return a journal that is written from now on, and let the scripts of its steps know it."""
        self._told = {}
        self._place.remembered[keeping.JOURNAL] = opened
        return opened

    def discard(self) -> None:
        if self._keepers or not self.exists():
            return
        with contextlib.suppress(Locked), self.held("remove"):
            if self.unfinished():
                return  # what a removal left open
            body = scripts.discard(self._place.names)
            side.each(self._hosts, lambda host: self._guarded(host, body))
        self._kept = None
        self._here.discard()

    def _guarded(self, host: Remote, body: str) -> None:
        keeping.judged(host.run(keeping.guarded(self._place, host.name, body)), host.name)

    def _take(self, keeper: Keeper, until: float) -> _Taken:
        while True:
            try:
                salt, *rest = keeper.ask("take").split()
                return _Taken(salt, rest[1:] if rest[:1] == ["quiet"] else None)
            except Refused as refused:
                word, _, line = str(refused).partition(" ")
                if word != "locked":
                    raise StepFailed(
                        f"The lock on {keeper.name} could not be taken: {refused}.",
                        state="Nothing was changed.",
                        hint="Free some space there, or mend what it says, and run the command again.",
                    ) from None
                if self._place.clock.now() < until:
                    continue
                owner = lock_line.owner(line) if line else None
                raise Locked(
                    f"This deployment is locked on {keeper.name}: {owner or 'by a command that just started'}.",
                    hint="Wait for it, look with `decodeat-ops lock status`, or give --lock-wait SECONDS.",
                ) from None

    def _quiet(self, wait: float) -> Callable[[Keeper], list[str]]:
        """Return what waits until nothing of an earlier command runs, and returns the journals that are open then."""
        until = self._place.clock.now() + wait

        def quiet(keeper: Keeper) -> list[str]:
            while True:
                try:
                    return keeper.ask("quiet").split()[1:]
                except Refused:
                    if self._place.clock.now() < until:
                        continue
                    raise Locked(
                        f"On {keeper.name} a step of an earlier command still runs, whose connection is gone.",
                        hint="Wait for it, or give --lock-wait SECONDS; then run the command again.",
                    ) from None

        return quiet

    def _stop_once(self) -> Callable[[], None]:
        """Return what each keeper calls: the first of them stops this command, the others say the same."""
        once = threading.Lock()

        def stop() -> None:
            if once.acquire(blocking=False):
                self._stop()

        return stop

    def _holders(self) -> Mapping[str, str]:
        """Return the owner's line of every machine on which somebody holds the lock."""
        script = scripts.holder(self._place.names)
        found = side.each(self._hosts, lambda host: _whole(host, script).strip())
        return {name: line.removeprefix("held").strip() for name, line in found.items() if line.startswith("held")}

    def _content(self, name: str) -> bytes:
        machine, _, path = name.partition(":")
        host = self._place.hosts.get(machine)
        if host is None:
            raise Configuration(f"The journal {name} is on a machine that the settings don't name.", where=name)
        return _whole(host, scripts.read(PurePosixPath(path))).encode()


def _stamp(journal: str) -> str:
    """Return when a journal was begun, by its name n<number>-<stamp>-<verb>.jsonl; "" for another name."""
    parts = journal.split("-", 2)
    return parts[1] if len(parts) == 3 else ""


def _names(lines: Sequence[str]) -> bool:
    """Return whether what a keeper told of are journals, and no reason why they can't all be read."""
    return all(line.endswith(".jsonl") for line in lines)


def _whole(host: Remote, script: str, timeout: float = 60.0) -> str:
    """Return the output of a script that looks. Raises `Configuration` when it could not see everything."""
    answer = host.run(script, timeout=timeout)
    if answer.status or answer.stderr.strip():
        last = answer.stderr.strip().splitlines()[-1:] or [f"status {answer.status}"]
        raise Configuration(
            f"Lock and journals on {host.name} can't be looked at: {last[0]}.",
            hint="Look at the machine's disk and at `decodeat-ops bootstrap --dry-run`, which names missing tools.",
        )
    return answer.stdout


def _close(keepers: Sequence[Keeper]) -> None:
    with contextlib.suppress(OpsError):
        side.each(keepers, Keeper.close)
