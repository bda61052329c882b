"""Test that settings, secrets, state, environments and archives that another user could write are refused."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from decodeat_ops.application.targets import open_desk
from decodeat_ops.core.errors import Configuration
from decodeat_ops.deployment.places import backups_of, layout_of
from decodeat_ops.settings import trust
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.settings.secrets import resolve
from tests.support.umask import careless_umask

__all__ = ["careless_umask"]
STRANGER = 65534
SETTINGS = """
[local]
state_dir = "state"
environments_dir = "environments"
[service.secrets]
API_KEYS = "env:SOME_KEY"
JWT_SECRET = "file:jwt"
[backup]
directory = "archives"
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="giving a file to another user needs root")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "decodeat-ops.toml").write_text(SETTINGS)
    for name, text in (("decodeat-ops.env", "SOME_KEY=abcdefgh\n"), ("jwt", "ijklmnop\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    for name in ("environments", "archives", "state/decodeat-production"):
        trust.private_directory(tmp_path / name)
    return tmp_path


def loaded(home: Path) -> Loaded:
    return load(start=home, environ={})


def opened(home: Path) -> None:
    """Open everything that a command opens before it does anything."""
    found = loaded(home)
    open_desk(found, secrets=resolve(found, environ={}))


def refused(home: Path, place: Path) -> Configuration:
    with pytest.raises(Configuration) as caught:
        opened(home)
    assert str(place) in caught.value.advice.what + " ".join(caught.value.advice.lines)
    return caught.value


EVERYTHING = (
    "decodeat-ops.toml",
    "decodeat-ops.env",
    "jwt",
    "environments",
    "archives",
    "state",
    "state/decodeat-production",
)


def test_what_is_ours_is_opened(home: Path) -> None:
    opened(home)


@needs_root
@pytest.mark.parametrize("name", EVERYTHING)
def test_what_another_user_owns_is_refused_with_the_mend(home: Path, name: str) -> None:
    os.chown(home / name, STRANGER, STRANGER)
    assert "chown" in str(refused(home, home / name).advice)


@pytest.mark.parametrize("mode", [0o002, 0o020])
@pytest.mark.parametrize("name", EVERYTHING)
def test_what_others_may_write_is_refused_with_the_mend(home: Path, name: str, mode: int) -> None:
    if mode == 0o020 and os.geteuid() == 0:
        os.chown(home / name, 0, 12345)  # a group without a name
    (home / name).chmod((home / name).stat().st_mode | mode)
    assert "chmod" in str(refused(home, home / name).advice)


def test_a_directory_above_that_others_may_write_is_refused_unless_it_is_sticky(home: Path) -> None:
    above = home / "above"
    above.mkdir()
    (above / "below").mkdir()
    for path in list(home.iterdir()):
        if path != above:
            path.rename(above / "below" / path.name)
    above.chmod(0o777)
    assert "chmod go-w" in refused(above / "below", above).advice.hint
    above.chmod(0o1777)
    opened(above / "below")


@needs_root
def test_settings_planted_in_a_directory_above_are_refused(tmp_path: Path) -> None:
    top = Path(tempfile.mkdtemp(prefix="decodeat-planted-"))
    try:
        top.chmod(0o1777)
        (top / "decodeat-ops.toml").write_text('[service]\nsource = "."\n')
        os.chown(top / "decodeat-ops.toml", STRANGER, STRANGER)
        (top / "work").mkdir(mode=0o700)
        with pytest.raises(Configuration) as caught:
            load(start=top / "work", environ={})
        assert str(top / "decodeat-ops.toml") in caught.value.advice.what
    finally:
        shutil.rmtree(top)


@needs_root
def test_a_strangers_link_to_a_file_of_ours_is_refused(home: Path) -> None:
    (home / "decodeat-ops.toml").rename(home / "mine.toml")
    (home / "decodeat-ops.toml").symlink_to("mine.toml")
    opened(home)
    os.lchown(home / "decodeat-ops.toml", STRANGER, STRANGER)
    refused(home, home / "decodeat-ops.toml")


@needs_root
@pytest.mark.parametrize("name", ["decodeat-ops.env", "jwt", "environments", "archives", "state"])
def test_a_strangers_link_in_the_place_of_what_is_ours_is_refused(home: Path, name: str) -> None:
    (home / name).rename(home / "elsewhere")
    (home / name).symlink_to("elsewhere")
    opened(home)
    os.lchown(home / name, STRANGER, STRANGER)
    refused(home, home / name)


@needs_root
def test_an_overlay_counts_as_settings(home: Path) -> None:
    (home / "decodeat-ops.production.toml").write_text("[local]\nport = 8001\n")
    os.chown(home / "decodeat-ops.production.toml", STRANGER, STRANGER)
    refused(home, home / "decodeat-ops.production.toml")


@needs_root
def test_what_root_owns_is_trusted_by_anybody(home: Path) -> None:
    code = (
        "from pathlib import Path; from decodeat_ops.settings import trust; import os, sys; os.setuid(65534); "
        "print(trust.flaw(Path('/etc/passwd')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"


def test_status_and_backup_list_ask_the_same_door(home: Path) -> None:
    (home / "archives").chmod(0o777)
    with pytest.raises(Configuration):
        backups_of(loaded(home))
    (home / "state" / "decodeat-production").chmod(0o777)
    with pytest.raises(Configuration):
        layout_of(loaded(home))


@pytest.mark.usefixtures("careless_umask")
def test_a_private_directory_is_private_on_every_level_that_it_makes(tmp_path: Path) -> None:
    trust.private_directory(tmp_path / "a" / "b" / "c")
    for name in ("a", "a/b", "a/b/c"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o700
    tmp_path.joinpath("a").chmod(0o755)
    trust.private_directory(tmp_path / "a" / "b" / "c")
    assert tmp_path.joinpath("a").stat().st_mode & 0o777 == 0o755, "what was there is the operator's"


@pytest.mark.usefixtures("careless_umask")
def test_no_command_makes_a_directory_that_others_may_write(tmp_path: Path) -> None:
    """Check the directories that a checklist makes: the state with all its parts, records included."""
    (tmp_path / "decodeat-ops.toml").write_text('[local]\nstate_dir = "deep/down/state"\n')
    (tmp_path / "decodeat-ops.toml").chmod(0o600)
    argv = (sys.executable, "-m", "decodeat_ops", "checklist", "pre-deploy", "--non-interactive", "--json")
    subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False)
    made = [path for path in (tmp_path / "deep").rglob("*") if path.is_dir()]
    assert len(made) > 5
    assert [path for path in (tmp_path / "deep", *made) if path.stat().st_mode & 0o077] == []


def test_what_a_command_writes_is_private_whatever_the_umask(tmp_path: Path) -> None:
    """Check this also with an umask that would remove all of the operator's own rights."""
    (tmp_path / "decodeat-ops.toml").write_text('[local]\nstate_dir = "state"\n')
    (tmp_path / "decodeat-ops.toml").chmod(0o600)
    argv = (sys.executable, "-m", "decodeat_ops", "checklist", "pre-deploy", "--non-interactive", "--json")
    for umask in (0o000, 0o777):
        subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False, umask=umask)
        made = list((tmp_path / "state").rglob("*"))
        assert len(made) > 5
        assert {path.stat().st_mode & 0o777 for path in made if path.is_file()} == {0o600}
        assert {path.stat().st_mode & 0o777 for path in made if path.is_dir()} == {0o700}
        shutil.rmtree(tmp_path / "state")
