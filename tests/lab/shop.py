"""A copy of the tool whose image is a small one of real layers, the code for it, and settings that name a registry."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.lab.engine import Engine
from tests.servers.registry import USER
from tests.support.deployments import Ran
from tests.unit.decodeat.web import ROOT
from tests.unit.deployment.test_revision import git

BASE = "lab/small:1"
BASE_BYTES, COMPILED_BYTES = 8_000_000, 300_000
# No command runs in it: there is no program in its base. The layers are those of the real one, in the same order.
SMALL = f"""\
ARG PYTHON_IMAGE={BASE}
FROM ${{PYTHON_IMAGE}}
COPY decodeat/requirements.txt /
COPY decodeat/ /code/
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.version="${{VERSION}}" org.opencontainers.image.revision="${{REVISION}}"
CMD ["/none"]
"""


def small_base(engine: Engine) -> str:
    """An image with one file that can't be compressed; its name."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("base")
        member.size = BASE_BYTES
        archive.addfile(member, BytesIO(os.urandom(BASE_BYTES)))
    engine.ok("import", "-", BASE, given=packed.getvalue())
    return BASE


@dataclass
class Shop:
    """A directory with settings, and the tool that is run there; its code is in a git repository of its own."""

    home: Path
    engine: Engine
    variables: dict[str, str] = field(default_factory=dict)
    repository: str = ""  # without its registry

    @property
    def package(self) -> Path:
        return self.home / "source" / "decodeat"

    def configure(self, repository: str, password: str, *lines: str) -> None:
        """Write settings for a repository, with a password in the env file."""
        text = [
            'name = "tested"', "[local]", 'state_dir = "state"', "[service]", 'source = "source"', "[image]",
            f'repository = "{repository}"', f'user = "{USER}"', 'password = "env:REGISTRY_PASSWORD"', *lines,
        ]  # fmt: skip
        (self.home / "decodeat-ops.toml").write_text("\n".join(text) + "\n")
        (self.home / "decodeat-ops.env").touch(mode=0o600)
        (self.home / "decodeat-ops.env").write_text(f"REGISTRY_PASSWORD={password}\n")

    def change_code(self) -> None:
        """Add one line to the code, and commit it."""
        with (self.package / "__init__.py").open("a") as code:
            code.write(f"CHANGED_AT = {os.urandom(8).hex()!r}\n")
        git(self.home / "source", "commit", "-q", "-a", "-m", "one line")

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "decodeat_ops", *words],
            cwd=self.home,
            env=self.environment(env or {}),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=900,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Run with --json and demand success."""
        ran = self.run(*words, "--yes", "--json", env=env)
        assert ran.status == 0, str(ran)
        return ran.json

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        docker = {name: value for name, value in self.engine.environment.items() if name != "DOCKER_BUILDKIT"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DECODEAT_OPS_", "DOCKER_"))}
        return {**kept, **docker, "PATH": os.environ["PATH"], "NO_COLOR": "1", **self.variables, **more}

    def built(self) -> set[str]:
        """The names of images that the engine has."""
        return set(self.engine.ok("images", "--format", "{{.Repository}}:{{.Tag}}").split())

    def written(self) -> str:
        """All that lies in its directory, but the settings' own secrets."""
        files = [path for path in self.home.rglob("*") if path.is_file() and path.name != "decodeat-ops.env"]
        return "\n".join(path.read_bytes().decode(errors="replace") for path in files)


def shop(home: Path, engine: Engine) -> Shop:
    """The tool as it is, with the real Dockerfile, and a copy of the code."""
    made = Shop(home, engine)
    shutil.copytree(ROOT / "decodeat", made.package, ignore=shutil.ignore_patterns("__pycache__"))
    _commit(made)
    return made


def small_shop(home: Path, engine: Engine) -> Shop:
    """A copy of the tool with a small Dockerfile, as a checkout beside its settings; PYTHONPATH puts it first."""
    tool = home / "tool"
    for name in ("decodeat_ops", "decodeat", "templates"):
        shutil.copytree(ROOT / name, tool / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tool / "Dockerfile").write_text(SMALL)
    made = Shop(home, engine, {"PYTHONPATH": str(tool)})
    shutil.copytree(ROOT / "decodeat", made.package, ignore=shutil.ignore_patterns("__pycache__"))
    # As much as the real image has in compiled files beside them.
    (made.package / "words.py").write_text(f"WORDS = {os.urandom(COMPILED_BYTES).hex()!r}\n")
    _commit(made)
    return made


def _commit(made: Shop) -> None:
    source = made.home / "source"
    git(source, "init", "-q")
    git(source, "add", "decodeat")
    git(source, "commit", "-q", "-m", "one")
