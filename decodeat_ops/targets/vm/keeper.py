"""Keep the lock on one machine by speaking with the script that holds it, often enough that it goes on doing so."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass

from decodeat_ops.core.errors import Lost, OpsError
from decodeat_ops.core.remote import Held, Remote

CLOSING = 5.0  # seconds for the goodbye; without it the lock ends with the connection, or by itself


@dataclass(frozen=True)
class Timing:
    """Hold in seconds how often a keeper is spoken to, after how much silence it ends, and how long an answer may take.

    An answer that comes later than the silence allows is of no use: the lock may be another one's by then.
    """

    beat: float = 5.0
    silence: float = 30.0
    answer: float = 30.0
    orphans: float = 60.0  # how long what an earlier command began there is waited for


class Refused(Exception):
    """Report what a keeper could not do, in its own words."""


class Keeper:
    """Hold one machine's keeper. Requests of several threads go one after the other.

    Once an answer has failed to come nothing more is asked, since it could still come in place of another one.
    """

    def __init__(self, remote: Remote, script: str, timing: Timing, stop: Callable[[], None]) -> None:
        self._remote = remote
        self._script = script
        self._timing = timing
        self._stop = stop
        self._stopped = False
        self._lost = ""  # why it can't be relied on any more
        self._turn = threading.Lock()
        self._closed = threading.Event()
        self._open = contextlib.ExitStack()
        self._held: Held | None = None

    @property
    def name(self) -> str:
        return self._remote.name

    def open(self) -> None:
        """Start the script, and speak to it from now on. Raises `Unreachable` when the machine can't be reached."""
        self._held = self._open.enter_context(self._remote.hold(self._script))
        if self._closed.is_set():  # meanwhile: nobody waits for it any more
            self._open.close()
            return
        threading.Thread(target=self._beat, name=f"keeper of {self.name}", daemon=True).start()

    def ask(self, request: str) -> str:
        """Return what the answer says after its first words. Raises `Lost`, also for what was lost before.

        Raises `Refused` with the reason when the keeper could not do it.
        """
        with self._turn:
            answer = self._answer(request, self._timing.answer)
        word, _, rest = answer.partition(" ")
        if word == "ok":
            return rest
        raise Refused(rest if word == "failed" else answer)

    def check(self) -> None:
        """Raise `Lost` when the keeper is known to be gone."""
        if self._lost:
            raise self._gone()

    def close(self) -> None:
        """End the script, and with it the lock."""
        self._closed.set()
        # A beat may wait for an answer that never comes; leaving the channel ends that, too.
        mine = self._turn.acquire(timeout=CLOSING)
        try:
            if mine and self._held is not None and not self._lost:
                with contextlib.suppress(OpsError, OSError):
                    self._answer("close", CLOSING)
            self._lost = self._lost or "it was ended"
            with contextlib.suppress(OpsError, OSError):
                self._open.close()
        finally:
            if mine:
                self._turn.release()

    def _beat(self) -> None:
        while not self._closed.wait(self._timing.beat):
            with self._turn:
                if self._closed.is_set() or self._lost:
                    return
                with contextlib.suppress(OpsError, OSError):  # whoever asks next is told
                    self._answer("beat", self._timing.answer)

    def _answer(self, request: str, timeout: float) -> str:
        """Return an answer without its first word, which may ask this command to stop."""
        self.check()
        if self._held is None:
            raise RuntimeError(f"the keeper of {self.name} was not opened")
        try:
            answer = self._held.ask(request, timeout)
        except (OpsError, OSError) as error:
            self._lost = error.advice.what if isinstance(error, OpsError) else str(error)
            raise self._gone() from error
        except BaseException:
            self._lost = "an answer was not waited for"
            raise
        wish, _, rest = answer.partition(" ")
        if wish not in ("go", "stop"):
            self._lost = f"it answered {answer[:80]!r}"
            raise self._gone()
        if wish == "stop" and not self._stopped:
            self._stopped = True
            self._stop()
        return rest

    def _gone(self) -> Lost:
        return Lost(
            f"The lock on {self.name} is not held any more: {self._lost.rstrip('.')}.",
            state="The journal stays open; whether the last step came to its end is unknown.",
            hint="`decodeat-ops status` shows what serves; `decodeat-ops resume` asks again and goes on.",
        )
