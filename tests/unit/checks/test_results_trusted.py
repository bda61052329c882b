"""A record of passed tests proves something only where nobody else could have written it."""

from decodeat_ops.core.check import Status
from tests.unit.checks.stage import Stage
from tests.unit.checks.test_before import _results, ask


def test_results_that_others_may_write_prove_nothing(stage: Stage) -> None:
    _results(stage)
    path = stage.home / "test-results.json"
    assert ask("tests.recorded", stage.subject()).status is Status.PASS
    path.chmod(0o666)
    found = ask("tests.recorded", stage.subject())
    assert (found.status, found.says) == (Status.FAIL, "tests.untrusted")
    assert "may be written by others" in found.evidence["problem"]
    assert found.evidence["mend"] == f"chmod go-w {path}"
