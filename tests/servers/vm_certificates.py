"""A machine with a real nginx and a real certbot, laid out as a deployment: this one, in a directory of its own."""

import contextlib
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from decodeat_ops.adapters.direct_http import DirectHttp
from decodeat_ops.adapters.system_clock import SystemClock
from decodeat_ops.adapters.this_machine import ThisMachine
from decodeat_ops.adapters.tls_handshake import TlsHandshake
from decodeat_ops.application.desk import Desk
from decodeat_ops.core import certificate
from decodeat_ops.core.certificate import Certificate
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.ports import Endpoint, Response
from decodeat_ops.core.remote import Answer
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.vm import documents
from decodeat_ops.targets.vm.data import VmData
from decodeat_ops.targets.vm.ledger import VmLedger
from decodeat_ops.targets.vm.names import EDGE_USER, GROUP, Names
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.scripts import edge as edging
from decodeat_ops.targets.vm.scripts import schedule
from decodeat_ops.targets.vm.scripts.quoting import export, lines, word
from decodeat_ops.targets.vm.self_signed import made
from decodeat_ops.targets.vm.target import Vm
from decodeat_ops.targets.vm.view import VmView
from tests.servers.acme import Authority, authority
from tests.servers.vm_edge import DOMAIN, Edge
from tests.support.local_remote import LocalRemote
from tests.support.waiting import PATIENCE, wait_for

DEPLOYMENT = "demo-production"
DIGEST = f"sha256:{'a' * 64}"
SETTINGS = """name = "demo"
target = "vm"
[vm]
hosts = ["api1"]
directory = "{directory}"
domains = ["{domain}"]
certificate = "{certificate}"
acme_email = "ops@example.com"
acme_server = "{server}"
http_port = {plain}
https_port = {secure}
nginx_image = "nginx@{digest}"
redis = false
{more}
"""
# As nginx's container has it: its own user, who reads what its group may, whatever the directories above say.
NGINX = (
    "setpriv", f"--reuid={EDGE_USER}", f"--regid={GROUP}", "--clear-groups", "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search", "nginx",
)  # fmt: skip
_DOCKER = """#!/bin/sh
case "$1 $2" in
  "inspect --type") if [ -s {root}/tmp/nginx.pid ]; then echo true; else echo false; fi ;;
  "exec {container}")
    shift 3
    [ ! -e {home}/refuses ] || {{ echo "nginx: [emerg] it is told to refuse"; exit 1; }}
    while [ $# -gt 0 ]; do case $1 in -c) shift 2 ;; *) break ;; esac; done
    exec {nginx} -p {root} -c {root}/edge/current/nginx.conf "$@" ;;
  *) echo "no engine here" >&2; exit 1 ;;
esac
"""
_SYSTEMCTL = """#!/bin/sh
echo "$*" >>{home}/systemctl
case $1 in
  is-active) [ -e {home}/systemd/on ] && echo active || echo inactive ;;
  enable) touch {home}/systemd/on ;;
  disable) rm -f {home}/systemd/on ;;
  show) echo "Tue 2030-01-01 06:12:34 UTC" ;;
esac
"""


class Network(DirectHttp):
    """The way from the operator to machines: `ports` says by address what stands at its port 80."""

    def __init__(self, ports: dict[str, int]) -> None:
        self.ports = ports

    def request(self, endpoint: Endpoint, method: str, path: str, **more: Any) -> Response:
        assert endpoint.port == 80, endpoint
        port = self.ports[endpoint.host]
        return super().request(
            Endpoint("127.0.0.1", port, name=endpoint.name), method, path, headers={"Host": endpoint.name}, **more
        )


class Machine(LocalRemote):
    """This machine, with directories of its own for what systemd and cron read."""

    def __init__(self, home: Path, variables: Mapping[str, str]) -> None:
        super().__init__("api1", variables=variables)
        self._home = home

    def run(self, script: str, *, given: str = "", timeout: float = 60.0) -> Answer:
        for path, name in ((schedule.SYSTEMD, "systemd"), (schedule.RUNS, "runs"), (schedule.CRON, "cron")):
            script = script.replace(path, str(self._home / name))
        return super().run(script, given=given, timeout=timeout)


