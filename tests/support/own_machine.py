"""A machine of a test's own on this one: its mounts and its network are its own, its files begin as copies of ours."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from decodeat_ops.adapters.ssh.duplex import Duplex
from decodeat_ops.adapters.ssh.entrance import Entrance
from tests.support.local_remote import Cut, LocalRemote, Pipes
from tests.support.waiting import PATIENCE

# What is written below these stays in the machine; /run is empty, as after a boot.
_OWN = ("etc", "var/lib", "opt")
_BEGIN = f"""\
set -e
mount --make-rprivate /
mount -t tmpfs own /mnt
for path in {" ".join(_OWN)}; do
  mkdir -p "/mnt/up/$path" "/mnt/work/$path"
  mount -t overlay -o "lowerdir=/$path,upperdir=/mnt/up/$path,workdir=/mnt/work/$path" own "/$path"
done
mount -t tmpfs own /run
mkdir -p /run/lock /etc/docker
rm -f /etc/docker/daemon.json
ip link set lo up
echo ready
exec sleep infinity
"""


class Inside(LocalRemote):
    """A `LocalRemote` in the namespaces of another process, by a connection of its own."""

    process: int

    def inside(self, *argv: str) -> tuple[str, ...]:
        """Return what runs a program in these namespaces."""
        return ("nsenter", f"--target={self.process}", "--mount", "--net", *argv)

    def entered(self) -> Duplex:
        entrance = Entrance()
        pipes = Pipes(self.inside("sh", "-c", entrance.command), self._variables)
        self._channels = [*(one for one in self._channels if one.process.poll() is None), pipes]
        entrance.enter(pipes, self.name, lambda: None, PATIENCE)
        return pipes


class OwnMachine(Inside):
    """A machine in namespaces of its own. It takes root; leave the context to end it."""

    def __init__(self, name: str = "one", *, variables: Mapping[str, str] | None = None) -> None:
        super().__init__(name, variables=variables)
        argv = ("unshare", "--mount", "--net", "sh", "-c", _BEGIN)
        self._holder = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._holder.stdout is not None
        said = self._holder.stdout.readline()
        self.process = self._holder.pid
        if said != "ready\n":
            raise RuntimeError(f"no machine of its own: {said}{self._holder.stdout.read()}")

    def again(self, cuts: Mapping[int, Cut] | None = None) -> Inside:
        """Return the same machine by another connection."""
        other = Inside(self.name, variables=self._variables, cuts=cuts)
        other.process = self.process
        return other

    def __enter__(self) -> "OwnMachine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._holder.kill()
        self._holder.wait()
        assert self._holder.stdout is not None
        self._holder.stdout.close()

    def sh(self, text: str) -> str:
        """Run a script there by itself and return its output; it must succeed."""
        ran = subprocess.run(
            self.inside("sh", "-c", text),
            env=self._variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert ran.returncode == 0, ran.stderr + ran.stdout
        return ran.stdout


def programs(directory: Path, **texts: str) -> str:
    """Write programs of sh into a directory, and return a PATH that finds them first; `_` in a name is a hyphen."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = directory / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(0o755)
    return f"{directory}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def ran(log: Path) -> Sequence[str]:
    """Return the lines of a log, none without one."""
    return log.read_text().splitlines() if log.exists() else ()


def complaints(directory: Path, scripts: Sequence[str]) -> list[str]:
    """Return what shellcheck has against any of these scripts."""
    directory.mkdir()
    for number, script in enumerate(dict.fromkeys(scripts)):
        (directory / f"{number}.sh").write_text(script)
    argv = ("shellcheck", "--shell=sh", "--format=gcc", *map(str, sorted(directory.iterdir())))
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()
