"""Test that what the README and the commands claim about checklists and records is true."""

import hashlib
import json

from decodeat_ops.application import checks
from decodeat_ops.checks import lists
from decodeat_ops.checks.record import BEFORE_THE_FIRST, Identity, Record, verify
from decodeat_ops.checks.registry import checks_of
from decodeat_ops.core.check import Status
from tests.support.deployments import REPOSITORY
from tests.unit.checks.stage import Stage, serving


def test_the_readme_counts_the_items_that_are_answered(stage: Stage) -> None:
    """Count an item as skipped when all of its checks are skipped for a deployment that serves."""
    items = [item for checklist in lists.CHECKLISTS.values() for item in checklist.items]
    asked = {"certificate.valid", "monitoring.targets", "logs.sink", "alerts.reach"}
    with serving(stage) as (_, subject):
        known = checks_of(subject.view)
        skipped = {name for name in asked if known[name].probe(subject).status is Status.SKIP}
    unanswered = [item.id for item in items if skipped.issuperset(item.checks)]
    assert len(unanswered) == 4
    claim = " ".join((REPOSITORY / "README.md").read_text()[:900].split())
    assert f"{len(items) - len(unanswered)} of the guide's {len(items)} checklist items are answered" in claim
    assert "four ask for what one machine does not have" in claim


def test_a_rewritten_record_is_not_called_proven(stage: Stage) -> None:
    """Compute a rewritten file's hashes again, as its owner can: `verify` says that it can't detect this."""
    record = Record.begin(stage.layout.records, Identity("pre-deploy", "r", "c", "s", "h", "t"))
    record.append("finding", finding={"status": "FAIL"})
    noted = record.head
    lines, head = [], BEFORE_THE_FIRST
    for line in record.path.read_text().splitlines():
        entry = json.loads(line) | {"prev": head}
        if entry["record"] == "finding":
            entry["finding"]["status"] = "PASS"
        lines.append(json.dumps(entry, ensure_ascii=False, sort_keys=True))
        head = hashlib.sha256(lines[-1].encode()).hexdigest()
    record.path.write_text("\n".join(lines) + "\n")
    assert verify(record.path).problem == "", "the chain has no key"
    assert verify(record.path).head != noted, "a head that was noted elsewhere tells"
    outcome = checks.verify(stage.loaded, record.path.name)
    assert outcome.data["signed"] is False
    shown = f"{outcome.summary} {outcome.blocks}"
    assert "not signed" in shown
    assert "accident" in shown


def test_nothing_claims_more_for_records() -> None:
    words = ("tamper-proof", "tamper proof", "not changed after the fact", "can't be changed", "cannot be changed")
    for path in (
        REPOSITORY / "README.md",
        *(REPOSITORY / "docs").rglob("*.md"),
        *(REPOSITORY / "decodeat_ops").rglob("*.py"),
    ):
        text = path.read_text().lower()
        assert not [word for word in words if word in text], path
    assert "detects accidents" in (REPOSITORY / "README.md").read_text()