@dataclass
class World:
    """A deployment whose nginx runs, without a release; `leads` is what the operator's name server says."""

    home: Path
    edge: Edge
    authority: Authority
    network: Network
    leads: dict[str, Sequence[str]] = field(default_factory=lambda: {DOMAIN: ("127.0.0.1",)})
    kind: str = "acme"
    more: str = ""
    opened: list[LocalRemote] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.edge.root

    def loaded(self) -> Loaded:
        text = SETTINGS.format(
            directory=self.root.parent, domain=DOMAIN, certificate=self.kind, server=self.authority.url,
            plain=self.edge.plain, secure=self.edge.secure, digest=DIGEST, more=self.more,
        )  # fmt: skip
        path = self.home / "decodeat-ops.toml"
        path.write_text(text)
        return load(path, None, {}, environ={})

    def place(self) -> Place:
        loaded = self.loaded()
        remote = Machine(self.home, self.variables)
        self.opened.append(remote)
        clock, http = SystemClock(), self.network
        ports = (http, ThisMachine(), _no_images, clock, TlsHandshake())
        return Place(loaded, Names.of(loaded), {"api1": remote}, *ports, addresses=self.addresses)

    def addresses(self, name: str) -> Sequence[str]:
        if not self.leads.get(name):
            raise Unreachable(f"{name} leads to no address.")
        return self.leads[name]

    def desk(self) -> Desk:
        place = self.place()
        return Desk(
            loaded=place.loaded, target=Vm(place, {}), view=VmView(place, {}), data=VmData(place),
            ledger=VmLedger(place), records=self.home / "records", secrets={}, images=_no_images,
            repository=lambda: "",
        )  # fmt: skip

    @property
    def variables(self) -> Mapping[str, str]:
        """Return the machine's own variables: its programs before this one's, and the authority that it believes."""
        path = f"{self.home / 'bin'}:{os.environ['PATH']}"
        return {"PATH": path, "REQUESTS_CA_BUNDLE": str(self.authority.trusted)}

    @property
    def live(self) -> str:
        """Return which directory nginx serves from."""
        return str((self.root / "certificates" / "live").readlink())

    def served(self) -> Certificate:
        return certificate.of_der(TlsHandshake().certificate("127.0.0.1", self.edge.secure, DOMAIN, PATIENCE))

    def daily(self) -> "subprocess.CompletedProcess[str]":
        """Run what the timer runs."""
        argv = (str(self.root / "certbot" / "renew"), "timer")
        return subprocess.run(argv, env=self.variables, capture_output=True, text=True, check=False, timeout=300)


def _no_images() -> Any:
    raise AssertionError("no image is needed for a certificate")


def _programs(home: Path, root: Path) -> None:
    values = {"home": home, "root": root, "container": f"{DEPLOYMENT}-nginx", "nginx": " ".join(NGINX)}
    for name, text in (("docker", _DOCKER), ("systemctl", _SYSTEMCTL)):
        path = home / "bin" / name
        path.write_text(text.format(**values))
        path.chmod(0o755)


@contextlib.contextmanager
def world(days: int = 90) -> Iterator[World]:
    """Lay out a machine whose nginx serves a certificate of its own, and run an authority beside it."""
    with tempfile.TemporaryDirectory(prefix="certificates-") as text:
        home = Path(text)
        home.chmod(0o755)
        root = home / "opt" / DEPLOYMENT
        for name in ("bin", "systemd", "runs", "cron", "authority"):
            (home / name).mkdir()
        for name in ("run/blue", "run/green", "certificates", "acme", "tmp", "edge"):
            (root / name).mkdir(parents=True)
        edge = Edge(root)
        _programs(home, root)
        _first_certificate(root)
        for path in (root / "tmp", root / "access.log"):
            path.touch()
            os.chown(path, EDGE_USER, GROUP)
        for name in ("run", "run/blue", "run/green"):
            os.chown(root / name, 0, GROUP)
        with authority(home / "authority", edge.plain, days) as acme:
            made_world = World(home, edge, acme, Network({"127.0.0.1": edge.plain}))
            edge.write(documents.files(made_world.loaded()))
            try:
                with running(edge):
                    yield made_world
            finally:
                for remote in made_world.opened:
                    remote.close()


def _first_certificate(root: Path) -> None:
    """Do what a first deploy does on a machine that has none."""
    chain, key = made([DOMAIN], datetime.now(UTC))
    script = lines("set -u; umask 077", f"cd {word(root)}", 'eval "$(cat)"', edging._certificate())
    given = export({edging.CERTIFICATE: chain, edging.KEY: key})
    subprocess.run(("sh", "-c", script), input=given, text=True, check=True, timeout=PATIENCE)


@contextlib.contextmanager
def running(edge: Edge) -> "Iterator[subprocess.Popen[bytes]]":
    """Run nginx until the block ends."""
    argv = (*NGINX, "-p", str(edge.root), "-c", str(edge.root / "edge" / "current" / "nginx.conf"))
    with (edge.root / "error.log").open("wb") as errors:
        process = subprocess.Popen(argv, stderr=errors, stdout=errors)
    try:
        wait_for(lambda: process.poll() is not None or _listens(edge.private), otherwise="nginx does not listen")
        assert process.poll() is None, (edge.root / "error.log").read_text()
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
