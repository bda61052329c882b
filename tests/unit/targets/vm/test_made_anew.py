"""Given a machine that was made anew in the middle of a change, what goes on there says so, and what to do."""

from pathlib import Path, PurePosixPath

import pytest

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.remote import Answer
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm.actions.running import Work
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts import colour, edge, frame, migrate, stage, switch
from tests.unit.targets.vm.test_moving_scripts import DOMAIN, NEW, OLD, an_errand, run, without_docker
from tests.unit.targets.vm.told import Told, place_of

GONE = "nothing of the release is there, as on a machine that was made anew or whose disk is away."


def scripts(names: Names) -> tuple[str, ...]:
    launch = colour.Launch(names, "blue", NEW, "sha256:1", "digest", "{}")
    return (
        stage.copy(names, OLD, NEW, "{}"),
        edge.edge(names, NEW, "0123456789ab", 0),
        migrate.run(an_errand(names), 0),
        colour.start(launch, 0),
        switch.admit(names, "blue", NEW, DOMAIN, 0),
        colour.retire(names, "blue", "green", "{}", NEW),
        switch.back(names, "blue", "green", OLD, DOMAIN, 0, admitted=NEW),
        switch.back(names, "", "green", OLD, DOMAIN, 0),
    )


def test_a_machine_without_the_release_is_told_from_one_that_lacks_a_part_of_it(tmp_path: Path) -> None:
    """It has what a command makes that takes the lock, and not even Docker."""
    names, bin_ = Names("demo", PurePosixPath(tmp_path / "demo")), without_docker(tmp_path)
    Path(names.root).mkdir()
    for script in scripts(names):
        assert run(script, bin_=bin_).returncode == frame.BARE
    Path(names.release(OLD)).mkdir(parents=True)
    Path(names.release(NEW)).mkdir()
    *lacking, retired = [run(script, bin_=bin_).returncode for script in scripts(names)[:6]]
    assert set(lacking) == {frame.MISSING} and retired == frame.SERVES


@pytest.mark.parametrize("machines", [1, 2])
def test_the_way_on_is_named(tmp_path: Path, machines: int) -> None:
    place = place_of(tmp_path, *(Told(name, "") for name in ("b", "a")[:machines]))
    errors = []
    for patient in (True, False):
        with pytest.raises(StepFailed) as caught:
            Work(place, Context(), place.hosts["b"], patient).well(Answer(frame.BARE, "", ""), "the way back to green")
        errors.append(caught.value.advice)
    forward, back = errors
    assert forward.what.startswith(f"b: the way back to green: {GONE}")
    if machines == 1:
        assert back.what == forward.what and forward.hint == ""
        return
    brings = "`decodeat-ops bootstrap`, `decodeat-ops deploy --host b` bring it to what the others serve."
    assert forward.hint == f"If it was made anew, {brings}"
    assert back.what == (
        f"{forward.what} If it was made anew, take it out of vm.hosts and run `decodeat-ops resume --undo`; then put "
        f"it back, and {brings}"
    )
