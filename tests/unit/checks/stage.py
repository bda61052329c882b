"""A deployment on disk and a small server that plays its release, so that probes have something real to ask."""

import dataclasses
import json
import socketserver
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from decodeat_ops.adapters.direct_http import DirectHttp
from decodeat_ops.adapters.this_machine import ThisMachine
from decodeat_ops.application.desk import Desk
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.secret import Secret
from decodeat_ops.deployment import image, inputs, source
from decodeat_ops.deployment.ledger import StateLedger
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.settings.schema import Loaded, Settings
from decodeat_ops.targets.local.boot import Boot
from decodeat_ops.targets.local.data import LocalData
from decodeat_ops.targets.local.target import Local
from decodeat_ops.targets.local.view import LocalView
from tests.support.images import no_engine
from tests.support.serving import serving as running
from tests.support.waiting import PATIENCE

OLD = "20261101T000000Z-aaaaaaa"
NEW = "20261102T000000Z-bbbbbbb"

# Answers --check-env as the service does: LIMIT must be a number, and OPEN_SESAME must not be set.
CHECKING_MAIN = """
import json, os, sys
problems = []
if not os.environ.get("LIMIT", "1").isdigit():
    problems.append({"name": "LIMIT", "problem": "must be a whole number", "hint": "Its default is 1."})
if "OPEN_SESAME" in os.environ:
    problems.append({"name": "OPEN_SESAME", "problem": "is not known", "hint": "Remove it."})
seen = {"argv": sys.argv, "environment": dict(os.environ)}
open(os.environ["SEEN"], "w").write(json.dumps(seen)) if "SEEN" in os.environ else None
print(json.dumps({"format": 1, "ok": not problems, "version": "1", "problems": problems, "variables": []}))
sys.exit(3 if problems else 0)
"""


@dataclass
class Stage:
    """One deployment below a temporary directory."""

    home: Path
    settings: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        inputs.prepare(self.layout)
        self.package("source", "a = 1\n")

    @property
    def layout(self) -> Layout:
        return Layout(self.home / "state")

    @property
    def loaded(self) -> Loaded:
        given = {name: dict(section) for name, section in self.settings.items()}
        given.setdefault("service", {}).setdefault("source", "source")
        given.setdefault("local", {}).setdefault("state_dir", "state")
        given["local"].setdefault("environments_dir", "environments")
        given.setdefault("backup", {}).setdefault("directory", "backups")
        return Loaded(
            settings=Settings.model_validate(given),
            env="production",
            files=(self.home / "decodeat-ops.toml",),
            directory=self.home,
            origins={},
        )

    @property
    def machine(self) -> Machine:
        return Machine(self.loaded, ThisMachine(), DirectHttp())

    @property
    def resolved(self) -> dict[str, Secret]:
        return {name: Secret(value) for name, value in self.secrets.items()}

    @property
    def desk(self) -> Desk:
        """Return what the use cases get, on a machine without systemd."""
        machine, secrets = self.machine, self.resolved
        return Desk(
            loaded=machine.loaded,
            target=Local(machine, secrets, Boot(systemd=False, system=False, directory=self.home / "units")),
            view=LocalView(machine, secrets),
            data=LocalData(machine),
            ledger=StateLedger(machine.layout, machine.loaded),
            records=machine.layout.records,
            secrets=secrets,
            images=no_engine,
            repository=partial(image.repository, machine.loaded),
        )

    def package(self, where: str, text: str) -> Path:
        """A package decodeat/ whose only module of note is `text`."""
        package = self.home / where / "decodeat"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text(text)
        (package / "__main__.py").write_text(CHECKING_MAIN)
        (package / source.LOCK_NAME).write_text("fastapi==1\n")
        return package

    def environment(self, package: Path) -> Path:
        """Give the package's dependency lock a Python."""
        python = inputs.python(self.home / "environments", source.lock_digest(package / source.LOCK_NAME))
        python.parent.mkdir(parents=True, exist_ok=True)
        if not python.exists():
            python.symlink_to(sys.executable)
            (python.parents[1] / ".complete").touch()
        return python

    def release(self, name: str, text: str = "a = 1\n", port: int = 1, *, runs: bool = True) -> LocalRelease:
        """A whole release on disk."""
        package = self.package(f"state/releases/{name}/code", text)
        if runs:
            self.environment(package)
        release = LocalRelease(
            id=name,
            fingerprint=name[-7:] * 9,
            code=source.tree_digest(package),
            lock=source.lock_digest(package / source.LOCK_NAME),
            secrets="",
            revision="r1",
            created_at="2026-11-02T00:00:00+00:00",
            created_by="tester",
            origin="deploy",
            host="127.0.0.1",
            port=port,
            data=name,
        )
        self.layout.environment(name).touch()
        self.layout.manifest(name).write_text(json.dumps(release.as_json()))
        self.layout.generation(name).mkdir(exist_ok=True, mode=0o700)
        self.layout.release_data(name).symlink_to(f"../../data/{name}")
        return release

    def activate(self, release: LocalRelease) -> None:
        self.layout.active.unlink(missing_ok=True)
        self.layout.active.symlink_to(f"releases/{release.id}")

    def subject(self, release: LocalRelease | None = None, *, coming: LocalRelease | None = None) -> Subject:
        desk = self.desk
        endpoint = self.machine.store.public(release) if release else None
        return Subject(
            desk.loaded, desk.view, desk.target.observe, desk.records, desk.secrets, release, endpoint, coming
        )


