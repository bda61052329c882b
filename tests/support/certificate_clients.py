"""Clients that ask all the time while certificates change: some over a connection each, some over one that is kept."""

import http.client
import threading
import time
from collections.abc import Callable

from tests.servers.vm_edge import DOMAIN, Edge
from tests.support.waiting import PATIENCE, wait_for

PAUSE = 0.02  # seconds between two requests of one client


class Clients:
    """`failed` is what went wrong, `well` counts what did not.

    A request over a kept connection that the server closed meanwhile, of which nothing came back, is sent again over a
    new one, once, as every client of the web does (RFC 9112, 9.3.1).
    """

    def __init__(self, edge: Edge) -> None:
        self.failed: list[str] = []
        self.well = 0
        self._edge = edge
        self._lock = threading.Lock()
        self._stop = threading.Event()
        work: tuple[Callable[[], None], ...] = (self._each, self._each, self._kept, self._kept)
        self._threads = [threading.Thread(target=one, daemon=True) for one in work]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def seen(self) -> None:
        """Return once some more requests were answered."""
        before = self.well
        wait_for(lambda: self.well > before + 8 or self.failed, otherwise="nobody is answered")

    def _each(self) -> None:
        while not self._stop.is_set():
            self._note(lambda: self._ask(self._edge.connect()))

    def _kept(self) -> None:
        connection, used = self._opened(), False
        while not self._stop.is_set():
            try:
                self._note(lambda: self._ask(connection), again=used)  # noqa: B023
                used = True
            except (http.client.NotConnected, http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                connection.close()
                connection, used = self._opened(), False
        connection.close()

    def _opened(self) -> http.client.HTTPConnection:
        connection = self._edge.connect(keep=True)
        connection.auto_open = 0  # it would not do so over TLS
        return connection

    def _ask(self, connection: http.client.HTTPConnection) -> int:
        connection.request("GET", "/", headers={"Host": DOMAIN})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def _note(self, ask: Callable[[], int], *, again: bool = False) -> None:
        try:
            status = ask()
        except Exception as error:
            if again:
                raise
            with self._lock:
                self.failed.append(repr(error))
            return
        with self._lock:
            if status == 200:
                self.well += 1
            else:
                self.failed.append(str(status))
        time.sleep(PAUSE)
