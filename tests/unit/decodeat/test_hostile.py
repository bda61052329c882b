"""Everything hostile at the real service: each is refused in the contract's words, and no worker grows by it."""

import contextlib
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from decodeat.images.decoder import MEMORY
from tests.unit.decodeat.hostile_images import HEAVY, PNG, REFUSED, with_segments
from tests.unit.decodeat.hostile_urls import HOSTILE, REDIRECTS
from tests.unit.decodeat.processes import children, forget_peak, peak
from tests.unit.decodeat.web import CLIENT, Service, Web, service

MB = 2**20
LARGEST = 10 * MB  # MAX_IMAGE_SIZE
# What a worker itself may take for the pictures of one request: two files, each while it grows (a bytearray doubles)
# and once more when it is done, and two pages of 3200 x 3200 in the three forms that a reader makes of one.
WORKER = 2 * 3 * LARGEST + 2 * 3 * 3200 * 3200
BARE_SANDBOX = 64 * MB  # Python and Pillow without a picture
ASKING = 4  # requests at once
LEAK = re.compile(r"\d+\.\d+\.\d+\.\d+|::|https?:|Error|Exception|Traceback|/tmp|\.py|errno|resolv", re.IGNORECASE)

# In the service's own process every name leads to this machine: nothing that is asked here leaves it.
RESOLVER = """
import ipaddress, socket
really = socket.getaddrinfo
def resolve(host, port, *rest, **more):
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        host = "127.0.0.1"
    return really(host, port, *rest, **more)
socket.getaddrinfo = resolve
"""


