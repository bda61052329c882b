"""Test that the service's Python environment is built alike in every shell, imported before use, and mended."""

import base64
import hashlib
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from decodeat_ops.checks.registry import checks_of
from decodeat_ops.core.check import Finding, Status
from decodeat_ops.core.errors import StepFailed
from decodeat_ops.deployment import environments, inputs, source
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.local.environment_actions import environment
from tests.unit.checks.stage import Stage

IMPOSTOR = "import sys; sys.exit('a module of the working directory was run')\n"


def wheel(directory: Path, code: str, library: str = "") -> str:
    """Make a package `tiny` as an index would serve it, with a damaged `library`. Return its line of a lock."""
    members = {
        "tiny/__init__.py": code,
        "tiny/shared.so": library,
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for name, text in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        lines.append(f"{name},sha256={digest},{len(text.encode())}\n")
    members["tiny-1.0.dist-info/RECORD"] = "".join(lines) + "tiny-1.0.dist-info/RECORD,,\n"
    path = directory / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name), text)  # without a time, so that the hash is always the same
    return f"tiny==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


class World:
    """Hold a service that depends on `tiny`, and the shell in which its environment is built."""

    def __init__(self, directory: Path, code: str = "import json\nVALUE = 7\n", library: str = "") -> None:
        self.index = directory / "index"
        self.index.mkdir(parents=True)
        (directory / "home").mkdir()
        self.stage = Stage(directory / "home")
        self.lock = directory / "home" / "source" / "decodeat" / source.LOCK_NAME
        self.lock.write_text(wheel(self.index, code, library))
        self.digest = source.lock_digest(self.lock)
        self.place = inputs.environment_path(self.stage.machine.environments, self.digest)

    def build(self) -> bool:
        done = environment(self.stage.machine, Context(), {"lock": self.digest, "lock_file": str(self.lock)})
        assert done is not None
        return bool(done["built"])

    def checked(self) -> Finding:
        subject = self.stage.subject()
        return checks_of(subject.view)["machine.environment"].probe(subject)

    def value(self) -> str:
        argv = (str(self.place / "bin" / "python"), "-I", "-c", "import tiny; print(tiny.VALUE, tiny.__file__)")
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    @property
    def installed(self) -> Path:
        return next(self.place.rglob("tiny/__init__.py"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Build it in a shell with variables that serve other purposes."""
    world = World(tmp_path_factory.mktemp("built"))
    shell = tmp_path_factory.mktemp("shell")
    for name in ("venv", "pip", "json"):
        (shell / f"{name}.py").write_text(IMPOSTOR)
    (shell / "pip.conf").write_text(
        f"[install]\nuser = true\ntarget = {shell}/conf\n[global]\nfind-links = {world.index}\nno-index = true\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shell)
        for name, value in {
            "PIP_TARGET": str(shell / "target"),
            "PIP_PREFIX": str(shell / "prefix"),
            "PIP_DRY_RUN": "1",
            "PIP_REQUIRE_VIRTUALENV": "1",
            "PIP_CONFIG_FILE": str(shell / "pip.conf"),
            "PYTHONPATH": str(shell),
            "PYTHONHOME": str(shell),
            "PYTHONUSERBASE": str(shell / "user"),
            "LC_ALL": "ko_KR.EUC-KR",
        }.items():
            patch.setenv(name, value)
        for name in ("PIP_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
            patch.delenv(name, raising=False)
        assert world.build()
    assert sorted(path.name for path in shell.iterdir()) == ["json.py", "pip.conf", "pip.py", "venv.py"]
    return world


@pytest.fixture
def world(built: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Copy the environment, to be damaged; its own paths are only in scripts that no test here runs."""
    monkeypatch.setenv("PIP_FIND_LINKS", str(built.index))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    copied = World(tmp_path)
    assert copied.digest == built.digest
    shutil.copytree(built.place, copied.place, symlinks=True)
    return copied


def test_what_a_shell_holds_changes_nothing_but_where_packages_come_from(built: World) -> None:
    assert built.value().startswith(f"7 {built.place}")


def test_a_whole_environment_is_used_as_it_is(world: World) -> None:
    before = world.installed.stat().st_mtime_ns
    assert not world.build()
    assert world.installed.stat().st_mtime_ns == before
    assert world.checked().status is Status.PASS


@pytest.mark.share(3)
@pytest.mark.parametrize("harm", ["emptied", "removed", "unregistered", "no python"])
def test_a_damaged_environment_is_found_by_the_doctor(world: World, harm: str) -> None:
    if harm == "emptied":
        world.installed.write_text("")
    elif harm == "removed":
        world.installed.unlink()
    elif harm == "unregistered":
        shutil.rmtree(next(world.place.rglob("tiny-1.0.dist-info")))
    else:
        (world.place / "bin" / "python").unlink()
    found = world.checked()
    assert (found.status, found.says) == (Status.FAIL, "machine.environment_damaged")


def test_a_damaged_environment_is_built_anew(world: World) -> None:
    world.installed.write_text("")
    assert world.build()
    assert world.value().startswith("7 ")
    assert world.checked().status is Status.PASS
    assert [p.name for p in world.place.parent.iterdir() if p.name != world.place.name] == [f".{world.place.name}.lock"]


@pytest.mark.share(3)
@pytest.mark.parametrize(
    ("code", "library", "says"),
    [
        ("import a_library_that_is_not_here\n", "", "tiny of tiny can't be imported: ModuleNotFoundError"),
        ("", "cut off behind PyInit_shared", "tiny.shared of tiny can't be imported: ImportError"),
    ],
)
def test_what_cannot_be_imported_is_never_called_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, library: str, says: str
) -> None:
    broken = World(tmp_path, code, library)
    monkeypatch.setenv("PIP_FIND_LINKS", str(broken.index))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(StepFailed) as caught:
        broken.build()
    assert says in caught.value.advice.what
    assert not broken.place.exists()


@pytest.mark.share(3)
def test_a_library_that_is_no_module_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, library="what other libraries use")
    monkeypatch.setenv("PIP_FIND_LINKS", str(world.index))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert world.build()


def test_an_earlier_versions_mark_is_empty_and_still_good(world: World) -> None:
    (world.place / environments.MARK).write_text("")
    assert not world.build()


@pytest.mark.share(3)
def test_of_pips_settings_the_way_to_the_index_stays_alone(built: World, tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://one.example/simple\ncert = /ca.pem\n[install]\nindex-url = https://two.example/\n"
        "no-binary = :all:\nextra-index-url =\n    https://a.example/\n    https://b.example/\n"
    )
    given = {
        "HOME": str(tmp_path),
        "PATH": os.defpath,
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PIP_PROXY": "http://proxy.example:3128",
        "PIP_USER": "1",
    }
    python = built.place / "bin" / "python"
    assert environments.pip_variables(built.stage.machine.host, python, given) == {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "https://two.example/",
        "PIP_EXTRA_INDEX_URL": "\nhttps://a.example/\nhttps://b.example/",
        "PIP_CERT": "/ca.pem",
        "PIP_PROXY": "http://proxy.example:3128",
    }


def test_variables_that_reach_the_network_stay_and_all_others_go() -> None:
    given = {"HTTPS_PROXY": "a", "no_proxy": "b", "SSL_CERT_FILE": "c", "PYTHONPATH": "d", "CFLAGS": "e", "LC_ALL": "f"}
    assert environments.variables(given) == {
        "HTTPS_PROXY": "a",
        "no_proxy": "b",
        "SSL_CERT_FILE": "c",
        "LANG": "C.UTF-8",
    }
