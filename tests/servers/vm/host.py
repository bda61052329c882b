"""One machine that is played, and several of them side by side."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.servers.vm import commands, session
from tests.servers.vm.behaviour import Behaviour
from tests.servers.vm.container import Container
from tests.servers.vm.engine import Engine
from tests.servers.vm.images import Registry

# What a Debian machine has at least (its essential packages): the product's scripts find nothing else, but Docker.
PROGRAMS = (
    "awk base64 basename cat chgrp chmod chown cksum cmp comm cp cut date dd df diff dirname du echo env expr "
    "false find flock getent grep groups gzip head hostname id install ionice ln logger ls md5sum mkdir mkfifo "
    "mktemp mount mv nice nohup nproc nsenter od paste printf ps pwd readlink realpath rm rmdir sed seq "
    "setpriv setsid sh sha256sum sleep sort split stat stty sync tail tar tee test timeout touch tr true "
    "truncate tty umount uname uniq unshare wc who xargs "
)
RUN = "/run"


@dataclass
class PlayedHost:
    """A machine: `root` has its files, `address` is its own on this machine.

    `variables` are those of whatever shell works there, as for `LocalRemote`.
    """

    name: str
    address: str
    root: Path
    directory: str  # that the settings name; at this machine it is `root`/opt
    engine: Engine
    variables: Mapping[str, str]

    @property
    def files(self) -> Path:
        """Return what is really below the settings' directory."""
        return self.root / "opt"

    def sh(self, script: str, *, given: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a script on the machine, as whoever is there would."""
        return subprocess.run(
            ("sh", "-c", script), input=given, env={**os.environ, **self.variables}, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    def container(self, name: str) -> Container:
        found = self.engine.find(name)
        assert found is not None, (name, [*self.engine.containers])
        return found

    def running(self, *ending: str) -> set[str]:
        """Return the names of the containers that run, of those with such an end of their name."""
        there = [*self.engine.containers.values()]
        return {one.name for one in there if one.runs and (not ending or one.name.endswith(ending))}

    def reboot(self) -> None:
        """End everything, forget what lay in memory, and start what is to start by itself."""
        self.engine.cut()
        shutil.rmtree(self.root / "run")
        (self.root / "run").mkdir(mode=0o755)
        self.engine.boot()


def _programs(folder: Path) -> None:
    folder.mkdir()
    for name in PROGRAMS.split():
        found = shutil.which(name)
        if found is not None:
            (folder / name).symlink_to(found)


_ENTER = """#!/bin/sh
PATH={path}
export PATH
exec unshare --mount --propagation private /bin/sh -c '
mount --bind {files} {directory} && mount --bind {run} {at} || exit 125
exec /bin/sh "$@"' sh "$@"
"""


@contextlib.contextmanager
def played_hosts(
    home: Path,
    names: Sequence[str],
    *,
    registries: Mapping[str, Registry] | None = None,
    behaves: Callable[[Mapping[str, str]], Behaviour] = lambda variables: Behaviour(),
) -> Iterator[list[PlayedHost]]:
    """Play so many machines, and end them all afterwards. They need root for their own view of the files."""
    if os.geteuid() != 0 or subprocess.run(("unshare", "--mount", "true"), check=False).returncode:
        pytest.skip("machines are played by root alone, who may give each its own mounts")
    directory = home / "opt"
    directory.mkdir(parents=True)
    with contextlib.ExitStack() as open_hosts:
        short = Path(open_hosts.enter_context(tempfile.TemporaryDirectory(prefix="decodeat-vm-")))
        _programs(short / "programs")
        made = []
        for number, name in enumerate(names):
            root, place = home / name, short / name
            for folder in (root / "opt", root / "run", root / "home", place / "bin", place / "enter"):
                folder.mkdir(parents=True)
            address = f"127.0.0.{number + 2}"
            places = {str(directory): root / "opt", RUN: root / "run"}
            engine = Engine(root, address, places, behaves)
            engine.images.registries.update(registries or {})
            path = f"{place / 'bin'}:{short / 'programs'}"
            session.install(place / "bin", sys.executable, place / "engine")
            enter = place / "enter" / "sh"
            enter.write_text(
                _ENTER.format(path=path, files=root / "opt", directory=directory, run=root / "run", at=RUN)
            )
            enter.chmod(0o755)
            variables = {"PATH": f"{place / 'enter'}:{path}", "HOME": str(root / "home"), "DOCKER_CONFIG": ""}
            open_hosts.enter_context(session.served(place / "engine", partial(commands.run, engine)))
            open_hosts.callback(_end, engine)
            made.append(PlayedHost(name, address, root, str(directory), engine, variables))
        yield made


def _end(engine: Engine) -> None:
    ending = [threading.Thread(target=one.kill) for one in [*engine.containers.values()]]
    for one in ending:
        one.start()
    for one in ending:
        one.join()
