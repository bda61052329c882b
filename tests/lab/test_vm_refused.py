"""Given a release that can't serve, when it is deployed to a machine, the one before goes on and the reason is told."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.containers import known_label
from tests.lab.vm_operator import Operator
from tests.servers.registry import Registry
from tests.support.deployments import make_source
from tests.support.migrations import add_revision
from tests.unit.decodeat.web import Web

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3000), pytest.mark.share(3, part=0)]


@pytest.fixture
def kept(steady: Operator) -> Iterator[Operator]:
    """Return an operator whose settings are afterwards what they were, and demand that what served still does."""
    release, releases, running = steady.serving(), steady.releases(), steady.first.running()
    source, variables = steady.source, dict(steady.variables)
    yield steady
    steady.source, steady.variables, steady.vm, steady.checks, steady.registry = source, variables, {}, {}, None
    steady.write()
    assert steady.serving() == release and steady.releases() == releases
    assert steady.first.running() == running, "nothing was started anew, and nothing else runs"
    assert steady.ok("deploy", "--yes")["changed"] == 0


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("crash", "this release crashes at boot on purpose"),
        ("never-ready", "answers 503"),
        ("wrong-id", "20000101T000000Z-0000000"),
    ],
)
def test_a_bad_release_is_told_and_never_reaches_a_client(
    kept: Operator, tmp_path: Path, fault: str, said: str
) -> None:
    kept.source = make_source(tmp_path / "bad", fault)
    kept.vm["ready_timeout"] = 45
    kept.write()
    error = kept.refused(5, "deploy", "--yes")
    assert said in json.dumps(error) and "undone" in error["state"], error


def test_one_that_reads_labels_wrongly_never_reaches_a_client(kept: Operator, tmp_path: Path, pictures: Web) -> None:
    kept.source = make_source(tmp_path / "bad", "answers-500")
    kept.checks["label_url"] = known_label(pictures)
    kept.configure(IMAGE_ALLOWED_ORIGINS=pictures.origin)
    error = kept.refused(4, "deploy", "--yes")
    assert "answered 500" in error["what"] and "undone" in error["state"], error


@pytest.mark.parametrize(("more", "step"), [({}, "The migration"), ({"DATABASE_URL": "none"}, "release")])
def test_one_that_takes_too_much_memory_is_told_so(kept: Operator, more: dict[str, str], step: str) -> None:
    kept.vm["memory"] = "40m"
    kept.configure(**more, MAX_REQUESTS=999)
    error = kept.refused(5, "deploy", "--yes")
    assert step in error["what"] and "memory" in error["what"] and "vm.memory" in error["hint"], error


def test_a_migration_that_fails_leaves_the_schema_and_what_serves(kept: Operator, tmp_path: Path) -> None:
    kept.source = make_source(tmp_path / "bad")
    add_revision(kept.source / "decodeat", upgrade='raise RuntimeError("this migration fails on purpose")')
    kept.write()
    error = kept.refused(5, "deploy", "--yes")
    assert "RuntimeError" in error["what"] and "the database is as it was" in error["what"], error


def test_a_wrong_password_of_a_registry_is_told_before_the_build(kept: Operator, images: Registry) -> None:
    kept.registry = images
    right = images.password
    images.password = "wrong"
    try:
        kept.change_something()
        error = kept.refused(3, "deploy", "--yes")
    finally:
        images.password = right
    assert "image.password" in json.dumps(error), error


def test_files_that_nginx_refuses_change_nothing(kept: Operator) -> None:
    """A certificate that somebody broke by hand is what nginx reads with any of its files."""
    live = f"{kept.root}/certificates/live/fullchain.pem"
    kept.first.ok(f"cp {live} {live}.good && echo broken >{live}")
    kept.vm["docs_public"] = True
    kept.write()
    try:
        error = kept.refused(5, "deploy", "--yes")
    finally:
        kept.first.ok(f"mv {live}.good {live}")
    assert "nginx refuses its new files" in error["what"], error
    assert kept.first.ok(f"readlink {kept.root}/edge/current")
