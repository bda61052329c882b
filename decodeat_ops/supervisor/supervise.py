"""Start and stop releases until what runs is what is requested, again and again."""

import contextlib
import fcntl
import os
import select
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

from decodeat_ops import __version__
from decodeat_ops.core.errors import OpsError
from decodeat_ops.core.layout import Layout, is_id
from decodeat_ops.supervisor import logs, wishes
from decodeat_ops.supervisor.account import Account, Watched
from decodeat_ops.supervisor.process import adopt, start
from decodeat_ops.supervisor.sockets import Listeners
from decodeat_ops.supervisor.standby import Standby, allow_takeover, name_process
from decodeat_ops.supervisor.unit import Unit
from decodeat_ops.supervisor.variables import variables

LOOK_SECONDS = 0.1
SETTLE_SECONDS = 0.5  # longer than a worker takes to notice that it lost the traffic
BACK_OFF = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before the n-th restart in a row
STEADY_SECONDS = 60.0  # a release that ran so long starts its back-off afresh
LOGS_SECONDS = 2.0
REMIND_SECONDS = 1.0


class Supervisor:
    """Keep releases running as `wants/` and the active link say; it reads both ten times a second (level-triggered)."""

    def __init__(self, layout: Layout, lock: int, listeners: Listeners) -> None:
        self._layout = layout
        self._lock = lock
        self._listeners = listeners
        self._watched: dict[str, Watched] = {}
        self._standby = Standby(self._succeed)
        self._stopping = False
        self._started_at = _now()
        self._account: Account | None = None
        self._logs_at = 0.0

    def run(self) -> None:
        """Supervise until SIGTERM, SIGINT or a move of the state directory; then stop every release and return."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        name_process("decodeat-superv")
        allow_takeover()
        self._account = Account(self._layout.supervisor_status)
        self._adopt()
        while not (self._stopping and not any(w.process for w in self._watched.values())):
            self._look()
            self._pause()
            if self._moved():
                self._stopping = True  # never set back: a stop may be asked for at any moment
        self._standby.dismiss()
        self._write_status()

    def _moved(self) -> bool:
        """Return whether the state directory was moved; another supervisor is started in the new place."""
        try:
            return not Path().samefile(self._layout.run)
        except OSError:
            return True

    def _succeed(self) -> None:
        """Become the supervisor, in the standby: with the lock and sockets of the dead one, and nothing else of it."""
        self.say("the supervisor died; the standby takes over")
        Supervisor(self._layout, self._lock, self._listeners).run()

    def _on_stop(self, number: int, frame: object) -> None:
        self._stopping = True

    def say(self, text: str) -> None:
        """Write one line to supervisor.log; on a full disk the line is lost, and the supervisor goes on."""
        with contextlib.suppress(OSError), self._layout.supervisor_log.open("a") as log:
            log.write(f"{_now()} [{os.getpid()}] {text}\n")

    def _adopt(self) -> None:
        for release, process in adopt(self._layout).items():
            watched = self._watched[release] = Watched(process=process)
            self._know_unit(release, watched)
            unit = watched.unit
            if unit and self._listeners.recover(process.pid, process.pidfd, unit.host, unit.port, unit.address):
                self.say(f"adopted {release}, process {process.pid}")
                continue
            # Without its socket no other release could be started: it finishes what runs, and is started anew.
            self.say(f"{release}, process {process.pid}, keeps its socket to itself and is replaced")
            self._terminate(release, watched)

    def _look(self) -> None:
        wanted, draining = self._wishes()
        for release in wanted | draining | set(self._watched):
            watched = self._watched.setdefault(release, Watched())
            try:
                self._reap(release, watched, release in wanted)
                if release in wanted and not self._stopping:
                    self._keep_running(release, watched)
                elif release in draining and not self._stopping:
                    self._let_go(release, watched)
                else:
                    self._terminate(release, watched)
            except Exception as error:
                # A problem of one release (a full disk, a damaged file) must not keep the others from being watched.
                ours = isinstance(error, OSError | OpsError)
                self._trouble(release, watched, str(error) if ours else f"{type(error).__name__}: {error}")
            if watched.process is None and release not in wanted | draining:
                self._forget(release)
        self._tend_sockets()
        self._tend_logs()
        self._write_status()

    def _wishes(self) -> tuple[set[str], set[str]]:
        """Return the ids of releases that should run, the active one in any case, and of those that should finish."""
        names = {p.name for p in self._layout.wants.iterdir()} if self._layout.wants.is_dir() else set()
        wanted = {n for n in names if not n.endswith(".drain")}
        with contextlib.suppress(OSError):
            wanted.add(self._layout.active.readlink().name)
        draining = {n.removesuffix(".drain") for n in names if n.endswith(".drain")} - wanted
        return set(filter(is_id, wanted)), set(filter(is_id, draining))

    def _reap(self, release: str, watched: Watched, wanted: bool) -> None:
        if watched.process is None:
            return
        how = watched.process.ended()
        if not how:
            return
        ran = time.time() - watched.process.since
        watched.process.close()
        watched.process = None
        watched.last_exit = how
        told = watched.term_since > 0
        watched.drain_since = watched.term_since = 0.0
        if wanted and not told and not self._stopping:
            watched.streak = 0 if ran > STEADY_SECONDS else watched.streak
            wait = BACK_OFF[min(watched.streak, len(BACK_OFF) - 1)]
            watched.streak += 1
            watched.restarts += 1
            watched.next_start = time.monotonic() + wait
            self.say(f"{release} ended by itself after {ran:.0f} s ({how}); restart {watched.restarts} in {wait} s")
        else:
            self.say(f"{release} has stopped ({how})")

    def _keep_running(self, release: str, watched: Watched) -> None:
        if watched.process is not None:
            watched.drain_since = 0.0
            watched.problem, watched.no_port = "", False
            self._know_unit(release, watched)
            if watched.term_since:
                self._terminate(release, watched)  # requested again too late: it ends first and is started anew
            return
        if time.monotonic() < watched.next_start:
            return
        self._know_unit(release, watched, fresh=True)
        unit = watched.unit
        if unit is None:
            return
        try:
            listener = self._listeners.get(unit.host, unit.port, unit.address)
        except OSError as error:
            self._trouble(release, watched, f"can't listen on {unit.address}: {error.strerror}", no_port=True)
            return
        sockets = (self._listeners.private(self._layout.socket(release).name).fileno(), listener.fileno())
        env = variables(self._layout, release, unit, sockets)
        log = self._layout.log(release)
        watched.process = start(unit.argv, cwd=self._layout.run, env=env, log=log, sockets=sockets)
        watched.problem, watched.no_port = "", False
        self.say(f"started {release}, process {watched.process.pid}")

    def _know_unit(self, release: str, watched: Watched, fresh: bool = False) -> None:
        if watched.unit is not None and not fresh:
            return
        try:
            watched.unit = Unit.load(self._layout.unit(release))
        except (OSError, ValueError, TypeError) as error:
            self._trouble(release, watched, f"its unit can't be read: {error}")

    def _trouble(self, release: str, watched: Watched, problem: str, *, no_port: bool = False) -> None:
        watched.next_start = time.monotonic() + 1.0
        watched.no_port = no_port
        if problem != watched.problem:
            watched.problem = problem
            self.say(f"{release}: {problem}")

    def _let_go(self, release: str, watched: Watched) -> None:
        """Stop a draining release when no client is connected, or its drain time-out is over.

        It gets `SETTLE_SECONDS` at least, in which its workers notice that they lost the traffic.
        """
        if watched.process is None:
            self._forget(release)
            return
        self._know_unit(release, watched)
        now = time.monotonic()
        watched.drain_since = watched.drain_since or now
        waited = now - watched.drain_since
        limit = watched.unit.drain_timeout if watched.unit else SETTLE_SECONDS
        if waited > SETTLE_SECONDS and (waited > limit or not self._busy(release)):
            self._terminate(release, watched)

    def _busy(self, release: str) -> bool:
        try:
            descriptor = os.open(self._layout.busy(release), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False  # no worker has had a client yet
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _terminate(self, release: str, watched: Watched) -> None:
        if watched.process is None:
            return
        self._know_unit(release, watched)
        now = time.monotonic()
        if not watched.term_since:
            watched.term_since = watched.reminded = now
            watched.process.send(signal.SIGTERM)
            self.say(f"asked {release} to stop")
        elif now - watched.term_since > (watched.unit.grace if watched.unit else SETTLE_SECONDS):
            watched.process.send(signal.SIGKILL, group=True)
        elif now - watched.reminded > REMIND_SECONDS:
            watched.reminded = now
            watched.process.remind()

    def _forget(self, release: str) -> None:
        """Delete a stopped release's socket, busy file and, unless the supervisor stops too, its request and secrets.

        The requests are read again under the lock: they may have changed since the last read, and a release that was
        requested again needs the secrets that were written for it.
        """
        try:
            with wishes.alone(self._layout, wait=False):
                if release in self._wishes()[0]:
                    return
                if not self._stopping:
                    self._layout.drain(release).unlink(missing_ok=True)
                    self._layout.secrets(release).unlink(missing_ok=True)
                for path in (self._layout.socket(release), self._layout.busy(release)):
                    path.unlink(missing_ok=True)
        except BlockingIOError:
            return  # a request is being written right now: the next round sees it
        except OSError as error:
            self.say(f"{release} has stopped, and what it left could not be removed: {error}")
        self._watched.pop(release, None)

    def _tend_sockets(self) -> None:
        needed = {w.unit.address for w in self._watched.values() if w.unit}
        self._listeners.keep(needed | {self._layout.socket(release).name for release in self._watched})
        if self._stopping:
            self._standby.dismiss()
        elif self._listeners.take_changed():
            self._standby.replace()
        else:
            self._standby.ensure()

    def _tend_logs(self) -> None:
        now = time.monotonic()
        if now - self._logs_at < LOGS_SECONDS:
            return
        self._logs_at = now
        with contextlib.suppress(OSError):
            units = {r: w.unit for r, w in self._watched.items() if w.unit}
            for release, unit in units.items():
                process = self._watched[release].process
                if logs.rotate(self._layout.log(release), limit=unit.log_bytes, keep=unit.log_files) and process:
                    process.send(signal.SIGUSR1)  # gunicorn reopens its log
            limits = next(iter(units.values()), None)
            if limits:
                logs.rotate(self._layout.supervisor_log, limit=limits.log_bytes, keep=limits.log_files)
                logs.expire(self._layout.logs, days=limits.log_days, running=set(units) | {"supervisor"})

    def _pause(self) -> None:
        poll = select.poll()
        for watched in self._watched.values():
            if watched.process is not None:
                poll.register(watched.process.pidfd, select.POLLIN)
        poll.poll(LOOK_SECONDS * 1000)

    def _write_status(self) -> None:
        if self._account is None:
            return
        facts = {
            "root": str(self._layout.root),
            "pid": os.getpid(),
            "standby": self._standby.pid,
            "version": __version__,
            "started_at": self._started_at,
            "listening": self._listeners.addresses(),
        }
        self._account.write(facts, self._watched)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
