"""Given a release that can't serve, when it is deployed to a machine, the one before goes on and the reason is told."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.containers import known_label
from tests.lab.vm_operator import Operator
from tests.lab.vm_watching import watched
from tests.servers.registry import Registry
from tests.support.deployments import make_source
from tests.support.migrations import add_revision
from tests.unit.decodeat.web import Web

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3000), pytest.mark.share(4, part=2)]

ANOTHER = "20000101T000000Z-0000000"  # which one with the fault "wrong-id" says to be


@pytest.fixture
def kept(steady: Operator) -> Iterator[Operator]:
    """Return an operator whose settings are afterwards what they were, and demand that what served still does."""
    release, releases, running = steady.serving(), steady.releases(), steady.first.running()
    source, variables, vm = steady.source, dict(steady.variables), dict(steady.vm)
    yield steady
    steady.source, steady.variables, steady.vm, steady.checks, steady.registry = source, variables, vm, {}, None
    steady.write()
    assert steady.serving() == release and steady.releases() == releases
    assert steady.first.running() == running, "nothing was started anew, and nothing else runs"
    assert steady.ok("lock", "status")["data"]["locked"] is False
    assert steady.ok("deploy", "--yes")["changed"] == 0


@pytest.fixture
def unseen(kept: Operator) -> Iterator[Operator]:
    """Return the same, and demand that clients got an answer of what served all the while, and of nothing else."""
    release = kept.serving()
    with watched(kept.first) as seen:
        yield kept
    assert set(seen) == {release}


@pytest.mark.parametrize(
    ("fault", "said"), [("crash", "this release crashes at boot on purpose"), ("never-ready", "answers 503")]
)
def test_one_that_does_not_come_up_is_told_and_never_reaches_a_client(
    unseen: Operator, tmp_path: Path, fault: str, said: str
) -> None:
    unseen.source = make_source(tmp_path / "bad", fault)
    unseen.vm["ready_timeout"] = 45
    unseen.write()
    error = unseen.refused(5, "deploy", "--yes")
    assert said in json.dumps(error) and "undone" in error["state"], error


@pytest.mark.parametrize(("fault", "said"), [("never-green", "answers 503"), ("wrong-id", ANOTHER)])
def test_one_that_is_not_well_by_nginx_is_told_and_clients_are_led_back(
    kept: Operator, tmp_path: Path, fault: str, said: str
) -> None:
    release = kept.serving()
    kept.source = make_source(tmp_path / "bad", fault)
    kept.write()
    with watched(kept.first) as seen:
        error = kept.refused(5, "deploy", "--yes")
        assert kept.serving() == release
    assert said in json.dumps(error) and "undone" in error["state"], error
    assert set(seen) <= {release, "", ANOTHER}


def test_one_that_reads_labels_wrongly_never_reaches_a_client(unseen: Operator, tmp_path: Path, pictures: Web) -> None:
    unseen.source = make_source(tmp_path / "bad", "answers-500")
    unseen.checks["label_url"] = known_label(pictures)
    unseen.configure(IMAGE_ALLOWED_ORIGINS=pictures.origin)
    error = unseen.refused(4, "deploy", "--yes")
    assert "answered 500" in error["what"] and "undone" in error["state"], error


@pytest.mark.parametrize(
    ("memory", "more", "step"),
    [
        ("24m", {}, "The migration"),
        ("40m", {"DATABASE_URL": "none"}, "release"),  # its workers one after the other; its first process fits in
    ],
    ids=["migration", "workers"],
)
def test_one_that_takes_too_much_memory_is_told_so(
    unseen: Operator, memory: str, more: dict[str, str], step: str
) -> None:
    unseen.vm["memory"] = memory
    unseen.configure(**more, MAX_REQUESTS=999)
    error = unseen.refused(5, "deploy", "--yes")
    assert step in error["what"] and "memory" in error["what"] and "vm.memory" in error["hint"], error


def test_a_migration_that_fails_leaves_the_schema_and_what_serves(unseen: Operator, tmp_path: Path) -> None:
    unseen.source = make_source(tmp_path / "bad")
    add_revision(unseen.source / "decodeat", upgrade='raise RuntimeError("this migration fails on purpose")')
    unseen.write()
    error = unseen.refused(5, "deploy", "--yes")
    assert "RuntimeError" in error["what"] and "the database is as it was" in error["what"], error


def test_a_wrong_password_of_a_registry_is_told_before_the_build(unseen: Operator, images: Registry) -> None:
    unseen.registry = images
    right, images.password = images.password, "pass-of-somebody-else"
    try:
        unseen.change_something()
        error = unseen.refused(3, "deploy", "--yes")
    finally:
        images.password = right
    assert "image.password" in json.dumps(error), error


def test_files_that_nginx_refuses_change_nothing(unseen: Operator) -> None:
    """A certificate that somebody broke by hand is what nginx reads with any of its files."""
    live, current = f"{unseen.root}/certificates/live/fullchain.pem", f"readlink {unseen.root}/edge/current"
    before = unseen.first.ok(current)
    unseen.first.ok(f"cp -p {live} {live}.good && echo broken >{live}")
    unseen.vm["docs_public"] = not unseen.vm.get("docs_public", False)
    unseen.write()
    try:
        error = unseen.refused(5, "deploy", "--yes")
    finally:
        unseen.first.ok(f"mv {live}.good {live}")
    assert "nginx refuses its new files" in error["what"], error
    assert any("emerg" in line for line in error["lines"]), error
    assert unseen.first.ok(current) == before
