"""Keep the three standard streams usable: closed ones are opened, broken ones end quietly."""

import contextlib
import os
import sys
from pathlib import Path


def open_streams() -> None:
    """Print "?" for characters that the encoding lacks, and open streams that the caller closed on the null device.

    Their descriptors are taken too: a lock or a database that got one would be written into by child processes.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("r" if name == "stdin" else "w"))  # noqa: SIM115 - until the end
        with contextlib.suppress(AttributeError):  # a stream that was replaced, as in tests
            getattr(sys, name).reconfigure(errors="replace")


def forget_streams() -> None:
    """Flush the streams, so that a closed pipe or a full disk raises no error when Python exits."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), stream.fileno())
