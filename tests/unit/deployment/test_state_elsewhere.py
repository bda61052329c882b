"""The operator's machine keeps lock, journals and records of a deployment elsewhere, beside a local one's state."""

from pathlib import Path

import pytest

from decodeat_ops.core.plan import Plan
from decodeat_ops.deployment import identity, inputs
from decodeat_ops.deployment.ledger import StateLedger
from decodeat_ops.deployment.places import layout_of
from decodeat_ops.settings.load import load
from tests.support.aws import SETTINGS, loaded_from


def test_it_has_a_place_of_its_own_beside_the_local_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "user"))
    elsewhere = loaded_from(tmp_path / "ecs")
    assert layout_of(elsewhere).root == tmp_path / "ecs" / "state" / "demo-production-ecs"
    here = loaded_from(tmp_path / "local", 'name = "demo"\n')
    assert layout_of(here).root == tmp_path / "local" / "state" / "demo-production"
    (tmp_path / "decodeat-ops.toml").write_text(SETTINGS)
    plain = load(tmp_path / "decodeat-ops.toml", environ={})
    assert layout_of(plain).root == tmp_path / "user" / "decodeat-ops" / "demo-production-ecs"


def test_local_state_of_an_earlier_version_is_not_taken_for_it(tmp_path: Path) -> None:
    loaded = loaded_from(tmp_path)
    (tmp_path / "state" / "releases").mkdir(parents=True, mode=0o700)
    assert layout_of(loaded).root == tmp_path / "state" / "demo-production-ecs"


def test_it_holds_no_more_than_it_needs_and_goes_with_a_removal(tmp_path: Path) -> None:
    loaded = loaded_from(tmp_path)
    layout = layout_of(loaded)
    ledger = StateLedger(layout, loaded)
    grain = inputs.salt(layout)
    ledger.prepare()
    assert sorted(path.name for path in layout.root.iterdir()) == ["format.json", "journal", "records"]
    assert inputs.salt(layout) == grain
    with ledger.held("deploy"):
        ledger.begin(Plan("deploy", loaded.deployment, "r1", ())).end("done")
    (layout.records / "one.json").write_text("{}")
    ledger.discard()
    assert not layout.root.exists()


def test_a_removal_keeps_the_journal_of_what_is_still_open(tmp_path: Path) -> None:
    loaded = loaded_from(tmp_path)
    ledger = StateLedger(layout_of(loaded), loaded)
    ledger.prepare()
    ledger.begin(Plan("deploy", loaded.deployment, "r1", ())).close()
    ledger.discard()
    assert ledger.unfinished()
    identity.check(ledger.layout, loaded)
