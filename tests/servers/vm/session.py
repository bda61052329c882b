"""Serve the `docker` programs of a machine: each hands over its words, its variables and its streams."""

import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers.vm.words import Refused

CLIENT = Path(__file__).with_name("client.py")


@dataclass
class Session:
    """One command: its words, variables and directory, and the streams of the program that was started."""

    argv: list[str]
    environment: Mapping[str, str]
    directory: str
    input: int
    output: int
    errors: int
    _client: socket.socket

    def say(self, *lines: str) -> None:
        self._write(self.output, lines)

    def complain(self, *lines: str) -> None:
        self._write(self.errors, lines)

    @staticmethod
    def _write(stream: int, lines: tuple[str, ...]) -> None:
        data = "".join(f"{line}\n" for line in lines).encode()
        while data:
            data = data[os.write(stream, data) :]

    def gone(self) -> bool:
        """Return whether the program was ended meanwhile."""
        return bool(select.select([self._client], [], [], 0)[0])


Run = Callable[[Session], int]


@contextlib.contextmanager
def served(path: Path, run: Run) -> Iterator[None]:
    """Answer at a socket until the block ends."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(64)
        accepting = threading.Thread(target=_accept, args=(listening, run), daemon=True)
        accepting.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(listening: socket.socket, run: Run) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listening.accept()
            threading.Thread(target=_taken, args=(client, run), daemon=True).start()


def _taken(client: socket.socket, run: Run) -> None:
    with client, contextlib.suppress(OSError):
        length, streams, _, _ = socket.recv_fds(client, 4, 3)
        try:
            told = b""
            while len(told) < int.from_bytes(length, "big"):
                told += client.recv(1 << 16)
            words, variables, directory = told.split(b"\0\0")
            argv = [os.fsdecode(one) for one in words.split(b"\0")] if words else []
            environment = dict(os.fsdecode(one).partition("=")[::2] for one in variables.split(b"\0"))
            session = Session(argv, environment, os.fsdecode(directory), streams[0], streams[1], streams[2], client)
            status = _status(session, run)
        finally:
            for stream in streams:
                os.close(stream)
        if status >= 0:
            client.sendall(bytes([status & 255]))


def _status(session: Session, run: Run) -> int:
    try:
        return run(session)
    except Refused as refused:
        session.complain(refused.text)
        return refused.status
    except BrokenPipeError:
        return 141


def install(folder: Path, python: str, path: Path) -> None:
    """Write the program `docker` into a folder; it reaches the engine at the socket `path`."""
    text = CLIENT.read_text().replace("@SOCKET@", str(path))
    program = folder / "docker"
    program.write_text(f"#!{python} -ISE\n{text}")
    program.chmod(0o755)
