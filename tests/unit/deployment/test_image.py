"""What an image is made of: the same for the same code, and nothing of a checkout that does not belong in it."""

import io
import os
import tarfile
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops import rendering
from decodeat_ops.core.errors import Configuration, GateFailed
from decodeat_ops.core.image import Recipe
from decodeat_ops.deployment import image, source
from decodeat_ops.settings.schema import Loaded, Settings
from tests.unit.core.test_image import RECIPE
from tests.unit.decodeat.web import ROOT
from tests.unit.deployment.test_revision import git, package_in, repository


def loaded(home: Path, env: str = "production", **settings: Any) -> Loaded:
    given = {"service": {"source": str(home)}, "image": settings}
    return Loaded(settings=Settings.model_validate(given), env=env, files=(), directory=home, origins={})


def members(context: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(context)) as packed:
        return packed.getmembers()


def test_equal_code_is_an_equal_context(tmp_path: Path) -> None:
    one, other = package_in(tmp_path / "one"), package_in(tmp_path / "other")
    for path in (other, *other.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (1, 1))
    assert image.context(one) == image.context(other)
    (other / "api" / "__init__.py").write_text("# changed\n")
    assert image.context(one) != image.context(other)


def test_only_what_the_image_is_made_of_reaches_the_engine(tmp_path: Path) -> None:
    package = package_in(tmp_path)
    for name in (".env", "api/key.pem", "gcp.json", "py.typed", "requirements.in", "secret", "api/x.pyc"):
        (package / name).write_text("hunter2")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "a.py").write_text("hunter2")
    context = image.context(package)
    assert b"hunter2" not in context
    assert [member.name for member in members(context)] == [
        "Dockerfile", "decodeat", "decodeat/__init__.py", "decodeat/api", "decodeat/api/__init__.py",
        "decodeat/requirements.txt",
    ]  # fmt: skip
    assert {(member.uid, member.gid, member.uname, member.mtime) for member in members(context)} == {
        (0, 0, "", 315532800)
    }
    assert {member.mode for member in members(context)} == {0o644, 0o755}


def test_the_dockerfile_is_the_tools_own_in_a_checkout_and_in_a_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert image.dockerfile() == ROOT / "Dockerfile"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    installed = tmp_path / "site-packages" / included["Dockerfile"]
    installed.parent.mkdir(parents=True)
    monkeypatch.setattr(rendering, "directory", lambda: tmp_path / "site-packages" / included["templates"])
    with pytest.raises(Configuration, match="is not there"):
        image.dockerfile()
    installed.write_text("FROM scratch\n")
    assert image.dockerfile() == installed


def test_the_base_is_the_dockerfiles_own_or_the_settings(tmp_path: Path) -> None:
    package_in(tmp_path)
    default = image.read(loaded(tmp_path))
    assert f"ARG PYTHON_IMAGE={default.base}\n" in (ROOT / "Dockerfile").read_text()
    other = image.read(loaded(tmp_path, python_image="registry.example.com/python:3"))
    assert (other.base, other.tag == default.tag) == ("registry.example.com/python:3", False)


def test_the_version_is_the_codes_own_and_none_is_told(tmp_path: Path) -> None:
    package = package_in(tmp_path)
    assert image.read(loaded(tmp_path)).version == "unknown"
    (package / "__init__.py").write_text('"""x"""\n__version__ = "7.1"\n')
    made = image.read(loaded(tmp_path))
    assert (made.version, made.revision, made.dirty) == ("7.1", "", False)
    assert (made.code, made.lock) == (source.tree_digest(package), source.lock_digest(package / "requirements.txt"))


def test_a_dockerfile_that_was_changed_beside_the_code_is_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = repository(tmp_path)
    file = tmp_path / "Dockerfile"
    monkeypatch.setattr(image, "dockerfile", lambda: file)
    for text, commit, dirty in (("one", False, True), ("one", True, False), ("two", False, True)):
        file.write_text(f"FROM {text}\n")
        if commit:
            git(tmp_path, "add", "Dockerfile")
            git(tmp_path, "commit", "-q", "-m", "file")
        assert image.read(loaded(tmp_path)).dirty is dirty
    (package / "__init__.py").write_text("# changed\n")
    assert image.read(loaded(tmp_path)).revision.count("-dirty") == 1


def test_a_dockerfile_elsewhere_says_nothing_about_the_code(tmp_path: Path) -> None:
    """As in a wheel, or where the code is another checkout's."""
    package = repository(tmp_path)
    assert image.read(loaded(tmp_path)).revision == source.revision(package) != ""


DIRTY = replace(RECIPE, revision="0123456789ab-dirty")


@pytest.mark.parametrize(
    ("recipe", "env", "allowed", "settings", "refused"),
    [
        (DIRTY, "production", False, {}, True),
        (DIRTY, "production", True, {}, False),
        (DIRTY, "production", False, {"allow_dirty": True}, False),
        (DIRTY, "staging", False, {}, False),
        (RECIPE, "production", False, {}, False),
    ],
)
def test_changed_code_is_refused_for_production_unless_it_is_said(
    tmp_path: Path, recipe: Recipe, env: str, allowed: bool, settings: dict[str, bool], refused: bool
) -> None:
    def ask() -> None:
        image.require_clean(recipe, loaded(tmp_path, env, **settings), allowed=allowed)

    if not refused:
        return ask()
    with pytest.raises(GateFailed, match="0123456789ab-dirty") as caught:
        ask()
    hint = caught.value.advice.hint
    assert "image.allow_dirty in the settings" in hint
    assert "--allow-dirty for `decodeat-ops build` and `decodeat-ops push`" in hint, "a deploy takes no such option"


def test_without_a_repository_it_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(Configuration, match=r"image\.repository is not set") as caught:
        image.repository(loaded(tmp_path))
    assert "registry.example.com/decodeat" in caught.value.advice.hint
    assert image.repository(loaded(tmp_path, repository="r.example.com/a")) == "r.example.com/a"


@pytest.fixture
def password(tmp_path: Path) -> Callable[[str], None]:
    def write(text: str) -> None:
        path = tmp_path / "password"
        path.write_text(text)
        path.chmod(0o600)

    return write


def test_a_login_goes_to_its_registry_alone_and_is_read_each_time(
    tmp_path: Path, password: Callable[[str], None]
) -> None:
    given = {"repository": "r.example.com:5000/a", "user": "ops", "password": "file:password"}
    find = image.logins(loaded(tmp_path, **given))
    for text in ("correct-horse", "rotated-horse"):
        password(text)
        login = find("r.example.com:5000")
        assert login is not None and (login.user, login.password.reveal()) == ("ops", text)
        assert text not in repr(login)
    assert find("docker.io") is None and find("r.example.com") is None
    assert image.logins(loaded(tmp_path, repository="r.example.com/a"))("r.example.com") is None


def test_a_password_that_cannot_be_had_is_named_by_its_setting(tmp_path: Path, password: Callable[[str], None]) -> None:
    given = {"repository": "r.example.com/a", "user": "ops", "password": "file:password"}
    find = image.logins(loaded(tmp_path, **given))
    with pytest.raises(Configuration, match=r"image\.password \(file:password\)") as caught:
        find("r.example.com")
    assert caught.value.where == "image.password"
    password("your-password")
    with pytest.raises(Configuration, match="still a placeholder"):
        find("r.example.com")
