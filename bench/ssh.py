"""How fast files and scripts get to a machine over the product's own SSH. Exit 1 when one misses its limit.

Run it as `python -m bench.ssh`, as root: it starts an sshd of its own on the loopback. An upload is compared with
`ssh HOST cat` of the system, both with a new connection; scripts in the connection's one shell with those that get a
channel each.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.pairs import Measured, report
from decodeat_ops.adapters.ssh.operator import Operator
from decodeat_ops.adapters.ssh.remote import SshRemote
from tests.servers.sshd import Sshd, sshd

MEGABYTES = 256
PIECE = 1 << 20  # bytes
SCRIPTS = 30
ROUNDS = 9
UPLOAD = 1 / 0.9  # of the time that `ssh HOST cat` takes: 0.9 of its speed
SHELL = 0.5  # of the time that channels take
HOST = "near"


def pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while content := source.read(PIECE):
            yield content


def timed(work: Callable[[], None]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def medians(first: Callable[[], None], second: Callable[[], None]) -> tuple[float, float]:
    """Return the medians of both, carried out in turns, after one round that is not counted."""
    taken = [(timed(first), timed(second)) for _ in range(ROUNDS + 1)][1:]
    one, other = zip(*taken, strict=True)
    return statistics.median(one), statistics.median(other)


def upload(server: Sshd, file: Path) -> Measured:
    config = server.config()
    argv = ("ssh", "-F", config, HOST, "cat >/dev/null")

    def by_ssh() -> None:
        with file.open("rb") as source:
            subprocess.run(argv, stdin=source, check=True)

    def by_ours() -> None:
        remote = SshRemote(HOST, operator=Operator(), config=config)
        answer = remote.send("cat >/dev/null", pieces(file))
        remote.close()
        assert answer.status == 0, answer

    base, seconds = medians(by_ssh, by_ours)
    print(f"{'upload':<28} {MEGABYTES / seconds:8.1f} MB/s, `ssh {HOST} cat` {MEGABYTES / base:.1f} MB/s")
    return Measured(f"upload of {MEGABYTES} MB", seconds, base, UPLOAD)


def scripts(server: Sshd) -> Measured:
    remote = SshRemote(HOST, operator=Operator(), config=server.config())
    remote.run("true")

    def in_channels() -> None:
        for _ in range(SCRIPTS):
            assert remote.send("true", ()).status == 0

    def in_the_shell() -> None:
        for _ in range(SCRIPTS):
            assert remote.run("true").status == 0

    base, seconds = medians(in_channels, in_the_shell)
    remote.close()
    return Measured(f"{SCRIPTS} scripts in one shell", seconds, base, SHELL)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="decodeat-bench-") as scratch, sshd() as server:
        file = Path(scratch) / "content"
        with file.open("wb") as made:
            for _ in range(MEGABYTES):
                made.write(os.urandom(1_000_000))
        outcomes = [report("ssh of the system, cat", [upload(server, file)])]
        outcomes.append(report(f"{SCRIPTS} scripts, a channel each", [scripts(server)]))
    return max(outcomes)


if __name__ == "__main__":
    sys.exit(main())
