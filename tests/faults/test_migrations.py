"""A deploy that migrates the data, killed, made to fail and met by a full disk: data and code always fit each other."""

import os
from collections.abc import Iterator

import pytest

from decodeat_ops.deployment.schema import Code, revision_of
from decodeat_ops.engine.journal import unfinished
from tests.faults.plans import MIGRATING
from tests.faults.test_matrix import (
    FAULTS,
    active_database,
    assert_archives_whole,
    assert_clean,
    break_at,
    leave_no_filler,
    rows,
    settle,
    small_disk,
    write_rows,
)
from tests.support.deployments import Deployment, Prober, deployment, make_source
from tests.support.migrations import add_revision

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(os.geteuid() != 0, reason="a full disk is made with a small tmpfs, which needs root"),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("world")
    with (
        small_disk(directory / "disk", 500) as disk,
        deployment(directory, state=disk / "state", keep=3, ready=60.0) as made,
    ):
        made.deploy()
        write_rows(made, 50)
        yield made


def grow(made: Deployment, fault: str = "") -> str:
    """One step more in the source, on top of those that earlier cases brought: what it brings can't be reversed."""
    known = len(Code(made.source / "decodeat", "").knows)
    source = make_source(made.source, fault)
    for number in range(3, known + 2):
        revision = f"{number:04}"
        add_revision(
            source / "decodeat",
            revision,
            upgrade=f'op.add_column("analysis_results", sa.Column("later_{revision}", sa.Text))',
            downgrade=f'op.drop_column("analysis_results", "later_{revision}")',
            reversible=False,
        )
    return f"{known + 1:04}"


def assert_they_fit(made: Deployment) -> str:
    release = made.store.active()
    assert release is not None
    at = revision_of(active_database(made))
    assert at == max(Code.of(release, made.layout).knows)
    return at


@pytest.mark.share
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", MIGRATING)
def test_broken_in_a_step(world: Deployment, step: str, fault: str) -> None:
    grow(world)
    kept = rows(world)
    with Prober(world) as prober:
        code, told = break_at(world, "deploy", step, fault)
        leave_no_filler(world)
        settle(world, code, by="deploy" if MIGRATING.index(step) % 2 else "resume")
    assert not prober.failures, prober.failures[:5]
    assert rows(world) == kept
    assert_they_fit(world)
    assert_clean(world, told)
    assert_archives_whole(world)


@pytest.mark.share
@pytest.mark.parametrize("fault", FAULTS)
def test_broken_while_it_is_taken_back(world: Deployment, fault: str) -> None:
    """The release is refused once its data is migrated, and then the way back is broken too."""
    served, kept, at = world.serving(), rows(world), assert_they_fit(world)
    grow(world, "answers-500")
    with Prober(world) as prober:
        code, told = break_at(world, "deploy", "undo:migrate", fault)
        leave_no_filler(world)
        if unfinished(world.layout.journals) is not None:
            assert code in {-9, 6}
            assert world.run("resume", "--yes").status == 5, "it had failed, and is undone now"
    assert not prober.failures, prober.failures[:5]
    assert (world.serving(), rows(world), assert_they_fit(world)) == (served, kept, at)
    assert_clean(world, told)


def test_and_then_it_goes_through(world: Deployment) -> None:
    head = grow(world)
    world.deploy()
    assert assert_they_fit(world) == head
