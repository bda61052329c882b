"""Serve connections in threads that sleep until one comes: many servers of machines wait side by side."""

import os
import select
import threading
from socketserver import BaseServer, ThreadingMixIn
from typing import Any


class Waking(ThreadingMixIn, BaseServer):
    """Wait without looking again and again, as `socketserver` does, which is felt where forty wait."""

    daemon_threads = True

    def __init__(self, *given: Any, **options: Any) -> None:
        self._woken, self._waker = os.pipe()
        self._ended = threading.Event()
        super().__init__(*given, **options)

    def begin(self) -> None:
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def serve_forever(self, poll_interval: float = 0.0) -> None:
        poll = select.poll()
        for one in (self.fileno(), self._woken):  # type: ignore[attr-defined]
            poll.register(one, select.POLLIN)
        while self._woken not in dict(poll.poll()):
            self._handle_request_noblock()  # type: ignore[attr-defined]
        self._ended.set()

    def shutdown(self) -> None:
        """Take nothing more; what waits to be taken waits on."""
        os.write(self._waker, b".")
        self._ended.wait()

    def server_close(self) -> None:
        os.close(self._woken)
        os.close(self._waker)
        super().server_close()
