"""Test what a plan does without: a damaged file of secrets, and code that does not answer."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.ports import Completed
from decodeat_ops.deployment import files
from decodeat_ops.deployment.configured import of_release
from decodeat_ops.deployment.source import find
from decodeat_ops.supervisor.unit import Unit
from decodeat_ops.targets.local.service_variables import Judged, judge
from tests.unit.checks.stage import NEW, Stage


def test_secrets_that_can_t_be_read_are_unknown(stage: Stage) -> None:
    """A plan only shows which of them differ: it must not fail because of those that are replaced."""
    stage.release(NEW)
    files.write(stage.layout.unit(NEW), Unit(argv=("true",), host="127.0.0.1", port=1).dumps())
    for content, known in (("KEY=value\n", True), ("no variable\n", False)):
        files.write(stage.layout.secrets(NEW), content)
        found = of_release(stage.layout, NEW, "salt")
        assert found.plain
        assert (found.secrets is not None) is known


class Silent:
    """A host on which no program ends in time."""

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str = "",
        timeout: float = 60.0,
    ) -> Completed:
        raise Unreachable(f"{argv[0]} gave no answer within {timeout:g} s.")


def test_code_that_does_not_answer_in_time_finds_nothing_wrong(stage: Stage) -> None:
    """The gate of the deploy asks again, and says so."""
    assert judge(Silent(), find(stage.loaded), stage.loaded, {}) == Judged()
