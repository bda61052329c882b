"""Run a program as a child process that can always be ended, whatever it has started or left unread."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process, SubprocessStreamProtocol
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Self

READ_AHEAD = 64 * 1024  # bytes of its output, asyncio's own default


class ChildProcess(Process):
    """Hold a program in a session of its own, where signals that are meant for us don't reach it."""

    def __init__(
        self,
        transport: asyncio.SubprocessTransport,
        protocol: SubprocessStreamProtocol,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(transport, protocol, loop)
        self._pipes = [pipe for fd in (0, 1) if (pipe := transport.get_pipe_transport(fd)) is not None]

    @classmethod
    async def start(cls, argv: Sequence[str], environment: Mapping[str, str], *, reads: bool = True) -> Self:
        """Start a program; `reads` says whether it gets input. Raises OSError."""
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.subprocess_exec(
            lambda: SubprocessStreamProtocol(limit=READ_AHEAD, loop=loop),
            *argv,
            stdin=PIPE if reads else DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
            env=environment,
            start_new_session=True,
        )
        return cls(transport, protocol, loop)

    async def end(self, patience: float = 0.0) -> int:
        """Wait `patience` seconds for it to end by itself, kill it if it does not, and return its exit status.

        Its whole process group is killed. The pipes are closed too: asyncio waits for the process and for the end of
        its pipes, which never comes while nothing reads them, or while something holds them that it started elsewhere.
        """
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), patience)
        finally:
            # `Process.kill` would first ask whether it has ended, and so take its status away from asyncio.
            if self.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)
            for pipe in self._pipes:
                pipe.close()
        return await asyncio.shield(self.wait())
