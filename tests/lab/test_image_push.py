"""Given the tool, an engine and a registry, when an image is pushed, refused or cut off, it ends right."""

import itertools
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from decodeat import __version__
from decodeat_ops.deployment import source
from tests.lab.engine import Engine
from tests.lab.shop import BASE, BASE_BYTES, Shop, shop, small_base, small_shop
from tests.servers.registry import Registry, registry
from tests.servers.wire import Wire, wire
from tests.unit.deployment.test_revision import git

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.share(2, part=0)]

BUILDERS = pytest.mark.parametrize("buildkit", ["0", "1"], ids=["classic", "buildkit"])
MOST = 1.1  # bytes that are sent after a change, to those of the layers that it changed
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def store() -> Iterator[Registry]:
    with registry() as running:
        yield running


@pytest.fixture
def between(store: Registry) -> Iterator[Wire]:
    with wire(store.port) as made:
        yield made


@pytest.fixture(scope="module")
def tool(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    small_base(docker)
    return small_shop(tmp_path_factory.mktemp("small"), docker)


@pytest.fixture(scope="module")
def names() -> Iterator[str]:
    """Names of repositories that nothing was pushed to."""
    return (f"decodeat-{number}" for number in itertools.count(1))


@pytest.fixture
def small(tool: Shop, store: Registry, between: Wire, names: Iterator[str]) -> Iterator[Shop]:
    """The small tool with a repository of this test's own, reached over a wire."""
    tool.repository = next(names)
    tool.configure(f"{between.address}/{tool.repository}", store.password)
    yield tool
    shutil.rmtree(tool.home / "state", ignore_errors=True)


@BUILDERS
def test_it_arrives_once_and_says_what_it_is(small: Shop, store: Registry, buildkit: str) -> None:
    small.change_code()  # what the other builder made must not be there
    builder = {"DOCKER_BUILDKIT": buildkit}
    first = small.ok("push", env=builder)
    assert first["changed"] == 1
    image, digest = first["data"]["image"], first["data"]["digest"]
    tag = image.rpartition(":")[2]
    assert digest == store.digest(small.repository, tag) != ""
    assert first["data"]["reference"] == f"{image.rpartition(':')[0]}@{digest}"
    labels = store.configuration(small.repository, digest)["config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == __version__ and tag.startswith(f"{__version__}-")
    assert labels["org.opencontainers.image.revision"] == source.revision(small.package)
    assert labels["org.opencontainers.image.base.name"] == BASE
    assert labels["decodeat.code"] == source.tree_digest(small.package)
    assert labels["decodeat.lock"] == source.lock_digest(small.package / source.LOCK_NAME)
    before, builds = len(store.log.read_text()), small.built()
    again = small.ok("push", env=builder)
    assert (again["changed"], again["data"]["digest"]) == (0, digest)
    assert "0 changed" in again["summary"]
    assert store.changes(before) == []
    small.engine.ok("rmi", image)
    elsewhere = small.ok("push", env=builder)
    assert elsewhere["changed"] == 0 and small.built() == builds - {image}, "nothing is built either"
    assert store.changes(before) == []


@BUILDERS
def test_it_is_built_without_a_registry_and_then_sent(small: Shop, store: Registry, buildkit: str) -> None:
    builder = {"DOCKER_BUILDKIT": buildkit}
    built = small.ok("build", env=builder)
    assert built["changed"] == 1 and built["data"]["image"] in small.built()
    assert small.ok("build", env=builder)["changed"] == 0
    plan = small.ok("push", "--dry-run")["data"]["plan"]
    assert [step["id"] for step in plan["steps"]] == ["image-push"]
    pushed = small.ok("push", env=builder)
    assert pushed["data"]["image"] == built["data"]["image"] and pushed["changed"] == 1


@BUILDERS
def test_a_line_of_code_moves_its_layer_and_nothing_else(
    small: Shop, store: Registry, between: Wire, buildkit: str, record_property: Record
) -> None:
    told = _line_of_code(small, store, between, {"DOCKER_BUILDKIT": buildkit})
    record_property("measured", f"small image, one line of code: {told}")


def _line_of_code(made: Shop, store: Registry, between: Wire, builder: dict[str, str]) -> str:
    before = made.ok("push", env=builder)["data"]
    known = store.layers(made.repository, before["digest"])
    made.change_code()
    at = between.sent
    after = made.ok("push", env=builder)["data"]
    sent = between.sent - at
    layers = store.layers(made.repository, after["digest"])
    changed = sum(size for digest, size in layers.items() if digest not in known)
    assert changed and len(known.keys() - layers.keys()) == 1, (known, layers)
    assert sent <= MOST * changed, f"{sent} bytes for layers of {changed}"
    return f"{sent} bytes sent for a layer of {changed}, of {sum(layers.values())} in all"


def test_a_wrong_password_is_told_before_anything_is_built(small: Shop, store: Registry, between: Wire) -> None:
    wrong = "not-the-password-4711"
    small.configure(f"{between.address}/{small.repository}", wrong)
    before, builds = len(store.log.read_text()), small.built()
    told = small.run("push", "--yes", "--json")
    assert told.status == 3
    error = told.json["error"]
    assert (error["kind"], error["state"]) == ("configuration", "Nothing was changed.")
    assert f"{between.address} refuses this login" in error["what"] and "image.password" in error["hint"]
    shown = small.run("push", "--yes", "--debug")
    assert shown.status == 3
    assert wrong not in f"{told} {shown} {small.written()}"
    assert store.changes(before) == [] and small.built() == builds


def test_without_a_login_it_is_refused_too(small: Shop, between: Wire) -> None:
    small.configure(f"{between.address}/{small.repository}", "unused")
    text = (small.home / "decodeat-ops.toml").read_text()
    kept = [line for line in text.splitlines() if not line.startswith(("user", "password"))]
    (small.home / "decodeat-ops.toml").write_text("\n".join(kept) + "\n")
    ran = small.run("push", "--yes")
    assert (ran.status, "docker login" in ran.stderr) == (3, True), ran


def test_the_password_is_nowhere_but_where_it_belongs(small: Shop, store: Registry) -> None:
    ran = small.run("push", "--yes", "--debug")
    assert ran.status == 0
    assert store.password not in f"{ran} {small.written()} {(small.engine.directory / 'log').read_text()}"
    assert store.password not in small.engine.ok("info"), "the engine keeps no login"


def test_a_registry_that_takes_nothing(small: Shop, store: Registry) -> None:
    """The login may look and not write: the error comes in the stream, with status 200."""
    store.kill()
    store.start(readonly=True)
    try:
        ran = small.run("push", "--yes", "--json")
    finally:
        store.kill()
        store.start()
    assert ran.status == 5, ran
    error = ran.json["error"]
    assert "did not take the image" in error["what"] and "has nothing under the tag" in error["what"]
    assert "Everything was undone" in error["state"]
    assert not [name for name in small.built() if f"/{small.repository}:" in name], "the build was taken back"
    assert small.ok("push")["changed"] == 1


def _cut(small: Shop, between: Wire) -> str:
    """Let the registry die in the middle of a push, and return what was said."""
    between.cut_after(BASE_BYTES // 2)
    ran = small.run("push", "--yes", "--json")
    assert between.cut.is_set()
    assert ran.status == 8, ran
    error = ran.json["error"]
    assert error["kind"] == "unreachable" and "no answer came" in error["what"]
    assert "Whether it was done is unknown" in error["state"] and "decodeat-ops resume" in error["hint"]
    return str(error["what"])


def test_a_registry_that_dies_in_the_middle_and_comes_back(small: Shop, store: Registry, between: Wire) -> None:
    assert between.address in _cut(small, between)
    locked = small.run("push", "--yes")
    assert (locked.status, "An interrupted push" in locked.stderr) == (7, True), locked
    between.mend()
    (image,) = [name for name in small.built() if f"/{small.repository}:" in name]
    tag = image.rpartition(":")[2]
    assert store.digest(small.repository, tag) == "", "nothing is there that could be deployed"
    resumed = small.ok("resume")
    assert resumed["data"]["steps"]["image-push"]["digest"] == store.digest(small.repository, tag) != ""
    assert small.ok("push")["changed"] == 0


@pytest.mark.proof
def test_what_was_cut_off_can_be_taken_back(small: Shop, between: Wire) -> None:
    _cut(small, between)
    small.ok("resume", "--undo")
    assert not [name for name in small.built() if f"/{small.repository}:" in name]
    between.mend()
    assert small.ok("push")["changed"] == 1


def test_a_registry_that_is_back_soon_costs_nothing(small: Shop, store: Registry, between: Wire) -> None:
    """The engine tries each layer again by itself."""
    between.cut_after(BASE_BYTES // 2)

    def mend() -> None:
        between.cut.wait()
        between.mend()

    mending = threading.Thread(target=mend, daemon=True)
    mending.start()
    pushed = small.ok("push")
    assert not between.cut.is_set() and between.sent > BASE_BYTES
    assert pushed["data"]["digest"] == store.digest(small.repository, pushed["data"]["image"].rpartition(":")[2])


def test_an_engine_that_is_not_there(small: Shop) -> None:
    ran = small.run("push", "--yes", "--json", env={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    assert (ran.status, ran.json["error"]["kind"]) == (8, "unreachable")


def test_changed_code_is_refused_for_production(small: Shop, store: Registry) -> None:
    with (small.package / "__init__.py").open("a") as code:
        code.write("# not committed\n")
    try:
        ran = small.run("push", "--yes", "--json")
        assert ran.status == 4 and "-dirty" in ran.json["error"]["what"]
        pushed = small.ok("push", "--allow-dirty")
        labels = store.configuration(small.repository, pushed["data"]["digest"])["config"]["Labels"]
        assert labels["org.opencontainers.image.revision"].endswith("-dirty")
        assert pushed["data"]["image"].endswith("-dirty") and pushed["warnings"]
    finally:
        git(small.home / "source", "checkout", "-q", "decodeat")


@BUILDERS
def test_a_build_that_fails_says_why_and_leaves_nothing(small: Shop, buildkit: str) -> None:
    dockerfile = small.home / "tool" / "Dockerfile"
    text = dockerfile.read_text()
    dockerfile.write_text(text.replace("COPY decodeat/requirements.txt /", "COPY decodeat/nothing.txt /"))
    builds = small.built()
    try:
        ran = small.run("build", "--yes", "--json", env={"DOCKER_BUILDKIT": buildkit})
    finally:
        dockerfile.write_text(text)
    assert ran.status == 5, ran
    error = ran.json["error"]
    assert "The build failed" in error["what"] and "nothing.txt" in error["what"]
    assert error["lines"] and "COPY decodeat/nothing.txt" in "\n".join(error["lines"])
    assert small.built() == builds


@BUILDERS
def test_a_base_that_the_engine_lacks_is_brought_with_the_same_login(
    small: Shop, store: Registry, between: Wire, docker: Engine, buildkit: str
) -> None:
    base = f"{between.address}/base:{buildkit}"
    docker.ok("tag", BASE, base)
    small.configure(f"{between.address}/{small.repository}", store.password, f'python_image = "{base}"')
    config = small.home / "docker-config"
    config.mkdir(exist_ok=True)
    client, password = ("--config", str(config)), store.password.encode()
    docker.ok(*client, "login", "--username", "ops", "--password-stdin", between.address, given=password)
    docker.ok(*client, "push", "--quiet", base)
    docker.ok("rmi", base)
    shutil.rmtree(config)
    builder = {"DOCKER_BUILDKIT": buildkit}
    pushed = small.ok("push", env=builder)["data"]
    assert base in small.built()
    labels = store.configuration(small.repository, pushed["digest"])["config"]["Labels"]
    assert labels["org.opencontainers.image.base.name"] == base


def test_progress_is_told_for_a_person(small: Shop) -> None:
    ran = small.run("push", "--yes")
    assert ran.status == 0
    assert re.search(r"^ 1/2 Build the image for linux/amd64$", ran.stderr, re.MULTILINE), ran
    assert re.search(r"^ 2/2 Push it to 127\.0\.0\.1:\d+$", ran.stderr, re.MULTILINE), ran
    assert re.search(r"^      \w+ has arrived, .*; 3 of 3 layers are there$", ran.stderr, re.MULTILINE), ran
    assert "deploy it as" in ran.stdout


@pytest.mark.proof
def test_the_real_image(
    docker: Engine, python_base: str, store: Registry, between: Wire, tmp_path: Path, record_property: Record
) -> None:
    """The Dockerfile as it is, by the builder that is taken without a word: it runs, and one line moves one layer."""
    made = shop(tmp_path, docker)
    made.repository = "decodeat"
    made.configure(f"{between.address}/decodeat", store.password, 'build_network = "host"')
    record_property("measured", f"image, one line of code: {_line_of_code(made, store, between, {})}")
    image = made.ok("push")["data"]["image"]
    told = docker.ok("run", "--rm", "--network", "none", image, "python", "-m", "decodeat", "--check-env")
    assert told.endswith("The environment is right.")
