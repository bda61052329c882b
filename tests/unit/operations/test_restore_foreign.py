"""Test that another deployment's archive is refused unless named, and never hides what is deployed here."""

from dataclasses import replace
from pathlib import Path

import pytest

from decodeat_ops import archive
from decodeat_ops.application import backups
from decodeat_ops.application.workflow import Change
from decodeat_ops.archive import Member
from decodeat_ops.core.errors import Locked, Usage
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.deployment import inputs
from decodeat_ops.deployment.places import layout_of
from decodeat_ops.engine.journal import Journal, unfinished
from decodeat_ops.settings.load import load
from tests.unit.archive.forge import BLANK

TOML = "settings/decodeat-ops.toml"


def brought(directory: Path, text: str, deployment: str) -> Path:
    """Make an archive with these settings."""
    source = directory / "archived.toml"
    source.write_text(text)
    path = directory / f"{BLANK.snapshot}.tar.zst"
    blank = replace(BLANK, deployment=deployment, settings={TOML: "decodeat-ops.toml"})
    archive.write(path, blank, [Member(TOML, source)])
    return path


def restore(home: Path, path: Path, origin: str = "") -> None:
    loaded = load(home / "decodeat-ops.toml", environ={})
    backups.restore(loaded, Change(), "latest", ("settings",), path, origin=origin)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "states"))
    made = tmp_path / "home"
    made.mkdir()
    (made / "decodeat-ops.toml").write_text('name = "tested"\n')
    return made


def test_the_archive_of_another_deployment_is_refused_unless_it_is_named(home: Path, tmp_path: Path) -> None:
    path = brought(tmp_path, 'name = "tested"\n# theirs\n', "other-production")
    for origin in ("", "others-production"):
        with pytest.raises(Usage, match="is of other-production, and this is tested-production") as caught:
            restore(home, path, origin)
        assert "--from other-production" in caught.value.advice.hint
    assert not (tmp_path / "states").exists()
    restore(home, path, "other-production")
    assert "# theirs" in (home / "decodeat-ops.toml").read_text()


@pytest.mark.parametrize("text", ['name = "other"\n', 'name = "tested"\n[local]\nstate_dir = "moved"\n'])
def test_settings_that_would_put_what_is_deployed_out_of_sight(home: Path, tmp_path: Path, text: str) -> None:
    path = brought(tmp_path, text, "tested-production")
    with pytest.raises(Usage, match="with its state in") as caught:
        restore(home, path)
    assert "directory of their own" in caught.value.advice.hint
    assert (home / "decodeat-ops.toml").read_text() == 'name = "tested"\n'
    assert not (tmp_path / "states").exists()


@pytest.mark.parametrize(
    ("verb", "said"), [("deploy", "Put its settings back"), ("restore", "the archive it began with")]
)
def test_on_a_machine_without_settings_nothing_else_is_gone_on_with(
    home: Path, tmp_path: Path, verb: str, said: str
) -> None:
    """What was interrupted there may be another change, or the restore of another archive: it was not asked for."""
    (home / "decodeat-ops.toml").unlink()
    path = brought(tmp_path, 'name = "tested"\n', "tested-production")
    loaded, held = backups.settings_for_restore(home / "decodeat-ops.toml", None, path)
    assert held is not None
    layout = layout_of(loaded)
    inputs.prepare(layout)
    step = Step("unpack", "Unpack", Action("restore-unpack", {"manifest": "another's"}))
    Journal.begin(layout.journals, Plan(verb, "tested-production", "r1", (step,))).close()
    with pytest.raises(Locked, match=f"An interrupted {verb} of r1") as caught:
        backups.restore(loaded, Change(), "latest", ("settings",), path, held=held)
    assert said in caught.value.advice.hint
    assert not (home / "decodeat-ops.toml").exists()
    assert unfinished(layout.journals) is not None
