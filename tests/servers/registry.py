"""Debian's docker-registry for tests: on a random port of this machine, with a password, killed and started at will."""

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.ports import free_port
from tests.support.waiting import PATIENCE

USER = "ops"
_MANIFESTS = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
_CONFIGURATION = """
version: 0.1
log: {{level: info, formatter: json}}
storage:
  filesystem: {{rootdirectory: {directory}/data}}
  maintenance: {{readonly: {{enabled: {readonly}}}}}
http: {{addr: "127.0.0.1:{port}"}}
auth: {{htpasswd: {{realm: tests, path: {directory}/htpasswd}}}}
"""


@dataclass
class Registry:
    """A registry and its only user `ops`. What it keeps outlives `kill` and `start`."""

    directory: Path
    port: int = field(default_factory=free_port)
    password: str = field(default_factory=lambda: f"pass-{secrets.token_hex(12)}")
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def start(self, *, readonly: bool = False) -> None:
        """Start it and wait until it answers; with `readonly` it takes nothing."""
        settings = _CONFIGURATION.format(directory=self.directory, port=self.port, readonly=str(readonly).lower())
        (self.directory / "config.yml").write_text(settings)
        argv = ["setpriv", "--pdeathsig", "KILL"]
        if os.geteuid() == 0:
            argv += ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
        argv += ["docker-registry", "serve", str(self.directory / "config.yml")]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={"PATH": os.environ["PATH"]}
            )
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                assert self.get("/v2/").status_code == 200
                return
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"docker-registry did not start:\n{self.log.read_text()}")

    def changes(self, since: int) -> list[str]:
        """The requests that changed something, after so many characters of the log."""
        return re.findall(r'"((?:PUT|POST|PATCH|DELETE) /v2/[^ ]*)', self.log.read_text()[since:])

    def kill(self) -> None:
        """As a crash ends it. Nothing to do when it is dead already."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def get(self, path: str, method: str = "GET") -> httpx.Response:
        return httpx.request(
            method,
            f"http://{self.address}{path}",
            auth=(USER, self.password),
            headers={"Accept": _MANIFESTS},
            timeout=PATIENCE,
            trust_env=False,
        )

    def digest(self, repository: str, tag: str) -> str:
        """What a tag stands for, "" when there is none."""
        answer = self.get(f"/v2/{repository}/manifests/{tag}", "HEAD")
        return answer.headers["Docker-Content-Digest"] if answer.status_code == 200 else ""

    def manifest(self, repository: str, reference: str) -> dict[str, Any]:
        answer = self.get(f"/v2/{repository}/manifests/{reference}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def configuration(self, repository: str, reference: str) -> dict[str, Any]:
        """The image's configuration, in which its labels are."""
        blob = self.manifest(repository, reference)["config"]["digest"]
        answer = self.get(f"/v2/{repository}/blobs/{blob}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def layers(self, repository: str, reference: str) -> dict[str, int]:
        """The size of each layer, as it is kept, by its digest."""
        return {one["digest"]: one["size"] for one in self.manifest(repository, reference)["layers"]}


@contextlib.contextmanager
def registry() -> Iterator[Registry]:
    """A running registry, gone with all it kept afterwards. Skips the test where a part is missing."""
    for program, package in (("docker-registry", "docker-registry"), ("htpasswd", "apache2-utils")):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian's package {package})")
    with tempfile.TemporaryDirectory(prefix="decodeat-registry-") as directory:
        server = Registry(Path(directory))
        argv = ("htpasswd", "-niB", USER)
        made = subprocess.run(argv, input=server.password, capture_output=True, text=True, check=True)
        (server.directory / "htpasswd").write_text(made.stdout)
        if os.geteuid() == 0:
            shutil.chown(directory, "nobody", "nogroup")
        try:
            server.start()
            yield server
        finally:
            server.kill()
