"""Send more different labels at once than there is time for, and check which are answered, when and how.

Run it as `python -m bench.overload`. One label alone shows how long a page takes; from that follows how many fit into
an analysis' time. Exit 1 when fewer are answered, when an answer comes after its deadline, when refused requests are
not told that the service is busy, or when half of the answers took longer than in order of arrival.
"""

import argparse
import json
import secrets
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from decodeat import processors
from tests.labels.draw import label
from tests.unit.decodeat.web import Service, service, web

WORKERS = 2
ON_THE_WAY = 5.0  # seconds between a deadline and its answer's arrival, on a machine without a processor to spare


@dataclass(frozen=True)
class Answer:
    """Hold the answer for one label; `seconds` from its request to its answer."""

    number: int
    status: str
    message: str
    seconds: float


def ask(running: Service, url: str, number: int) -> Answer:
    began = time.monotonic()
    body = {"image_urls": [url], "product_id": number}
    answer = httpx.post(f"{running.url}/api/v1/analyze", json=body, timeout=300, trust_env=False)
    took = time.monotonic() - began
    told: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
    status = told.get("decodeStatus", str(answer.status_code))
    return Answer(number, status, str(told.get("message", answer.text)), took)


@contextmanager
def labels(seed: int, count: int) -> Iterator[list[str]]:
    """Yield the addresses of `count` labels, all different."""
    with ProcessPoolExecutor() as pool, web() as site:
        drawn = list(pool.map(_drawn, range(seed, seed + count)))
        yield [site.serve(f"/{number}.png", png) for number, png in enumerate(drawn)]


def _drawn(seed: int) -> bytes:
    return label(seed, wear="clean").png


def together(running: Service, urls: Sequence[str], apart: float) -> list[Answer]:
    """Send all in this order, each `apart` seconds after the one before."""
    with ThreadPoolExecutor(len(urls)) as pool:
        asked = []
        for number, url in enumerate(urls):
            asked.append(pool.submit(ask, running, url, number))
            threading.Event().wait(apart)
        return [one.result() for one in asked]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=32)
    parser.add_argument("--seconds", type=int, default=120, help="REQUEST_TIMEOUT")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="decodeat-bench-") as scratch,
        labels(options.seed, options.labels + 2) as urls,
    ):
        settings: dict[str, Any] = {
            "WORKERS": str(WORKERS),
            "REQUEST_TIMEOUT": str(options.seconds),
            "IMAGE_ALLOWED_ORIGINS": urls[0].rsplit("/", 1)[0],
            "DATABASE_URL": "none",
            "MAX_REQUESTS": "0",
        }
        with service(Path(scratch), **settings) as running:
            # As many at once as there are processors, as it is under load.
            alone = together(running, urls[:2], 0.0)
            answers = together(running, urls[2:], 0.02)
            shares = _workers(running.log)
    print(f"seed {options.seed}, {processors.count()} processors, {WORKERS} workers with {shares} of the requests")
    return judged(answers, statistics.mean(one.seconds for one in alone), options.seconds * 5 / 6)


def _workers(log: Path) -> list[int]:
    lines = [json.loads(line) for line in log.read_text().splitlines() if '"/api/v1/analyze"' in line]
    pids = [line["pid"] for line in lines]
    return [pids.count(pid) for pid in sorted(set(pids))]


def judged(answers: Sequence[Answer], page: float, deadline: float) -> int:
    served = [one for one in answers if one.status in {"COMPLETED", "CANCELLED"}]
    busy = [one for one in answers if one.status == "FAILED" and "busy" in one.message]
    others = [one for one in answers if one not in served and one not in busy]
    fit = min(len(answers), int(deadline / page) * processors.count())
    half = statistics.median(one.seconds for one in served) if served else float("inf")
    in_order = (len(served) / 2 / processors.count() + 1) * page
    print(f"a page takes {page:.1f} s: {fit} of {len(answers)} fit into {deadline:.0f} s")
    print(f"answered {len(served)}, told that it is busy {len(busy)}, something else {len(others)}")
    for title, group in (("answered", served), ("busy", busy), ("else", others)):
        print(f"  {title} after {[round(one.seconds, 1) for one in group]} s, numbers {[one.number for one in group]}")
    print(f"half of the answers within {half:.1f} s (in order of arrival: {in_order:.1f} s)")
    missed = {
        "fewer answers than fit": len(served) < fit,
        "an answer after its deadline": max(one.seconds for one in answers) > deadline + ON_THE_WAY,
        "more than what was just being read was not told": len(others) > processors.count(),
        "not in order of arrival": half > 1.3 * in_order,
    }
    for what, is_so in missed.items():
        if is_so:
            print(f"missed: {what}: {[one.message for one in others]}")
    return int(any(missed.values()))


if __name__ == "__main__":
    sys.exit(main())