@pytest.fixture(scope="module")
def running(host: Web, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("service")
    directory.joinpath("sitecustomize.py").write_text(RESOLVER)
    with service(
        directory,
        WORKERS="1",
        MAX_REQUESTS="0",  # it stays the same one, however many health checks there is time for
        IMAGE_ALLOWED_ORIGINS=host.origin,
        DATABASE_URL=f"sqlite:///{directory}/results.sqlite3",
        PYTHONPATH=f"{directory}:{Path(__file__).parents[3]}",
    ) as started:
        yield started


@pytest.fixture
def worker(running: Service) -> int:
    """Its process, warm: it has read a picture, and remembers no peak."""
    (process,) = children(running.process.pid)
    forget_peak(process)
    return process


def ask(running: Service, *urls: str) -> httpx.Response:
    return CLIENT.post(
        f"{running.url}/api/v1/analyze",
        content=json.dumps({"image_urls": urls}),
        headers={"Content-Type": "application/json"},
    )


def judged(answer: httpx.Response, *outcomes: str) -> str:
    """The message, once the answer is found to be the contract's and to tell nothing."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["decodeStatus"] in outcomes, body
    assert (body["product_name"], body["nutrition_info"], body["ingredients"]) == (None, None, [])
    assert not LEAK.search(body["message"]), body["message"]
    return str(body["message"])


def unfetched(running: Service) -> list[str]:
    """Why pictures were not fetched or read, so far."""
    lines = [json.loads(line) for line in running.log.read_text().splitlines()]
    assert not [line for line in lines if line["level"] in {"ERROR", "CRITICAL"}], "no internal error"
    return [line["reason"] for line in lines if line["message"] == "a picture was not fetched"]


@contextlib.contextmanager
def answering_health(running: Service) -> Iterator[list[float]]:
    """Seconds that each of many health checks took meanwhile."""
    took: list[float] = []
    going = True

    def check() -> None:
        while going:
            began = time.monotonic()
            assert CLIENT.get(f"{running.url}/health").status_code == 200
            took.append(time.monotonic() - began)
            time.sleep(0.05)

    with ThreadPoolExecutor(1) as pool:
        checking = pool.submit(check)
        try:
            yield took
        finally:
            going = False
            checking.result()


def bounded(worker: int, before: int, health: list[float]) -> str:
    """What was taken, once it is found to be within its bounds; `before` is the worker's peak before all of it."""
    more, sandboxes = peak(worker) - before, [peak(process) for process in children(worker)]
    assert more < ASKING * WORKER
    assert len(sandboxes) <= 2 and max(sandboxes) < BARE_SANDBOX + MEMORY
    return (
        f"the worker took {more // MB} MB more (bound {ASKING * WORKER // MB}), its sandboxes at most "
        f"{max(sandboxes) // MB} MB (bound {(BARE_SANDBOX + MEMORY) // MB}), a health check at most {max(health):.2f} s"
    )


def test_every_hostile_address_is_refused(running: Service, worker: int, record_property: Callable[..., None]) -> None:
    """What is made once and kept (threads, modules, a database) is made by a first round, which is not measured."""
    with ThreadPoolExecutor(ASKING) as pool:
        list(pool.map(lambda one: ask(running, one[0]), HOSTILE))
        forget_peak(worker)
        before, known = peak(worker), len(unfetched(running))
        answers = list(pool.map(lambda one: ask(running, one[0]), HOSTILE))
    refused = [answer for answer in answers if answer.status_code == 422]
    for answer, (url, _) in zip(answers, HOSTILE, strict=True):
        if answer.status_code == 422:
            assert len(url) < 10 or url not in answer.text
        else:
            judged(answer, "FAILED")
    assert len(refused) + len(unfetched(running)) - known == len(HOSTILE)
    assert set(unfetched(running)[known:]) == {"private", "address"}
    more = peak(worker) - before
    record_property(
        "measured",
        f"{len(HOSTILE)} hostile addresses: {len(refused)} were 422, the others FAILED; "
        f"the worker took {more // MB} MB more",
    )
    assert more < 16 * MB


def test_every_redirect_to_one_is_refused(running: Service, host: Web, record_property: Callable[..., None]) -> None:
    targets = [url for url, _ in [*HOSTILE, *REDIRECTS] if url.isascii() and url.isprintable()]
    urls = [host.serve(f"/redirect/{n}", b"", 302, Location=url) for n, url in enumerate(targets)]
    with ThreadPoolExecutor(ASKING) as pool:
        answers = list(pool.map(lambda url: ask(running, url), urls))
    for answer in answers:
        judged(answer, "FAILED")
    unfetched(running)
    record_property("measured", f"{len(urls)} redirects to hostile addresses: all FAILED")


def test_every_file_that_is_no_picture_is_refused(
    running: Service, host: Web, worker: int, record_property: Callable[..., None]
) -> None:
    files = {name: made() for name, (made, _) in REFUSED.items()}
    urls = [host.serve(f"/refused/{n}", data) for n, data in enumerate(files.values())]
    before = peak(worker)
    with ThreadPoolExecutor(ASKING) as pool, answering_health(running) as health:
        answers = list(pool.map(lambda url: ask(running, url), urls))
    for answer in answers:
        judged(answer, "FAILED")
    unfetched(running)
    record_property("measured", f"{len(files)} hostile files: all FAILED; {bounded(worker, before, health)}")


def test_pictures_that_take_all_they_may_stay_within_bounds(
    running: Service, host: Web, worker: int, record_property: Callable[..., None], share: Callable[..., Sequence[str]]
) -> None:
    """Two in each request, several requests at once: what is unpacked at the same time is bounded all the same."""
    urls = [host.serve(f"/heavy/{n}", HEAVY[name]()) for n, name in enumerate(share(list(HEAVY), 3))]
    pairs = list(itertools.zip_longest(urls[::2], urls[1::2], fillvalue=urls[0]))
    before = peak(worker)
    with ThreadPoolExecutor(ASKING) as pool, answering_health(running) as health:
        answers = list(pool.map(lambda pair: ask(running, *pair), pairs))
    for answer in answers:
        judged(answer, "FAILED", "CANCELLED")
    unfetched(running)
    record_property("measured", f"{len(urls)} heavy pictures, two in a request: {bounded(worker, before, health)}")


@pytest.mark.share(3)
def test_files_that_take_much_time_take_it_from_each_other_alone(
    running: Service, host: Web, worker: int, proof: bool
) -> None:
    """Megabytes of filling bytes, over which Pillow goes one by one: seconds during which the rest goes on."""
    slow = host.serve("/slow", with_segments(b"\xff" * (LARGEST - 5000 if proof else 3_000_000)))
    with ThreadPoolExecutor(ASKING) as pool, answering_health(running) as health:
        good = pool.submit(ask, running, host.serve("/good", PNG))
        answers = [*pool.map(lambda url: ask(running, url), [slow, slow, slow]), good.result()]
        meanwhile = len(health)
    for answer in answers:
        judged(answer, "FAILED", "CANCELLED")
    assert meanwhile > 0, "health was answered meanwhile"
    assert children(running.process.pid) == [worker], "the worker lives on"
