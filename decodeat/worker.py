"""Run a gunicorn worker that accepts clients only while its release is active, and stops without dropping any."""

import asyncio
import fcntl
import gc
import logging
import os
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from gunicorn.arbiter import Arbiter
from uvicorn import Config, Server
from uvicorn_worker import UvicornWorker

from decodeat import (
    cores,  # noqa: F401  imported in the master, so that all workers share it
    heap,
)
from decodeat.protocol import BoundedHttp

log = logging.getLogger("uvicorn.error")

FOLLOW_SECONDS = 0.025  # how soon a worker notices that the active release changed
# An idle connection is kept for longer than proxies and load balancers keep theirs (60 s in nginx and at AWS): the side
# that closes first may close on a request that is already on its way.
KEEP_ALIVE_SECONDS = 75
DRAIN_IDLE_SECONDS = 5.0  # after which a leaving worker closes an idle connection; until then answers ask clients to
NOTIFY_SECONDS = 1.0  # heartbeat to the gunicorn master while draining; its timeout is minutes
ORPHAN_SECONDS = 10.0  # a worker whose master was killed goes on serving for so long: the next master starts in less

CONNECTION_CLOSE = (b"connection", b"close")


class Admission:
    """Check whether this release takes traffic: `link` points to the active release's directory, named by its id."""

    def __init__(self, link: Path, release: str, busy: Path) -> None:
        self._link = link
        self._release = release
        # A shared lock on this file says "clients are connected here"; it needs no disk space and ends with us.
        self._busy = os.open(busy, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._holding = False

    def granted(self) -> bool:
        try:
            return self._link.readlink().name == self._release
        except OSError:
            return False

    def hold(self, busy: bool) -> None:
        """Hold the drain lock while clients are connected, for the supervisor to see."""
        if busy == self._holding:
            return
        try:
            fcntl.flock(self._busy, fcntl.LOCK_SH | fcntl.LOCK_NB if busy else fcntl.LOCK_UN)
            self._holding = busy
        except BlockingIOError:
            log.debug("the supervisor is probing the drain lock; the next look takes it")


class Recycling:
    """Decide when a worker is replaced by a fresh one: after `after` requests (0: never), one worker at a time."""

    # Per-process record locks on an anonymous file: made in the master, inherited, gone with the last process.
    turn = os.memfd_create("decodeat-recycling", os.MFD_CLOEXEC)

    def __init__(self, after: int, siblings: bool) -> None:
        self._after = after
        self._siblings = siblings

    def due(self, requests: int, idle: bool) -> bool:
        if not self._after or requests < self._after:
            return False
        if not self._siblings and not idle:
            return False  # the only worker: while it finishes requests no other would accept the next ones
        try:
            fcntl.lockf(self.turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


class ReleaseServer(Server):
    """Run uvicorn's server with two kinds of listeners: private ones always open, public ones only while admitted.

    Without an admission (a container, where the platform routes traffic) both stay open. In either case it stops the
    same way: stop accepting, answer what still comes with `Connection: close`, end when all connections are gone or
    have been idle for `DRAIN_IDLE_SECONDS`.
    """

    def __init__(
        self, config: Config, admission: Admission | None, recycling: Recycling, sockets: Sequence[socket.socket]
    ) -> None:
        super().__init__(config)
        self._admission = admission
        self._recycling = recycling
        self._public = [s for s in sockets if admission is not None and s.family != socket.AF_UNIX]
        self._private = [s for s in sockets if s not in self._public]
        self._listeners: list[asyncio.Server] = []
        self._parent = os.getppid()
        self._orphaned_at = 0.0
        self._idle_since: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
        self._follower: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # Duplicates: a server that closes also closes its descriptor, and the number may be another file's by then.
        await super().startup(sockets=[sock.dup() for sock in self._private])
        self._follower = asyncio.create_task(self._follow())
        # What exists by now stays as long as the process: the garbage collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.enable()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._follower is not None:
            self._follower.cancel()
        for server in [*self._listeners, *self.servers]:
            server.close()
        self._listeners.clear()
        self._set_connection_close(True)
        await self._drain()
        await super().shutdown(sockets=[*self._public, *self._private])

    async def _follow(self) -> None:
        while not self.should_exit:
            try:
                await self._apply_admission()
            except Exception:  # a worker that follows no more would neither take traffic nor let it go
                log.exception("following the active release failed; trying again")
            await asyncio.sleep(FOLLOW_SECONDS)

    async def _apply_admission(self) -> None:
        if self._admission is not None:
            if self._admission.granted():
                await self._admit()
            else:
                self._withdraw()
                self._close_idle()
            self._admission.hold(any(map(_is_client, self.server_state.connections)))
        requests, connections = self.server_state.total_requests, self.server_state.connections
        if self._can_exit_without_loss() and self._recycling.due(requests, all(map(_idle, connections))):
            log.info("worker %d has served %d requests and recycles", os.getpid(), requests)
            self.should_exit = True
        if os.getppid() != self._parent:
            self._orphaned_at = self._orphaned_at or time.monotonic()
            if time.monotonic() - self._orphaned_at > ORPHAN_SECONDS:
                log.warning("worker %d lost its master and leaves", os.getpid())
                self.should_exit = True

    def _can_exit_without_loss(self) -> bool:
        """Return whether the application loses nothing if it ends now; True for one that doesn't say."""
        ask = self.lifespan.state.get("can_exit_without_loss")
        return ask is None or bool(ask())

    async def _admit(self) -> None:
        if self._listeners or not self._public:
            return
        loop = asyncio.get_running_loop()
        listeners = []
        with ExitStack() as undo:  # all of them or none: with only some open, the others would never be opened
            for sock in self._public:
                own = undo.enter_context(sock.dup())  # a duplicate here too: the listener may be opened again
                listener = await loop.create_server(self._protocol, sock=own, backlog=self.config.backlog)
                undo.callback(listener.close)
                listeners.append(listener)
            undo.pop_all()
        self._listeners = listeners
        self._idle_since.clear()  # while the release is active a connection may be idle: the seconds count anew
        self._set_connection_close(False)
        log.info("worker %d takes traffic", os.getpid())

    def _withdraw(self) -> None:
        if not self._listeners:
            return
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        self._set_connection_close(True)
        log.info("worker %d takes no more traffic", os.getpid())

    def _set_connection_close(self, leaving: bool) -> None:
        """Add `Connection: close` to every answer from now on, or stop doing so."""
        # Uvicorn copies encoded_headers into default_headers once a second; the next answer needs it now.
        for headers in (self.config.encoded_headers, self.server_state.default_headers):
            headers[:] = [h for h in headers if h != CONNECTION_CLOSE] + ([CONNECTION_CLOSE] if leaving else [])
        if leaving:
            for connection in self.server_state.connections:
                cycle = getattr(connection, "cycle", None)
                if cycle is not None and not cycle.response_started:
                    cycle.keep_alive = False

    def _protocol(self) -> asyncio.Protocol:
        factory: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = factory(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    async def _drain(self) -> None:
        """Wait until every connection is gone; the gunicorn master's graceful time-out limits the wait."""
        notified = 0.0
        while self.server_state.connections and not self.force_exit:
            self._close_idle()
            if self.config.callback_notify and time.monotonic() - notified > NOTIFY_SECONDS:
                notified = time.monotonic()
                await self.config.callback_notify()
            await asyncio.sleep(FOLLOW_SECONDS)

    def _close_idle(self) -> None:
        """Close connections that have been idle for `DRAIN_IDLE_SECONDS`, also those that never sent a request."""
        now = time.monotonic()
        for connection in list(self.server_state.connections):
            if not _idle(connection):
                self._idle_since.pop(connection, None)
            elif now - self._idle_since.setdefault(connection, now) > DRAIN_IDLE_SECONDS:
                connection.shutdown()


def _idle(connection: Any) -> bool:
    cycle = getattr(connection, "cycle", None)
    return cycle is None or bool(cycle.response_complete)


def _is_client(connection: Any) -> bool:
    """Return whether it is a client's: over TCP the name is a tuple, over the probes' unix socket it is text."""
    transport = getattr(connection, "transport", None)
    return transport is not None and isinstance(transport.get_extra_info("sockname"), tuple)


class ReleaseWorker(UvicornWorker):
    """Run the server; `ADMISSION_LINK` switches admission on, and then needs `ADMISSION_BUSY` and `RELEASE_ID`."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "auto",
        "http": BoundedHttp,
        "ws": "none",  # not used, and it would bypass all our middleware
        "server_header": False,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,  # set here, to hold with any gunicorn configuration
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Uvicorn would drop idle keep-alive connections at the limit; recycling drains instead.
        self.config.limit_max_requests = None

    def init_process(self) -> None:
        heap.configure_malloc()  # while there is one thread, and one heap
        gc.disable()  # until it has started: objects made by loading stay, and collecting takes a tenth of the time
        super().init_process()

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        # gunicorn spells "never" as the largest integer, hence the look at the setting itself
        after = self.max_requests if self.cfg.max_requests else 0
        recycling = Recycling(after, siblings=self.cfg.workers > 1)
        server = ReleaseServer(self.config, _admission(), recycling, self.sockets)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            raise SystemExit(Arbiter.WORKER_BOOT_ERROR)


def _admission() -> Admission | None:
    link = os.environ.get("ADMISSION_LINK", "")
    if not link:
        return None
    return Admission(Path(link), os.environ["RELEASE_ID"], Path(os.environ["ADMISSION_BUSY"]))
