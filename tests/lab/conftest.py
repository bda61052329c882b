"""The engine, the bases, the image under test and an emulator of AWS, each made once for what a process has of the lab.

They end with the last of its tests, so that nothing of them takes time beside the rest of a run. What is made of images
in one process is copied to the engines of the others.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.lab import bases, engine, vms
from tests.lab.ecs import TESTED, Operator, operator, quick_tool
from tests.lab.engine import Engine
from tests.lab.ministack import MiniStack, ministack
from tests.lab.peers import Peers
from tests.lab.vm_operator import Operator as VmOperator
from tests.lab.vms import Access, Vm
from tests.servers.registry import Registry, registry
from tests.support.deployments import make_source
from tests.support.forking import forks
from tests.unit.decodeat.web import ROOT, Web, web

Hire = Callable[..., Operator]
Rent = Callable[..., list[Vm]]
Engage = Callable[..., VmOperator]

VERSION, REVISION = "1.2.3-test", "0123456789abcdef0123456789abcdef01234567"
# What lies about in a checkout in which somebody works, and what of it the ignore file can't tell from a directory.
LOOSE = (
    ".env", ".env.production", "gcp-key.json", "id_rsa", "decodeat.sqlite3", "decodeat-ops.env", "backups/all.tar.zst",
    "decodeat/.env", "decodeat/.env.production", "decodeat/gcp-key.json", "decodeat/engines/service-account.json",
    "decodeat/id_ed25519", "decodeat/stores/results.sqlite3", "decodeat/stores/results.sqlite3-wal",
    "decodeat/api/tls.pem", "decodeat/__pycache__/settings.cpython-311.pyc",
)  # fmt: skip
HIDDEN = ("decodeat/secret", "decodeat/images/token")


@dataclass(frozen=True)
class Checkout:
    """A copy of this one with secrets lying about, unreadable for others; `markers` is what each of them says."""

    path: Path
    markers: dict[str, str] = field(default_factory=dict)

    def build(self, engine: Engine, tag: str, buildkit: bool, *options: str, dockerfile: str = "") -> str:
        """`docker build` as documented, or with a Dockerfile of the test's own on standard input. The image's name."""
        words = ["build", "--network", "host", "--quiet", "--tag", tag, *options]
        words += ["--file", "-", str(self.path)] if dockerfile else [str(self.path)]
        engine.ok(
            *words,
            given=dockerfile.encode(),
            DOCKER_BUILDKIT=str(int(buildkit)),
            GEMINI_API_KEY=self.markers["environment"],
        )
        return tag


def tracked(directory: str = ".") -> list[str]:
    """Files that belong to the project, also those that are not committed yet."""
    argv = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", directory)
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file())


@pytest.fixture(scope="package")
def docker() -> Iterator[Engine]:
    with engine.running() as started:
        yield started


@pytest.fixture(scope="package")
def peers(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peers]:
    """Share images with the other processes of this run."""
    own = tmp_path_factory.getbasetemp()
    directory = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "lab-images"
    directory.mkdir(exist_ok=True)
    made = Peers(directory, docker)
    yield made
    made.withdraw()


def debian(docker: Engine, peers: Peers) -> str:
    return peers.image(bases.DEBIAN, lambda: bases.debian(docker))


@pytest.fixture(scope="package")
def python_base(docker: Engine, peers: Peers) -> str:
    def make() -> None:
        debian(docker, peers)
        bases.python(docker)

    return peers.image(bases.PYTHON, make)


@pytest.fixture(scope="package")
def checkout(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Checkout:
    """The same secrets in every process of a run, whichever makes the image, and others in the next run."""
    made = Checkout(tmp_path_factory.mktemp("checkout"))
    for name in tracked():
        (made.path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, made.path / name)
    for name in (*LOOSE, *HIDDEN, "environment", "argument"):
        made.markers[name] = f"marker-{hashlib.sha256(f'{testrun_uid} {name}'.encode()).hexdigest()[:32]}"
    for name in (*LOOSE, *HIDDEN):
        (made.path / name).parent.mkdir(parents=True, exist_ok=True)
        (made.path / name).write_text(f"before {made.markers[name]} after\n")
    for directory, _, files in os.walk(made.path):
        Path(directory).chmod(0o700)
        for file in files:
            (Path(directory) / file).chmod(0o600)
    return made


@pytest.fixture(scope="package")
def image(docker: Engine, peers: Peers, python_base: str, checkout: Checkout) -> str:
    """The image under test: the Dockerfile as it is, the builder of the oldest engine, the untidy checkout."""
    given: tuple[str, ...] = ("--build-arg", f"VERSION={VERSION}", "--build-arg", f"REVISION={REVISION}")
    # An argument that the Dockerfile doesn't know is what people try when they want a key in an image.
    given += ("--build-arg", f"GEMINI_API_KEY={checkout.markers['argument']}")
    return peers.image(TESTED, lambda: checkout.build(docker, TESTED, False, *given))


@pytest.fixture(scope="package")
def pictures(docker: Engine) -> Iterator[Web]:
    """A picture host on this machine that containers reach."""
    with web(address=docker.gateway) as host:
        yield host


@pytest.fixture(scope="package")
def platform(docker: Engine, python_base: str) -> Iterator[MiniStack]:
    with ministack(docker, python_base) as running:
        yield running


@pytest.fixture(scope="package")
def images() -> Iterator[Registry]:
    with registry() as running:
        yield running


@pytest.fixture(scope="package")
def hire(platform: MiniStack, images: Registry, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hire]:
    """Return what makes an operator with an account of their own, in which nothing is yet; `tool` as `operator` says.

    Images are made by copying other code into the one under test, unless the tool is this checkout.
    """
    assert image == TESTED
    source = make_source(tmp_path_factory.mktemp("service") / "source")
    quick = quick_tool(tmp_path_factory.mktemp("tool"))
    with contextlib.ExitStack() as open_operators:
        started = open_operators.enter_context(forks(quick))

        def make(tool: Path = quick, **ecs: Any) -> Operator:
            home = tmp_path_factory.mktemp("operator") / "home"
            made = open_operators.enter_context(operator(home, platform, source, images, tool))
            made.forks = started if tool == quick else None
            made.ecs.update(ecs)
            made.write()
            return made

        yield make


@pytest.fixture(scope="package")
def served(hire: Hire) -> Operator:
    """Return an operator whose second release serves; every test leaves it so that the next deploy works."""
    made = hire()
    made.ok("bootstrap", "--yes")
    made.deploy()
    made.change_something()
    made.deploy()
    return made


@pytest.fixture
def well(served: Operator) -> Iterator[Operator]:
    """Return the same, and demand afterwards that nothing is left open and nothing else runs."""
    yield served
    assert served.unsettled() == ""
    served.wait_alone()


@pytest.fixture(scope="package")
def rent(docker: Engine, peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rent]:
    """Return what starts machines by name, side by side, with the images of what stands beside the service.

    One that runs already is the same for all who name it.
    """
    debian(docker, peers)
    for name, tag in {"vm": vms.IMAGE, **vms.STORES}.items():
        peers.image(tag, partial(vms.build, docker, name, tag))
    access = Access(tmp_path_factory.mktemp("access") / "ssh")
    access.prepare()
    running: dict[str, Vm] = {}
    with contextlib.ExitStack() as machines:

        def make(*names: str, image: str = vms.IMAGE, disk: str = "") -> list[Vm]:
            if image in vms.MORE:
                peers.image(image, partial(vms.build, docker, vms.MORE[image], image))
            for name in names:
                if name not in running:
                    running[name] = machines.enter_context(vms.started(docker, name, access, image, disk))
                    running[name].load(*vms.STORES.values())
            return [running[name] for name in names]

        yield make


@pytest.fixture(scope="package")
def engage(docker: Engine, rent: Rent, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engage]:
    """Return what makes an operator of the machines that are named, on which nothing of this deployment is yet.

    Images are made by copying other code into the one under test. With `quickly` the machines have that one already.
    """
    assert image == TESTED
    quick = quick_tool(tmp_path_factory.mktemp("tool"))
    with forks(quick) as started:

        def make(
            *names: str, quickly: bool = True, machine: str = vms.IMAGE, disk: str = "", **more: Any
        ) -> VmOperator:
            home = tmp_path_factory.mktemp("operator") / "home"
            source = make_source(tmp_path_factory.mktemp("service") / "source")
            machines = rent(*names, image=machine, disk=disk)
            made = VmOperator(home, docker, machines, source, quick, forks=started, **more)
            for one in made.machines if quickly else ():
                one.load(image)
            made.write()
            return made

        yield make


def serving_twice(made: VmOperator) -> VmOperator:
    """Deploy two releases, so that there is one to go back to, and wait until the second serves alone."""
    made.deploy()
    made.change_something()
    made.deploy()
    made.wait_alone()
    return made


@pytest.fixture(scope="package")
def alone(engage: Engage) -> VmOperator:
    """Return an operator of one machine whose second release serves; every test leaves it so that the next works."""
    return serving_twice(engage("vm1"))


@pytest.fixture
def steady(alone: VmOperator) -> Iterator[VmOperator]:
    """Return the same, and demand afterwards that nothing is left open and nothing else runs."""
    yield alone
    assert alone.unsettled() == ""
    alone.wait_alone()
