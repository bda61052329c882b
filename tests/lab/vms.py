"""Virtual machines of the lab's own: containers with their own sshd, Docker engine and Compose, reached over SSH."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.lab.bases import IMAGES
from tests.lab.engine import NETWORK, Engine
from tests.lab.machine import OPEN, RIGHTS
from tests.servers.sshd import make_key
from tests.support.waiting import PATIENCE, wait_for

IMAGE = "lab/vm:1"
SYSTEMD, WALLED = "lab/vm-systemd:1", "lab/vm-firewall:1"  # whose sshd and engine systemd starts; one with ufw
MORE = {SYSTEMD: "vm-systemd", WALLED: "vm-firewall"}  # the lab's directories that these are made of
# What stands beside the service, made of Debian's packages. Tags have the versions, as those of the official images.
STORES = {"nginx": "lab/nginx:1.22", "redis": "lab/redis:7.0"}
DOMAIN = "api.example.test"
SUDO = "deployer"  # who becomes root by sudo, without a password
SMALL = "/small"  # a directory there with a disk of its own, which can be filled; it is empty after a restart
STORE = "/var/lib/docker"  # where a machine's engine keeps what it has
BOOT_SECONDS = 4 * PATIENCE
_DOWN_SECONDS = "200"  # longer than the longest request's release takes to end


def build(engine: Engine, name: str, tag: str) -> str:
    """Make an image out of a directory of the lab's, on Debian; return its tag."""
    engine.ok("build", "--network", "host", "--quiet", "--tag", tag, str(IMAGES / name))
    return tag


@dataclass(frozen=True)
class Access:
    """Hold what an operator has to get into machines: a key, their keys, and ssh's configuration."""

    directory: Path
    addresses: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.directory / "config"

    @property
    def key(self) -> Path:
        return self.directory / "key"

    def prepare(self) -> None:
        self.directory.mkdir()
        make_key(self.key)
        (self.directory / "known_hosts").touch()
        self.config.touch()

    def admit(self, name: str, place: Path) -> None:
        """Lay out a new machine's own key and who may enter it, and know that key."""
        place.mkdir()
        make_key(place / "host")
        (place / "authorized_keys").write_text(self.key.with_suffix(".pub").read_text())
        kind, text = (place / "host.pub").read_text().split()[:2]
        with (self.directory / "known_hosts").open("a") as known:
            known.write(f"{name} {kind} {text}\n")

    def at(self, name: str, address: str) -> None:
        """Write where a machine is now; another one may have got its address while it was down."""
        self.addresses[name] = address
        hosts = (
            f"Host {one}\n  HostName {where}\n  HostKeyAlias {one}\n  User root\n  IdentityFile {self.key}\n"
            "  IdentitiesOnly yes\n  IdentityAgent none\n  GlobalKnownHostsFile none\n"
            f"  UserKnownHostsFile {self.directory / 'known_hosts'}\n"
            for one, where in self.addresses.items()
        )
        new = self.config.with_suffix(".new")
        new.write_text("".join(hosts))
        new.replace(self.config)


