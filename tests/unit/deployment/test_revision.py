"""Test that the recorded revision is the code's own: git is asked only where it tracks the package's files."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from decodeat_ops.deployment import source


def git(directory: Path, *words: str) -> str:
    # Without the caller's own git: a hook that runs the tests sets GIT_DIR.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ("git", *who, "-C", str(directory), *words), env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def package_in(directory: Path) -> Path:
    package = directory / "decodeat"
    (package / "api").mkdir(parents=True)
    for name in ("__init__.py", "api/__init__.py", "requirements.txt"):
        (package / name).write_text(f"# {name}\n")
    return package


def repository(directory: Path, *, track: bool = True) -> Path:
    """Make a package in a repository that tracks it, or that tracks only other files."""
    package = package_in(directory)
    git(directory, "init", "-q")
    (directory / "other.txt").write_text("something\n")
    git(directory, "add", "other.txt", *(("decodeat",) if track else ()))
    git(directory, "commit", "-q", "-m", "one")
    return package


def test_a_checkout_of_the_code_is_believed(tmp_path: Path) -> None:
    package = repository(tmp_path)
    head = git(tmp_path, "rev-parse", "--short=12", "HEAD")
    assert source.revision(package) == head
    (package / "__init__.py").write_text("# changed\n")
    assert source.revision(package) == f"{head}-dirty"


@pytest.mark.parametrize("ignored", [False, True])
def test_a_repository_above_that_does_not_track_the_code_is_not(tmp_path: Path, ignored: bool) -> None:
    """Install the tool below a home directory that is kept in git."""
    package = repository(tmp_path, track=False)
    if ignored:
        (tmp_path / ".gitignore").write_text("/decodeat/\n")
    assert source.revision(package) == ""


def test_one_file_that_git_does_not_know_is_a_difference(tmp_path: Path) -> None:
    package = repository(tmp_path)
    head = source.revision(package)
    (package / "api" / "new.py").write_text("x = 1\n")
    assert source.revision(package) == f"{head}-dirty"


def test_a_difference_elsewhere_in_the_repository_is_none(tmp_path: Path) -> None:
    package = repository(tmp_path)
    head = source.revision(package)
    (tmp_path / "other.txt").write_text("changed\n")
    assert source.revision(package) == head


def test_an_ignored_file_that_would_be_deployed_is_a_difference(tmp_path: Path) -> None:
    package = repository(tmp_path)
    head = source.revision(package)
    (tmp_path / ".gitignore").write_text("*.key\n")
    (package / "some.key").write_text("x")
    assert source.revision(package) == f"{head}-dirty"


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"])
def test_the_callers_git_variables_lead_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    package = repository(tmp_path / "ours")
    honest = source.revision(package)
    repository(tmp_path / "theirs")
    place = (
        tmp_path
        / "theirs"
        / {"GIT_INDEX_FILE": ".git/index", "GIT_OBJECT_DIRECTORY": ".git/objects"}.get(variable, ".git")
    )
    monkeypatch.setenv(variable, str(place if variable != "GIT_WORK_TREE" else tmp_path / "theirs"))
    assert source.revision(package) == honest
    outside = package_in(tmp_path / "outside")
    assert source.revision(outside) == ""


def test_a_copy_without_git_has_none(tmp_path: Path) -> None:
    package = repository(tmp_path / "ours")
    shutil.copytree(package, tmp_path / "copy" / "decodeat")
    assert source.revision(tmp_path / "copy" / "decodeat") == ""
