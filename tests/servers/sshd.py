"""A real sshd for tests: on a random port of the loopback, with users of its own, and gone when its test is.

It runs in a mount namespace with a copy of /etc, where its users and what sudo lets them do are: this machine's own
files stay as they are. That takes root; elsewhere its tests are skipped.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.waiting import wait_for

PASSWORD = "correct horse 배터리 $'\"\\"
# A user who may not, one who may with a password, and one who may without.
USERS = ("stranger", "operator", "automaton")
_SUDOERS = "Defaults passwd_tries=2\noperator ALL=(ALL:ALL) ALL\nautomaton ALL=(ALL:ALL) NOPASSWD: ALL\n"
_START = 'mount --bind "$1" /etc && chpasswd && shift && exec "$@" </dev/null'


@dataclass
class Sshd:
    """One server and what its clients have: a key, an entry of known hosts, and ssh's configuration."""

    directory: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def key(self) -> Path:
        return self.directory / "key"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def host_key(self) -> str:
        """The server's public key as in files of known hosts."""
        return " ".join((self.directory / "host.pub").read_text().split()[:2])

    @property
    def known_as(self) -> str:
        return f"[127.0.0.1]:{self.port}"

    def prepare(self) -> None:
        make_key(self.key)
        make_key(self.directory / "host")
        shutil.copy(self.key.with_suffix(".pub"), self.directory / "authorized")
        self.known_hosts.write_text(f"{self.known_as} {self.host_key}\n")
        shutil.copytree("/etc", self.directory / "etc", symlinks=True, ignore_dangling_symlinks=True)
        for name, line in (("passwd", "{0}:x:{1}:{1}::/:/bin/sh\n"), ("shadow", "{0}:*:19000:0:99999:7:::\n"),
                           ("group", "{0}:x:{1}:\n")):  # fmt: skip
            with (self.directory / "etc" / name).open("a") as file:
                file.writelines(line.format(user, 24680 + number) for number, user in enumerate(USERS))
        sudoers = self.directory / "etc" / "sudoers.d" / "tests"
        sudoers.write_text(_SUDOERS)
        sudoers.chmod(0o440)

    def start(self) -> None:
        """Raises AssertionError with its own words when it does not answer."""
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        log = self.directory / "log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(self._argv(), stdin=subprocess.PIPE, stdout=output, stderr=output)
            assert self.process.stdin is not None
            self.process.stdin.write("".join(f"{user}:{PASSWORD}\n" for user in USERS).encode())
            self.process.stdin.close()
        wait_for(self._answers, otherwise=log.read_text)

    def sessions(self) -> list[int]:
        """The processes of connections, of which each has two: root's and the user's."""
        assert self.process is not None
        return descendants(self.process.pid)

    def cut(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Break off all connections, or halt them. What runs in them goes on."""
        for pid in self.sessions():
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                if Path(f"/proc/{pid}/comm").read_text().startswith("sshd"):
                    os.kill(pid, number)

    def stop(self) -> None:
        if self.process is None:
            return
        for pid in (*self.sessions(), self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def config(self, text: str = "", *, user: str = "root", name: str = "near") -> str:
        """The path of a new configuration of ssh; `text` comes first, where it counts."""
        lines = (
            f"  HostName 127.0.0.1\n  Port {self.port}\n  User {user}\n  IdentityFile {self.key}\n"
            "  IdentitiesOnly yes\n"
            f"  IdentityAgent none\n  UserKnownHostsFile {self.known_hosts}\n  GlobalKnownHostsFile none\n"
        )
        path = self.directory / f"config-{len(list(self.directory.glob('config-*')))}"
        path.write_text(f"{text}\nHost {name}\n{lines}")
        return str(path)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.directory / "log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 30.0) as asked:
            return asked.recv(4) == b"SSH-"
        return False

    def _argv(self) -> tuple[str, ...]:
        settings = (
            f"Port={self.port}", "ListenAddress=127.0.0.1", f"HostKey={self.directory / 'host'}",
            f"AuthorizedKeysFile={self.directory / 'authorized'}", "StrictModes=no", "UsePAM=no",
            "PermitRootLogin=prohibit-password", "PasswordAuthentication=no", "KbdInteractiveAuthentication=no",
            "PidFile=none", "UseDNS=no", "MaxStartups=100", *self.options,
        )  # fmt: skip
        sshd = ("/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", *(word for one in settings for word in ("-o", one)))
        # Dies with whoever started it, however that ends.
        bound = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private")
        return (*bound, "sh", "-c", _START, "sh", str(self.directory / "etc"), *sshd)


@contextlib.contextmanager
def sshd(*options: str) -> Iterator[Sshd]:
    """`options` as in sshd_config, such as "MaxSessions=1". Skips the test where it can't run."""
    if os.geteuid() != 0:
        pytest.skip("sshd with users of its own takes root")
    if not Path("/usr/sbin/sshd").exists() or shutil.which("sudo") is None:
        pytest.skip("openssh-server or sudo is not installed")
    if subprocess.run(("unshare", "--mount", "true"), capture_output=True, check=False).returncode:
        pytest.skip("this machine gives no mount namespace")
    with tempfile.TemporaryDirectory(prefix="decodeat-sshd-") as directory:
        Path(directory).chmod(0o755)
        server = Sshd(Path(directory), options)
        server.prepare()
        try:
            server.start()
            yield server
        finally:
            server.stop()


def make_key(path: Path, phrase: str = "", kind: str = "ed25519") -> None:
    """Few rounds of what makes a passphrase slow: a test reads a key many times."""
    size = ("-b", "2048") if kind == "rsa" else ()
    argv = ("ssh-keygen", "-q", "-a", "1", "-t", kind, *size, "-N", phrase, "-C", path.name, "-f", str(path))
    subprocess.run(argv, stdin=subprocess.DEVNULL, check=True, capture_output=True)


@contextlib.contextmanager
def agent(directory: Path, *keys: Path) -> Iterator[Path]:
    """The socket of an agent that holds some keys without a passphrase."""
    path = directory / "agent"
    process = subprocess.Popen(("ssh-agent", "-D", "-a", str(path)), stdout=subprocess.DEVNULL)
    try:
        wait_for(path.exists)
        for key in keys:
            argv = ("ssh-add", "-q", str(key))
            subprocess.run(argv, env={**os.environ, "SSH_AUTH_SOCK": str(path)}, check=True, capture_output=True)
        yield path
    finally:
        process.kill()
        process.wait()
        path.unlink(missing_ok=True)


def descendants(pid: int) -> list[int]:
    """The processes below one, however deep, those of this moment."""
    found: list[int] = []
    for child in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for number in child.read_text().split():
                found += [int(number), *descendants(int(number))]
    return found
