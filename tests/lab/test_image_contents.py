"""What the image is made of: the locked dependencies, the service's own code, a reader, and no secret in any layer."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.lab import bases, layers
from tests.lab.conftest import HIDDEN, REVISION, VERSION, Checkout, tracked
from tests.lab.engine import Engine
from tests.lab.layers import CONFIGURATION, Contents, Layer
from tests.unit.decodeat.web import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.share(2, part=0)]

LARGEST = 500  # megabytes above the base; the hundred that the build takes out of googleapiclient would not fit
BUILDERS = pytest.mark.parametrize("buildkit", [False, True], ids=["classic", "buildkit"])


OURS = ("system packages", "dependencies", "code")  # the layers above the base


@pytest.fixture(scope="module")
def ways(python_base: str) -> list[str]:
    """What tells how this machine reaches Debian's packages and Python's."""
    return ["[global]", *(str(urlsplit(address).hostname) for address in bases.mirrors())]


@pytest.fixture(scope="module")
def contents(docker: Engine, image: str, checkout: Checkout, ways: list[str], proof: bool) -> Contents:
    return layers.read(docker, image, [*checkout.markers.values(), *ways], pack=proof)


@pytest.fixture(scope="module")
def base(docker: Engine, python_base: str) -> int:
    """How many layers the base has."""
    return len(json.loads(docker.ok("inspect", python_base))[0]["RootFS"]["Layers"])


def inside(docker: Engine, image: str, *argv: str) -> str:
    """Run a program in a container of its own; what it wrote."""
    return docker.ok("run", "--rm", "--read-only", "--network", "none", image, *argv)


def test_the_dockerfile_is_clean() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run((linter, ROOT / "Dockerfile"), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@BUILDERS
def test_only_what_the_image_is_made_of_reaches_the_engine(
    docker: Engine, python_base: str, checkout: Checkout, buildkit: bool
) -> None:
    seen = checkout.build(docker, "lab/context", buildkit, dockerfile=f"FROM {python_base}\nCOPY . /context\n")
    files = inside(docker, seen, "find", "/context", "-type", "f", "-printf", "%P\n").splitlines()
    code = [name for name in tracked("decodeat") if name.endswith(".py")]
    assert sorted(files) == sorted([*code, "decodeat/requirements.txt", *HIDDEN])


def test_the_code_is_all_there_and_nothing_beside_it(docker: Engine, image: str) -> None:
    """A new kind of file in the package has to be let in by .dockerignore and the Dockerfile, or left out here."""
    left_out = {"decodeat/py.typed", "decodeat/requirements.in", "decodeat/requirements.txt"}
    find = ("find", "/opt/decodeat/code", "-type", "f", "-not", "-name", "*.pyc", "-printf", "%P\n")
    assert sorted(inside(docker, image, *find).splitlines()) == sorted(set(tracked("decodeat")) - left_out)


def test_every_module_can_be_imported_by_anybody(docker: Engine, image: str) -> None:
    """In the checkout they were readable for their owner alone. (Alembic runs its `env.py`, which is no module.)"""
    files = [name for name in tracked("decodeat") if name.endswith(".py") and not name.endswith("migrations/env.py")]
    modules = [name.removesuffix(".py").replace("/", ".") for name in files]
    lines = "\n".join(f"import {name.removesuffix('.__init__')}" for name in modules)
    docker.ok("run", "--rm", "--read-only", "--user", "31337:0", image, "python", "-c", lines)


def test_the_environment_is_what_the_lock_says(docker: Engine, image: str) -> None:
    """Neither more, such as a pip or setuptools that nobody needs, nor less."""
    script = "import importlib.metadata as m, platform; print(platform.python_version()); "
    script += "print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
    python, *there = inside(docker, image, "python", "-c", script).split()
    lock = (ROOT / "decodeat" / "requirements.txt").read_text().splitlines()
    locked = [Requirement(line.rstrip("\\ ")) for line in lock if re.match("[a-z]", line)]
    here = [one for one in locked if one.marker is None or one.marker.evaluate({"python_full_version": python})]
    assert sorted(map(_pinned, map(Requirement, there))) == sorted(map(_pinned, here))
    check = ("python3", "-m", "pip", "--python", "/opt/decodeat/bin/python", "check")
    assert "No broken requirements" in docker.ok("run", "--rm", "--env", "PATH=/usr/local/bin:/usr/bin", image, *check)


def _pinned(one: Requirement) -> str:
    return f"{canonicalize_name(one.name)}{one.specifier}"


def test_google_s_libraries_work_without_what_was_taken_out(docker: Engine, image: str) -> None:
    script = """
