"""The section [image]: a registry is always named, a password never stands in it, and it concerns images alone."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.deployment import inputs, source
from decodeat_ops.settings import secrets
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded, Settings
from decodeat_ops.targets.local import configuration


def settings(home: Path, *lines: str, **variables: str) -> Loaded:
    (home / "decodeat-ops.toml").write_text("[image]\n" + "\n".join(lines) + "\n")
    return load(home / "decodeat-ops.toml", None, {}, environ=variables)


@pytest.mark.parametrize(
    "name",
    [
        "registry.example.com/decodeat",
        "127.0.0.1:5000/decodeat",
        "localhost/team/decodeat",
        "registry:5000/a_b/c--d.e",
        "docker.io/somebody/decodeat",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/decodeat",
        "europe-docker.pkg.dev/project/repository/decodeat",
    ],
)
def test_repositories(tmp_path: Path, name: str) -> None:
    assert settings(tmp_path, f'repository = "{name}"').settings.image.repository == name


@pytest.mark.parametrize(
    "name",
    [
        "decodeat",
        "somebody/decodeat",
        "https://registry.example.com/decodeat",
        "registry.example.com/decodeat:1",
        "registry.example.com/decodeat@sha256:00",
        "registry.example.com/Decodeat",
        "registry.example.com/",
        "registry.example.com//decodeat",
        "user:hunter2@registry.example.com/decodeat",
    ],
)
def test_what_is_no_repository_is_refused_and_not_repeated(tmp_path: Path, name: str) -> None:
    with pytest.raises(Configuration, match=r"image\.repository: must be a registry and a name") as caught:
        settings(tmp_path, f'repository = "{name}"')
    assert "hunter2" not in caught.value.advice.what


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('platform = "windows/amd64"', "image.platform: must match"),
        ('python_image = "Python 3"', "image.python_image: must be the name of an image"),
        ('build_network = "none"', "image.build_network: must be"),
        ('password = "hunter2"', "image.password: must be a reference such as env:REGISTRY_PASSWORD"),
        ('user = "ops"', "user and password belong together"),
        ('password = "env:X"', "user and password belong together"),
        ('allow_dirty = "yes"', "image.allow_dirty: must be true or false"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(Configuration) as caught:
        settings(tmp_path, line)
    assert says in caught.value.advice.what and "hunter2" not in caught.value.advice.what


@pytest.mark.parametrize(
    "base",
    ["python:3.11-slim-bookworm", f"python@sha256:{'ab' * 32}", f"r.example.com:5000/a/python:3@sha256:{'0' * 64}"],
)
def test_bases(tmp_path: Path, base: str) -> None:
    assert settings(tmp_path, f'python_image = "{base}"').settings.image.python_image == base


def test_variables_set_it(tmp_path: Path) -> None:
    given = {"DECODEAT_OPS_IMAGE__REPOSITORY": "r.example.com/a", "DECODEAT_OPS_IMAGE__ALLOW_DIRTY": "true"}
    image = settings(tmp_path, **given).settings.image
    assert (image.repository, image.allow_dirty) == ("r.example.com/a", True)


def test_its_password_is_resolved_alone(tmp_path: Path) -> None:
    """The service's own secrets need not be there to push an image."""
    (tmp_path / "decodeat-ops.env").touch(mode=0o600)
    (tmp_path / "decodeat-ops.env").write_text("REGISTRY_PASSWORD=correct-horse\n")
    lines = ('user = "ops"', 'password = "env:REGISTRY_PASSWORD"', "[service.secrets]", 'API_KEYS = "env:MISSING"')
    loaded = settings(tmp_path, *lines)
    found = secrets.one(loaded, "image.password", loaded.settings.image.password, environ={})
    assert found.reveal() == "correct-horse"
    with pytest.raises(Configuration, match="API_KEYS"):
        secrets.resolve(loaded, environ={})


GIVEN: dict[str, Any] = {
    "repository": "r.example.com/a", "platform": "linux/arm64", "user": "ops", "password": "env:X", "allow_dirty": True,
}  # fmt: skip


def test_it_changes_nothing_for_a_deployment_on_this_machine(tmp_path: Path) -> None:
    """Neither what is deployed nor what a journal that is open was planned from, nor a checklist's record."""
    package = tmp_path / "decodeat"
    package.mkdir()
    for name in ("__init__.py", source.LOCK_NAME):
        (package / name).write_text("# x\n")
    digests = set()
    for image in ({}, GIVEN):
        given = {"service": {"source": str(tmp_path)}, "image": image}
        loaded = Loaded(
            settings=Settings.model_validate(given), env="production", files=(), directory=tmp_path, origins={}
        )
        digests.add((inputs.inputs(loaded, "s"), configuration.fingerprint(source.read(loaded), loaded)))
        digests.add((loaded.settings.of_target(), ""))
    assert len(digests) == 2


BEFORE = "23352706f29050adc59ea00c8f2bd41292c41f8079222350de2e141de224d1e7"


def test_the_digest_of_settings_is_that_of_versions_without_the_section() -> None:
    """What was left open by such a version can be resumed."""
    before = ["name", "target", "local", "service", "backup", "checks", "logs"]
    text = Settings().of_target()
    assert list(json.loads(text)) == before
    assert hashlib.sha256(text.encode()).hexdigest() == BEFORE
