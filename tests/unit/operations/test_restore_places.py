"""Test that an archive's settings files may be written only in their deployment or where the operator says."""

from dataclasses import replace
from pathlib import Path

import pytest

from decodeat_ops import archive
from decodeat_ops.application.archived_settings import places, settings_for_restore
from decodeat_ops.archive import Member
from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.settings.schema import Loaded
from tests.unit.archive.forge import BLANK

NAME = "settings/secret-X"


def loaded(home: Path, text: str = "") -> Loaded:
    from decodeat_ops.settings.load import load

    home.mkdir(exist_ok=True)
    (home / "decodeat-ops.toml").write_text(text)
    return load(home / "decodeat-ops.toml", environ={})


@pytest.mark.parametrize("belongs", ["../outside", "a/../../outside", "/ABSOLUTE/outside", "~/outside"])
def test_a_place_outside_is_refused_unless_the_operator_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, belongs: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    belongs = belongs.replace("/ABSOLUTE", str(tmp_path))
    manifest = replace(BLANK, settings={NAME: belongs})
    here = loaded(tmp_path / "home")
    for beside in ((), (tmp_path / "outsid",), (tmp_path / "home",)):
        with pytest.raises(Usage, match="would write outside") as caught:
            places(manifest, here, beside, new=False)
        assert f"--outside {tmp_path / 'outside'}" in caught.value.advice.hint
    for named in (tmp_path / "outside", tmp_path):
        assert places(manifest, here, (named,), new=False) == {NAME: str(tmp_path / "outside")}


def test_what_todays_settings_name_is_part_of_the_deployment(tmp_path: Path) -> None:
    key = tmp_path / "keys" / "api"
    manifest = replace(BLANK, settings={NAME: str(key)})
    text = f'[service.secrets]\nX = "file:{key}"\n'
    assert places(manifest, loaded(tmp_path / "home", text), (), new=False) == {NAME: str(key)}
    with pytest.raises(Usage, match="would write outside"):  # the archive alone names it, the operator does not
        places(manifest, loaded(tmp_path / "home", text), (), new=True)


@pytest.mark.parametrize(
    ("section", "key"), [("local", "state_dir"), ("local", "environments_dir"), ("backup", "directory")]
)
def test_directories_that_an_archives_settings_name(tmp_path: Path, section: str, key: str) -> None:
    place = tmp_path / "elsewhere"
    archived = loaded(tmp_path / "home", f'[{section}]\n{key} = "{place}"\n')
    with pytest.raises(Usage, match="would write outside"):
        places(BLANK, archived, (), new=True)
    assert places(BLANK, archived, (place,), new=True) == {}
    assert places(BLANK, archived, (), new=False) == {}  # the settings here are the operator's own
    inside = loaded(tmp_path / "home", f'[{section}]\n{key} = "below"\n')
    assert places(BLANK, inside, (), new=True) == {}


def test_reading_an_archives_settings_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.chdir(home)
    source = tmp_path / "archived.toml"
    source.write_text('name = "tested"\n')
    secret = tmp_path / "secret"
    secret.write_text("hidden\n")
    names = {"settings/decodeat-ops.toml": "decodeat-ops.toml", NAME: "keys/x"}
    path = tmp_path / f"{BLANK.snapshot}.tar.zst"
    archive.write(
        path, replace(BLANK, settings=names), [Member("settings/decodeat-ops.toml", source), Member(NAME, secret)]
    )
    found, held = settings_for_restore(None, None, path)
    assert (found.deployment, found.directory) == ("tested-production", home)
    assert found.files == (home / "decodeat-ops.toml",)
    assert held == {home / "decodeat-ops.toml": b'name = "tested"\n', home / "keys" / "x": b"hidden\n"}
    assert [*home.iterdir(), *temporary.iterdir()] == []


def test_a_flag_wins_over_the_settings_of_a_restore_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source, path = tmp_path / "archived.toml", tmp_path / f"{BLANK.snapshot}.tar.zst"
    source.write_text('name = "tested"\n')
    names = {"settings/decodeat-ops.toml": "decodeat-ops.toml"}
    archive.write(path, replace(BLANK, settings=names), [Member("settings/decodeat-ops.toml", source)])
    for here in (False, True):
        if here:
            (tmp_path / "decodeat-ops.toml").write_text('name = "tested"\n')
        found, held = settings_for_restore(None, None, path, {"name": "other"})
        assert (found.deployment, held is None) == ("other-production", here)


def test_settings_too_large_to_be_any(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"#" * (5 << 20))
    path = tmp_path / f"{BLANK.snapshot}.tar.zst"
    archive.write(path, BLANK, [Member("settings/decodeat-ops.toml", source)])
    with pytest.raises(Configuration, match="settings are of absurd size"):
        archive.settings(path)