import pathlib, googleapiclient, google.generativeai as gemini
from google.cloud import vision
assert not (pathlib.Path(googleapiclient.__file__).parent / "discovery_cache" / "documents").exists()
vision.AnnotateImageRequest(image=vision.Image(content=b"1"))
gemini.configure(api_key="none", transport="rest", client_options={"api_endpoint": "http://127.0.0.1:9"})
try:
    gemini.GenerativeModel("gemini-2.5-flash").generate_content("hello", request_options={"timeout": 1, "retry": None})
except OSError as error:
    print(type(error).__name__)
"""
    assert inside(docker, image, "python", "-c", script) == "ConnectionError"


def test_what_runs_and_what_is_said_about_it(docker: Engine, image: str) -> None:
    settings = json.loads(docker.ok("inspect", image))[0]["Config"]
    assert [*settings["Entrypoint"], *settings["Cmd"]] == ["tini", "--", "python", "-m", "decodeat"]
    assert settings["Healthcheck"]["Test"] == ["CMD", "python", "-m", "decodeat.healthcheck"]
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in settings["Labels"].items()}
    assert (labels["title"], labels["version"], labels["revision"]) == ("decodeat", VERSION, REVISION)
    assert settings["User"] == "10001:10001", "a number, so that a platform sees that it isn't root"
    assert inside(docker, image, "python", "-c", "import os; print(os.getuid(), os.getgid())") == "10001 10001"
    assert inside(docker, image, "sh", "-c", "command -v curl || echo none") == "none"


def test_nothing_of_the_image_can_be_changed_by_the_service(docker: Engine, image: str) -> None:
    """Even where nobody asked for a read-only root."""
    writable = "find /opt /usr /etc -writable -not -type l 2>/dev/null || true"
    assert docker.ok("run", "--rm", "--network", "none", image, "sh", "-c", writable) == ""


def test_no_secret_is_in_any_layer(contents: Contents, checkout: Checkout, base: int) -> None:
    assert len(contents.layers) == base + len(OURS)
    assert contents.found(list(checkout.markers.values())) == []


@pytest.mark.proof
def test_no_secret_is_in_what_the_newer_builder_makes(
    docker: Engine, python_base: str, checkout: Checkout, base: int
) -> None:
    markers = list(checkout.markers.values())
    contents = layers.read(docker, checkout.build(docker, "decodeat:buildkit", True), markers)
    assert len(contents.layers) == base + len(OURS)
    assert contents.found(markers) == []


def test_how_this_machine_reaches_its_archives_stays_in_the_base(
    contents: Contents, ways: list[str], base: int
) -> None:
    assert {"etc/apt/sources.list", "etc/pip.conf"} <= set(contents.found(ways))
    assert contents.found(ways, above=base) == []


def test_the_search_finds_what_is_there(docker: Engine, python_base: str, checkout: Checkout) -> None:
    """A secret that was removed again, one at the end of a large file, one in the history, one that is only a name."""
    secret, argument = checkout.markers["decodeat/secret"], checkout.markers["argument"]
    lines = f"""
FROM {python_base}
COPY decodeat/secret /srv/removed
RUN head -c 10000000 /dev/zero >/srv/large && cat /srv/removed >>/srv/large && rm /srv/removed
ARG KEY
RUN test -n "$KEY" && touch /srv/$KEY
"""
    leaky = checkout.build(docker, "lab/leaky", False, "--build-arg", f"KEY={argument}", dockerfile=lines)
    contents = layers.read(docker, leaky, [secret, argument])
    assert contents.found([secret]) == ["srv/removed", "srv/large"]
    assert contents.found([argument]) == [CONFIGURATION, f"srv/{argument}"]


@pytest.mark.proof
def test_size(contents: Contents, base: int, record_property: Callable[[str, object], None]) -> None:
    whole, ours = contents.layers, contents.layers[base:]
    parts = {"in all": whole, "base": whole[:base]} | {name: [one] for name, one in zip(OURS, ours, strict=True)}
    told = [f"{name} {_megabytes(some, 'size'):.1f} ({_megabytes(some, 'packed'):.1f})" for name, some in parts.items()]
    record_property("measured", f"image, MB (compressed): {', '.join(told)}")
    assert _megabytes(ours, "size") < LARGEST


def _megabytes(some: Iterable[Layer], what: str) -> float:
    return float(sum(getattr(one, what) for one in some)) / 1e6