@dataclass
class Service:
    """How the release behaves; tests change it to see a probe fail."""

    stage: Stage
    release: str
    reports: str = ""  # the id it puts into the body, when that is not its own
    status: int = 200
    delay: float = 0.0
    fail_every: int = 0  # every n-th answer is a 500
    counts: bool = True
    logs: bool = True
    answer: dict[str, Any] = field(default_factory=dict)
    lacks: str = ""  # what it says of a cache that fails, which all instances share
    fetches: bool = True
    refuses: int = 0  # how a POST is answered, when not with `status`
    closed: int = 0  # status for a POST without a key, where it differs from the others
    requests: int = 0
    keys: list[str] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Release(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                return self._send(200, _metrics(service).encode())
            time.sleep(service.delay)
            with service.lock:
                service.requests += service.counts
                number = service.requests
            if service.logs:
                line = json.dumps({"request_id": self.headers.get("X-Request-Id", "")})
                with service.stage.layout.log(service.release).open("a") as log:
                    log.write(line + "\n")
            broken = service.fail_every and number % service.fail_every == 0
            body: dict[str, Any] = {"status": "healthy", "release": service.reports or service.release}
            body |= {"checks": {"cache": {"ok": False, "detail": service.lacks}}} if service.lacks else {}
            return self._send(500 if broken else service.status, json.dumps(body).encode())

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            service.keys.append(self.headers.get("X-API-Key", ""))
            if service.fetches:
                with urllib.request.urlopen(asked["image_urls"][0], timeout=PATIENCE) as picture:
                    assert picture.read(4)[1:] == b"PNG"
            if service.closed and not service.keys[-1]:
                return self._send(service.closed, b"{}")
            self._send(service.refuses or service.status, json.dumps(service.answer).encode())

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("X-Release-Id", service.release)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "client"  # a unix socket has no address

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    return Release


def _metrics(service: Service) -> str:
    return (
        "# HELP api_requests_total Requests.\n# TYPE api_requests_total counter\n"
        f'api_requests_total{{status="200",path="/health"}} {service.requests}.0\n'
        'api_requests_total{status="500",path="/health"} 2.0\n'
        f'api_request_duration_seconds_count{{path="/health"}} {service.requests + 2}.0\n'
        f'decodeat_release_info{{release="{service.release}",version="1"}} 1.0\n'
    )


class _Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def serving(stage: Stage, name: str = NEW, **how: Any) -> Iterator[tuple[Service, Subject]]:
    """A release that serves on its public port and its private socket."""
    service = Service(stage, name)
    for key, value in how.items():
        assert key in {f.name for f in dataclasses.fields(Service)}
        setattr(service, key, value)
    public = ThreadingHTTPServer(("127.0.0.1", 0), _handler(service))
    public.daemon_threads = True
    private = _Unix(str(stage.layout.socket(name)), _handler(service))
    with running(public), running(private):
        release = stage.release(name, port=public.server_port)
        stage.activate(release)
        yield service, stage.subject(release)
