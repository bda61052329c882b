"""Given two real engines, when an image goes from one to the other, its layers do that are missing, and it is whole."""

import io
import os
import secrets
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import docker as sdk
import pytest

from decodeat_ops.adapters.docker_engine import DockerEngine
from decodeat_ops.core.errors import Configuration, Lost, StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.core.remote import Answer
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.settings.schema import Loaded, Settings
from decodeat_ops.targets.vm import images as step
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.scripts import images
from tests.lab import engine as engines
from tests.lab.engine import Engine
from tests.servers.registry import USER, Registry, registry
from tests.support.local_remote import LocalRemote
from tests.support.vm_locked import locked

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.share(2, part=1)]

BASE, BASE_BYTES, LOCK_BYTES, CODE_BYTES = "lab/vm-base:1", 8_000_000, 3_000_000, 300_000
MOST = 1.1  # bytes that are sent after a change, to those of the layers that it changed
NAME = "localhost/decodeat-ops/demo:1"


class Counting(LocalRemote):
    """A machine that counts what it is sent, and whose connection breaks off after so many pieces of it."""

    sent = 0
    breaks_after = 0

    def send(self, script: str, content: Iterable[bytes], *, timeout: float = 600.0) -> Answer:
        broken = self.breaks_after
        answer = super().send(script, self._counted(content), timeout=timeout)
        if broken:
            raise Lost("The connection broke off.", state="")
        return answer

    def _counted(self, content: Iterable[bytes]) -> Iterator[bytes]:
        for number, piece in enumerate(content, 1):
            self.sent += len(piece)
            yield piece
            if number == self.breaks_after:
                return


@dataclass
class Pair:
    """The operator's engine, and that of a machine."""

    home: Path
    here: Engine
    there: Engine
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.machine = Counting("vm1", variables=self.there.environment)
        self.remembered: dict[Any, Any] = {}

    @property
    def place(self) -> Place:
        client = sdk.APIClient(base_url=self.here.environment["DOCKER_HOST"], version="auto")
        engine = DockerEngine(client, lambda name: None)
        nothing: Any = None
        loaded = Loaded(
            settings=Settings.model_validate(self.settings), env="", files=(), directory=self.home, origins={}
        )
        names = Names("demo", PurePosixPath(self.home) / "demo")
        hosts = {"vm1": self.machine}
        return Place(loaded, names, hosts, *(nothing,) * 2, lambda: engine, *(nothing,) * 2, remembered=self.remembered)

    def build(self, code: bytes) -> str:
        """Build an image of three layers and return its id."""
        context = self.home / "context"
        context.mkdir(exist_ok=True)
        (context / "code").write_bytes(code)
        (context / "Dockerfile").write_text(f'FROM {BASE}\nCOPY lock /lock\nCOPY code /code\nCMD ["/code"]\n')
        if not (context / "lock").exists():
            (context / "lock").write_bytes(secrets.token_bytes(LOCK_BYTES))
        self.here.ok("build", "--quiet", "--tag", NAME, str(context))
        return self.here.ok("image", "inspect", "--format", "{{.Id}}", NAME)

    def params(self, image: str = "") -> Params:
        return {"image": image, "reference": "" if image else NAME, "hosts": ["vm1"], "there": []}

    def bring(self, image: str = "") -> Results:
        before = self.machine.sent
        done = step.ACTIONS["bring-image"](self.place, Context(), self.params(image)) or {}
        assert done["bytes"] == self.machine.sent - before
        return done

    def forget(self, done: Results) -> Results:
        context = Context(results={step.IMAGE: done})
        return step.ACTIONS["forget-image"](self.place, context, self.params()) or {}

    def code(self, image: str) -> bytes:
        """Return what the image has at the machine as /code; all of its layers are read for it."""
        container = self.there.ok("create", image)
        try:
            whole = self.there.run("export", container).stdout
        finally:
            self.there.ok("rm", container)
        with tarfile.open(fileobj=io.BytesIO(whole)) as files:
            assert files.getmember("lock").size == LOCK_BYTES and files.getmember("base").size == BASE_BYTES
            found = files.extractfile("code")
            assert found is not None
            return found.read()

    def has(self, name: str) -> bool:
        return self.there.run("image", "inspect", name).returncode == 0


