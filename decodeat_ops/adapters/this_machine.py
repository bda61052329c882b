"""Run programs on this machine, which needs no network."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.ports import Completed


class ThisMachine:
    """Run programs as the current user, without a shell; without a terminal too, but for the one that is attached."""

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str = "",
        timeout: float = 60.0,
    ) -> Completed:
        """Run a program to its end; status 127 when it can't be run. Raises `Unreachable` after `timeout` seconds."""
        try:
            done = subprocess.run(
                list(argv),
                env=None if env is None else dict(env),
                cwd=cwd,
                input=stdin,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Unreachable(f"{argv[0]} did not end within {timeout:g} s.") from error
        except (FileNotFoundError, PermissionError) as error:
            return Completed(tuple(argv), 127, "", f"{argv[0]}: {error.strerror}")
        return Completed(tuple(argv), done.returncode, done.stdout, done.stderr)

    def attach(self, argv: Sequence[str], variables: Mapping[str, str]) -> int:
        """Run a program on the terminal of this process, and return its exit status; 127 when it can't be run.

        What the keyboard sends reaches it alone: it passes Ctrl-C on to where it leads.
        """
        with _keyboard_left_alone():
            try:
                status = subprocess.call(list(argv), env={**os.environ, **variables})
            except (FileNotFoundError, PermissionError):
                return 127
        return status if status >= 0 else 128 - status


@contextmanager
def _keyboard_left_alone() -> Iterator[None]:
    """Take the keyboard's signals and do nothing. A program that is started meanwhile gets its own defaults."""
    signals = (signal.SIGINT, signal.SIGQUIT)
    before = {number: signal.signal(number, _nothing) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _nothing(number: int, frame: FrameType | None) -> None:
    """Do nothing."""