@dataclass(frozen=True)
class Vm:
    """A running machine. Its disk and its engine's outlive a restart; its processes, /run and /tmp do not."""

    engine: Engine  # the lab's, in which it is a container
    name: str
    id: str
    access: Access

    @property
    def address(self) -> str:
        format_ = f"{{{{.NetworkSettings.Networks.{NETWORK}.IPAddress}}}}"
        return self.engine.ok("inspect", "--format", format_, self.id)

    def run(self, script: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a script of sh there as root, whatever comes of it."""
        return self.engine.run("exec", "-i", self.id, "sh", "-c", script, given=given)

    def ok(self, script: str) -> str:
        done = self.run(script)
        assert done.returncode == 0, f"{self.name}: {script}\n{(done.stdout + done.stderr).decode()}"
        return done.stdout.decode().strip()

    def docker(self, *words: str) -> str:
        """`docker WORDS` of the machine's own engine; what it wrote."""
        return self.engine.ok("exec", self.id, "docker", *words)

    def load(self, *images: str) -> None:
        """Bring images of the lab's engine to the machine's, as a stream that nothing keeps."""
        argv = ("docker", "save", *images)
        with subprocess.Popen(argv, env=self.engine.environment, stdout=subprocess.PIPE) as saving:
            loading = ("docker", "exec", "-i", self.id, "docker", "load", "--quiet")
            done = subprocess.run(
                loading, env=self.engine.environment, stdin=saving.stdout, capture_output=True, check=False
            )
        assert (saving.returncode, done.returncode) == (0, 0), (done.stdout + done.stderr).decode()

    def image(self, name: str) -> str:
        """Return the id of an image that its engine has."""
        return self.docker("image", "inspect", "--format", "{{.Id}}", name)

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return what its engine tells of all its containers, by name."""
        names = self.docker("ps", "--all", "--format", "{{.Names}}").split()
        found = json.loads(self.docker("inspect", *names)) if names else []
        return {one["Name"].removeprefix("/"): one for one in found}

    def wait_up(self) -> None:
        """Wait until it can be logged in to and its engine answers."""

        def up() -> bool:
            return self.run("docker version && ss -Hltn 'sport = :22' | grep -q :22").returncode == 0

        wait_for(up, BOOT_SECONDS, self._log, every=0.2)
        self.access.at(self.name, self.address)

    def _log(self) -> str:
        return f"{self.name} does not come up:\n{self.run('tail -n 30 /var/log/dockerd.log').stdout.decode()}"

    def reboot(self) -> None:
        """Go down in order, and come up."""
        self.engine.ok("restart", "--time", _DOWN_SECONDS, self.id)
        self.wait_up()

    def lose_power(self) -> None:
        self.engine.ok("kill", self.id)
        self.engine.ok("start", self.id)
        self.wait_up()

    def restart_docker(self) -> None:
        """End the engine in order, with all containers, as an upgrade of its package does; it is started again."""
        before = self.ok("cat /run/docker.pid")
        # systemd starts no engine anew that ended as it was told to, but what it restarts itself.
        self.ok(f"if [ -d /run/systemd/system ]; then systemctl restart docker; else kill -TERM {before}; fi")
        another = f'now=$(cat /run/docker.pid 2>/dev/null) && [ -n "$now" ] && [ "$now" != {before} ]'
        wait_for(lambda: self.run(another).returncode == 0, BOOT_SECONDS, self._log, every=0.2)
        self.wait_up()

    def break_connections(self) -> None:
        """Kill the processes of sshd that serve connections; what runs in them goes on."""
        self.ok("pkill -KILL -f '^sshd: .*(@|\\[priv\\])'")

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Drop every packet of SSH until the block ends; what runs goes on, and clients are served."""
        rules = ("INPUT -p tcp --dport 22 -j DROP", "OUTPUT -p tcp --sport 22 -j DROP")
        self.ok(" && ".join(f"iptables -I {rule}" for rule in rules))
        try:
            yield
        finally:
            self.ok(" && ".join(f"iptables -D {rule}" for rule in rules))

    @contextlib.contextmanager
    def full(self, place: str = SMALL) -> Iterator[None]:
        """Leave no byte on a disk until the block ends."""
        room = f"df --output=avail -B 1 {place} | tail -n 1"
        self.run(f"fallocate -l $({room}) {place}/filler; cat /dev/zero >>{place}/filler")
        try:
            assert int(self.ok(room)) < 1 << 16
            yield
        finally:
            self.ok(f"rm {place}/filler")

    def get(
        self, path: str, port: int = 443, *, tls: bool = True, name: str = DOMAIN, seconds: float = PATIENCE
    ) -> httpx.Response:
        """Ask as a client does: at a port that is published, for a name, whatever its certificate says."""
        with httpx.Client(verify=False, timeout=seconds, trust_env=False) as client:
            url = f"{'https' if tls else 'http'}://{self.address}:{port}{path}"
            return client.get(url, headers={"Host": name}, extensions={"sni_hostname": name})

    def serving(self, port: int = 443) -> str:
        """Return the id of the release that its clients get, "" when none answers."""
        try:
            answer = self.get("/health", port)
        except (httpx.TransportError, httpx.InvalidURL):  # it has no address while it is down
            return ""
        return str(answer.headers.get("x-release-id", "")) if answer.status_code == 200 else ""

    def running(self) -> dict[str, str]:
        """Return the ids of the containers that run, by name."""
        return {name: one["Id"] for name, one in self.containers().items() if one["State"]["Running"]}

    @property
    def received(self) -> int:
        """Return how many bytes have come over its network so far."""
        return int(self.ok("cat /sys/class/net/eth0/statistics/rx_bytes"))


@contextlib.contextmanager
def started(engine: Engine, name: str, access: Access, image: str = IMAGE, disk: str = "") -> Iterator[Vm]:
    """Start a machine that an operator gets into, with an engine that has no image; gone with its disks afterwards.

    With `disk`, such as "2g", its engine has so much room, in memory: what it has is gone after a restart.
    """
    place = access.directory / name
    access.admit(name, place)
    store = ("--tmpfs", f"{STORE}:exec,size={disk}") if disk else ("--volume", STORE)
    disks = ("--volume", f"{place}:/lab:ro", *store)
    words = ("run", "--detach", "--hostname", name, "--network", NETWORK, *RIGHTS, *OPEN, *disks, image)
    container = engine.ok(*words)
    try:
        machine = Vm(engine, name, container, access)
        machine.wait_up()
        yield machine
    finally:
        engine.ok("rm", "--force", "--volumes", container)
