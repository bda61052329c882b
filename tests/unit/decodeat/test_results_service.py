"""The real service, with two workers under load, while its PostgreSQL is killed, frozen and started again."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers.postgres import PASSWORD, Postgres
from tests.support.waiting import PATIENCE, wait_for
from tests.unit.decodeat.stored import numbers, rows
from tests.unit.decodeat.web import Service, service, web

pytestmark = pytest.mark.share(3)

RECYCLED = 200  # answers of one worker
DOWN = "results wait until it is over"


class Clients:
    """Eight of them, each asking for the next number as soon as it was answered."""

    def __init__(self, running: Service, url: str) -> None:
        self._running, self._url = running, url
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.asked = 0
        self.answers: list[tuple[float, dict[str, Any]]] = []
        self.ready: Counter[int] = Counter()
        self._threads = [threading.Thread(target=self._ask) for _ in range(8)] + [threading.Thread(target=self._look)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def wait(self, more: int) -> None:
        """Until so many more were answered."""
        wanted = len(self.answers) + more
        wait_for(lambda: len(self.answers) >= wanted, 2 * PATIENCE, "the service doesn't answer")

    def _ask(self) -> None:
        with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
            while not self._ending.is_set():
                with self._lock:
                    number, self.asked = self.asked, self.asked + 1
                began = time.monotonic()
                body = {"image_urls": [self._url], "product_id": number}
                answer = client.post(f"{self._running.url}/api/v1/analyze", json=body)
                self.answers.append((time.monotonic() - began, answer.json()))
                time.sleep(0.02)

    def _look(self) -> None:
        with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
            while not self._ending.is_set():
                self.ready[client.get(f"{self._running.url}/ready").status_code] += 1
                time.sleep(0.2)


@pytest.mark.parametrize("trouble", [Postgres.crashed, Postgres.frozen])
def test_every_answer_is_right_and_every_result_stored_once(
    fragile: Postgres,
    trouble: Callable[[Postgres], AbstractContextManager[None]],
    label_png: bytes,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    database = fragile.database()
    # Workers have served so many in the midst of the outage; ending then would lose what waits.
    recycling: dict[str, Any] = {"MAX_REQUESTS": str(RECYCLED), "MAX_REQUESTS_JITTER": "0"}
    with (
        web() as host,
        service(tmp_path, IMAGE_ALLOWED_ORIGINS=host.origin, DATABASE_URL=database, **recycling) as running,
    ):
        url = host.serve("/label.png", label_png)
        with Clients(running, url) as clients:
            clients.wait(20)  # from here on the label is remembered, and answers come fast
            log = running.log

            with trouble(fragile):
                wait_for(lambda: DOWN in log.read_text(), otherwise="nobody noticed")
                clients.wait(3 * RECYCLED)
            clients.wait(20)
    # It has stopped by now, and stored what still waited.
    outcomes = Counter(json.dumps(answer, sort_keys=True) for _, answer in clients.answers)
    assert len(outcomes) == 1, "an outage of the database showed in an answer"
    assert json.loads(next(iter(outcomes)))["decodeStatus"] == "COMPLETED"
    assert clients.ready.keys() == {200}, "no instance leaves traffic for what all instances lack"
    assert numbers(database) == list(range(clients.asked))
    assert {row["engine"] for row in rows(database)} == {"tesseract+embedded"}
    text = log.read_text()
    assert DOWN in text and "the database can be written again" in text
    assert "recycles" not in text.partition("the database can be written again")[0]
    assert PASSWORD not in text and "are lost" not in text and "Traceback" not in text
    longest = max(seconds for seconds, _ in clients.answers)
    told = f"the service with its database {trouble.__name__}: {clients.asked} answers, all COMPLETED, all stored once"
    record_property("measured", f"{told}; the longest took {longest:.1f} s")


def test_an_end_in_an_outage_says_what_is_lost(fragile: Postgres, label_png: bytes, tmp_path: Path) -> None:
    database = fragile.database()
    with web() as host, service(tmp_path, IMAGE_ALLOWED_ORIGINS=host.origin, DATABASE_URL=database) as running:
        url = host.serve("/label.png", label_png)
        fragile.kill()
        try:
            body = {"image_urls": [url]}
            answer = httpx.post(f"{running.url}/api/v1/analyze", json=body, timeout=PATIENCE, trust_env=False)
            assert answer.json()["decodeStatus"] == "COMPLETED"
            exposed = httpx.get(f"{running.url}/metrics", timeout=PATIENCE, trust_env=False).text
            assert (
                sum(float(x.split()[-1]) for x in exposed.splitlines() if x.startswith("decodeat_results_waiting")) == 1
            )
            running.process.terminate()
            running.process.wait(PATIENCE)
        finally:
            fragile.start()
    assert "1 results are lost: this process ends, and they could not be stored" in running.log.read_text()
