"""Test that a restore under load loses no answer that a client got: done, undone, or long after it."""

import errno
import http.client
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from decodeat_ops import archive
from decodeat_ops.application import backups, verbs
from decodeat_ops.application.settings import load
from decodeat_ops.application.targets import open_desk
from decodeat_ops.application.workflow import Change
from decodeat_ops.checks import label
from decodeat_ops.core import events
from decodeat_ops.core.errors import OpsError
from decodeat_ops.engine.journal import unfinished
from decodeat_ops.settings.schema import Loaded
from tests.support.deployments import Deployment, deployment
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.share(3)


class Clients:
    """Request analyses all the time, each with its own number; `answered` are those that were COMPLETED."""

    def __init__(self, made: Deployment, picture: str, first: int, *, early: bool = False) -> None:
        self._made, self._picture = made, picture
        self._early = early  # they may ask before and after anything serves
        self._numbers = iter(range(first, first + 1_000_000))
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(2)]
        self.answered: list[int] = []
        self.failures: list[str] = []

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        if not self._early:
            self.until(5)
        return self

    def __exit__(self, *error: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def until(self, more: int) -> None:
        """Wait until `more` further requests were answered."""
        enough = len(self.answered) + more
        wait_for(lambda: len(self.answered) >= enough or bool(self.failures))
        assert not self.failures, self.failures[:3]

    def _run(self) -> None:
        while not self._ending.is_set():
            number = next(self._numbers)
            try:
                body = ask(self._made, self._picture, number)
            except (OSError, http.client.HTTPException, ValueError) as error:
                if not self._early:
                    self.failures.append(f"{number}: {error!r}")
                self._ending.wait(0.05)
                continue
            if body["decodeStatus"] == "COMPLETED":
                self.answered.append(number)
            else:
                self.failures.append(f"{number}: {body}")
            self._ending.wait(0.05)


def ask(made: Deployment, picture: str, number: int) -> dict[str, Any]:
    with closing(http.client.HTTPConnection("127.0.0.1", made.port, timeout=PATIENCE)) as connection:
        body = json.dumps({"image_urls": [picture], "product_id": number})
        connection.request("POST", "/api/v1/analyze", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told: dict[str, Any] = json.loads(answer.read())
        assert answer.status == 200, told
        return told


def numbers(database: Path) -> set[int]:
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection:
        found = connection.execute("SELECT product_id FROM analysis_results WHERE decode_status = 'COMPLETED'")
        return {number for (number,) in found if number is not None}


def serving(made: Deployment) -> Path:
    release = made.store.active()
    assert release is not None
    return made.layout.database(release.data)


def archived(made: Deployment, snapshot: str, scratch: Path) -> set[int]:
    place = scratch / snapshot
    if not place.exists():
        archive.extract(made.layout.backups / f"{snapshot}.tar.zst", place)
    return numbers(place / "database" / "decodeat.sqlite3")


@pytest.fixture
def picture() -> Iterator[str]:
    parts, lot = urlsplit(f"http://127.0.0.1:{free_port()}/label.png"), label.new_lot()
    with label.served(parts, lot):
        yield label.address(parts, lot)


@pytest.fixture
def made(tmp_path: Path, source: Path, picture: str) -> Iterator[Deployment]:
    origin = picture.rpartition("/")[0]
    with deployment(tmp_path / "world", source=source, keep=2, ready=60.0) as made:
        made.configure(IMAGE_ALLOWED_ORIGINS=origin)
        yield made
        assert unfinished(made.layout.journals) is None


def fails_at_the_post_gate(made: Deployment, clients: Clients, verb: Callable[[Loaded, Change], object]) -> OpsError:
    """Run a change until clients got answers after its switch, then let it fail; returns its messages."""

    def watch(event: events.Event) -> None:
        if isinstance(event, events.StepFinished) and event.step.id == "gate-post" and not event.undoing:
            clients.until(3)
            raise OSError(errno.EIO, "broken on purpose")

    with pytest.raises(OpsError) as caught:
        verb(load(made.home / "decodeat-ops.toml", None, {}), Change(emit=watch))
    assert "broken on purpose" in caught.value.advice.what
    return caught.value


def test_a_restore_under_load_carries_over_what_was_answered_meanwhile(
    made: Deployment, picture: str, tmp_path: Path
) -> None:
    made.deploy()
    snapshot = made.ok("backup")["data"]["snapshot"]
    old = serving(made)
    with Clients(made, picture, 1) as clients:
        told = made.ok("restore", snapshot, "--yes")
        clients.until(5)
    assert not clients.failures, clients.failures[:3]
    assert serving(made) != old
    before = archived(made, told["data"]["before"], tmp_path)
    answered = set(clients.answered)
    wait_for(lambda: answered <= numbers(serving(made)) | before)
    carried = told["data"]["carried"]
    assert carried == len(numbers(old) - before) > 0
    assert any(f"{carried} result" in text and str(serving(made)) in text for text in told["warnings"])

    # Retention deletes the old generation only now, and no result with it.
    for _ in range(3):
        made.deploy_again()
    assert not old.exists()
    assert answered <= numbers(serving(made)) | before


def test_what_was_answered_after_the_switch_outlives_its_undo(made: Deployment, picture: str) -> None:
    made.deploy()
    with Clients(made, picture, 1):
        pass
    wait_for(lambda: len(numbers(serving(made))) >= 5)
    made.ok("backup")
    old = serving(made)
    with Clients(made, picture, 1000) as clients:
        error = fails_at_the_post_gate(made, clients, lambda loaded, change: backups.restore(loaded, change, "latest"))
        clients.until(5)
    assert not clients.failures, clients.failures[:3]
    assert serving(made) == old
    wait_for(lambda: set(clients.answered) <= numbers(old))
    assert f"carried over to {old}" in error.advice.state
    assert [p.name for p in made.layout.data.iterdir()] == [old.parent.name]


def test_a_first_deploy_undone_after_its_switch_keeps_what_it_answered(made: Deployment, picture: str) -> None:
    with Clients(made, picture, 1, early=True) as clients:
        error = fails_at_the_post_gate(made, clients, lambda loaded, change: verbs.deploy(open_desk(loaded), change))
    (left,) = made.layout.data.iterdir()
    database = made.layout.database(left.name)
    wait_for(lambda: set(clients.answered) <= numbers(database))
    assert not clients.failures, clients.failures[:3]
    assert str(database) in error.advice.state
    made.deploy()
    assert serving(made) == database


def test_a_generation_with_results_found_nowhere_else_is_never_pruned(made: Deployment, picture: str) -> None:
    made.deploy()
    snapshot = made.ok("backup")["data"]["snapshot"]
    old = serving(made)
    with Clients(made, picture, 1):
        pass
    wait_for(lambda: len(numbers(old)) >= 5)
    told = made.ok("restore", snapshot, "--yes")
    (made.layout.backups / f"{told['data']['before']}.tar.zst").unlink()
    for number in range(3):
        made.configure(MAX_REQUESTS=2000 + number)
        last = made.ok("deploy", "--yes")
    assert len(numbers(old)) >= 5
    assert any(str(old.parent) in text and "is kept" in text for text in last["warnings"])