def base() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("base")
        member.size = BASE_BYTES
        archive.addfile(member, io.BytesIO(secrets.token_bytes(BASE_BYTES)))
    return out.getvalue()


@pytest.fixture(scope="module")
def machine() -> Iterator[Engine]:
    with engines.running() as started:
        yield started


@pytest.fixture
def pair(docker: Engine, machine: Engine, tmp_path: Path) -> Iterator[Pair]:
    docker.ok("import", "-", BASE, given=base())
    made = Pair(tmp_path, docker, machine)
    with locked(made.place, [tmp_path / "demo"]):
        yield made
    made.machine.close()
    docker.run("image", "rm", "--force", NAME, BASE)


def test_only_the_layers_that_are_missing_travel(pair: Pair, record_property: Any) -> None:
    code = secrets.token_bytes(CODE_BYTES)
    first = pair.build(code)
    done = pair.bring()
    assert done["image"] == first and pair.code(first) == code
    assert done["bytes"] <= MOST * (BASE_BYTES + LOCK_BYTES + CODE_BYTES)
    assert pair.has(images.mark(pair.place.names, first))
    second = pair.build(code + b"one line more\n")
    changed = pair.bring()
    assert changed["image"] == second != first and pair.code(second).endswith(b"one line more\n")
    record_property("share", changed["bytes"] / CODE_BYTES)
    assert CODE_BYTES < changed["bytes"] <= MOST * CODE_BYTES
    assert pair.bring(second) == {"image": second, "brought": [], "bytes": 0}
    assert pair.there.ok("image", "prune", "--force").endswith("0B"), "none of them is without a name"
    assert pair.forget(changed) == {} and not pair.has(second) and pair.code(first) == code


def test_a_transfer_that_breaks_off_leaves_nothing_and_is_begun_anew(pair: Pair) -> None:
    image = pair.build(secrets.token_bytes(CODE_BYTES))
    pair.machine.breaks_after = 20
    with pytest.raises(StepFailed, match=r"broke off\. Its engine has not taken the image"):
        step.ACTIONS["bring-image"](pair.place, Context(), pair.params())
    assert not pair.has(image)
    pair.machine.breaks_after = 0
    assert pair.bring()["image"] == image


def test_an_image_that_a_container_uses_stays(pair: Pair) -> None:
    done = pair.bring(pair.build(secrets.token_bytes(CODE_BYTES)))
    container = pair.there.ok("create", done["image"])
    assert "vm1" in pair.forget(done)["warnings"][0] and pair.has(images.mark(pair.place.names, done["image"]))
    pair.there.ok("rm", container)
    assert pair.forget(done) == {} and not pair.has(done["image"])


@pytest.fixture
def store() -> Iterator[Registry]:
    with registry() as running:
        yield running


def test_a_machine_pulls_with_a_login_that_it_forgets(pair: Pair, store: Registry) -> None:
    pair.build(secrets.token_bytes(CODE_BYTES))
    repository = f"{store.address}/demo"
    pair.here.ok("login", "--username", USER, "--password-stdin", store.address, given=store.password.encode())
    pair.here.ok("tag", NAME, f"{repository}:1")
    pair.here.ok("push", f"{repository}:1")
    image = f"{repository}@{store.digest('demo', '1')}"
    (pair.home / "password").touch(0o600)
    pair.settings["image"] = {"repository": repository, "user": USER, "password": f"file:{pair.home / 'password'}"}
    (pair.home / "password").write_text("wrong")
    with pytest.raises(Configuration, match=f"{store.address} refuses the login of {USER} from vm1"):
        pair.bring(image)
    (pair.home / "password").write_text(store.password)
    done = pair.bring(image)
    assert done == {"image": image, "brought": ["vm1"], "bytes": 0} and pair.has(image)
    assert pair.there.ok("image", "prune", "--force").endswith("0B")
    assert not [name for name in os.listdir("/run") if "login-demo" in name]  # noqa: PTH208
    assert not Path(pair.there.environment["DOCKER_CONFIG"], "config.json").exists()
    store.kill()
    assert pair.bring(image)["brought"] == [], "what is there needs no registry"
    assert pair.forget(done) == {} and not pair.has(image)
    with pytest.raises(StepFailed, match="vm1 could not log in"):
        pair.bring(image)
