"""Run commands of the tool in processes of their own that need not import it: a server has, and forks for each.

Starting takes most of a command's time, and the tests run thousands of them. What a fork can't show is a module that is
not there, or that a command forgets to import: those who look for that start an interpreter.
"""

import contextlib
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployments import REPOSITORY, Ran

DRIVER = "tests.lab.ecs_driver"
QUICK = "tests.integration.ecs_process"  # the tool, and the driver, with waits that end at once
_NOT_IMPORTED = ("decodeat_ops.__main__", "decodeat_ops.supervisor")


@dataclass(frozen=True)
class Forks:
    """Hold the running server. One command runs at a time, so that others wait."""

    server: "subprocess.Popen[str]"
    directory: Path
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def run(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], *, module: str = "") -> Ran:
        """Run the tool's command line, or a module's, to its end; a process that was killed has a negative status."""
        assert self.server.stdin is not None and self.server.stdout is not None
        streams = [str(self.directory / name) for name in ("stdout", "stderr")]
        job = {"argv": list(argv), "cwd": str(cwd), "env": dict(env), "streams": streams, "module": module}
        with self._turn:
            self.server.stdin.write(json.dumps(job) + "\n")
            self.server.stdin.flush()
            told = self.server.stdout.readline()
            assert told, "the server has ended"
            return Ran(int(told), *(Path(stream).read_text() for stream in streams))


@contextlib.contextmanager
def forks(tool: Path = REPOSITORY) -> Iterator[Forks]:
    """Start a server that has imported the tool of a directory, and end it afterwards."""
    argv = ("setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "tests.support.forking")
    with tempfile.TemporaryDirectory(prefix="decodeat-forks-") as directory:
        environment = {**os.environ, "PYTHONPATH": f"{tool}{os.pathsep}{REPOSITORY}"}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(argv, cwd=directory, env=environment, **pipes) as server:
            yield Forks(server, Path(directory))
            assert server.stdin is not None
            server.stdin.close()


@pytest.fixture(name="forks", scope="package")
def started_forks() -> Iterator[Forks]:
    """Return what runs commands of a deployment in forks."""
    with forks() as started:
        yield started


def _import_everything() -> None:
    import decodeat_ops

    for found in pkgutil.walk_packages(decodeat_ops.__path__, "decodeat_ops."):
        if not found.name.startswith(_NOT_IMPORTED):
            importlib.import_module(found.name)
    for name in (DRIVER, QUICK):
        importlib.import_module(name)


def _become(job: Mapping[str, Any]) -> int:
    """Take the place, the variables and the streams of a job, and do it."""
    os.setsid()
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    for number, name in enumerate((os.devnull, *job["streams"])):
        opened = os.open(name, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    if job["module"]:
        sys.argv = [job["module"], *job["argv"]]
        return int(importlib.import_module(job["module"]).main())
    from decodeat_ops.cli.boundary import run

    return run(job["argv"])


def _serve() -> None:
    _import_everything()
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            code = 1
            try:
                code = _become(json.loads(line))
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    _serve()
