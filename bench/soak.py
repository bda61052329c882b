"""A mixed load for half an hour: do workers grow? Memory and file handles of each, their slopes and the bounds.

Run it as `python -m bench.soak --minutes 30`. A real Redis and PostgreSQL, Vision and Gemini with faults, and all that
clients send: new and known pictures, one and two, damaged, private and missing ones, wrong bodies and keys, probes.
It stops by itself. The first third warms up, with four times the load, or as much as the machine takes. Exit 1 when a
slope is certainly above zero and worth a word, when a worker ended, when something else was answered than each kind of
request should get, or when the machine was too slow for half of the load.
"""

import argparse
import asyncio
import collections
import itertools
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.service import upstreams
from tests.servers.gemini import KEY
from tests.servers.postgres import postgres
from tests.servers.redis import redis_server
from tests.unit.decodeat.processes import children, resident
from tests.unit.decodeat.web import Service, service

RATE = 25.0  # requests a second
WARM_RATE = 100.0  # in the first third: pools and memories are as large as they get before anything is measured
BURST = 60  # at once, every minute
AT_ONCE = 100  # requests under way. On a machine that is too slow for the rate their number would grow without an end
LATE = 1.0  # seconds; what could not be sent by then is left out
SLOWEST = 1.0  # seconds that Gemini takes at most, 0.2 at least: about as many threads wait as with the real one
SAMPLE_SECONDS = 5.0
WORTH_A_WORD = {"memory": 2.0, "handles": 2.0}  # MiB and handles an hour; below, a worker lives for months
API_KEY = "key-for-the-soak-0001-abcdef"
T_95 = 2.10  # of Student's distribution, two-sided, for the twenty minutes that are measured in half an hour
# So many of these half widths make a rise certain: 3.6 of Student's distribution, which one in a thousand passes by
# chance. With a single one, 14 of 200 simulated soaks without growth were red.
CERTAIN = 1.72


@dataclass(frozen=True)
class Sample:
    """One worker at one moment: seconds since the start, resident MiB, open file handles."""

    at: float
    memory: float
    handles: float


@dataclass(frozen=True)
class Slope:
    """Change an hour, and the half width of its 95 % confidence interval."""

    per_hour: float
    bound: float

    def __str__(self) -> str:
        return f"{self.per_hour:+.2f} ± {self.bound:.2f} an hour"


def slope(times: Sequence[float], values: Sequence[float]) -> Slope:
    """Least squares over the means of minutes: neighbouring samples are too alike to count each. Two show nothing."""
    minutes: dict[int, list[float]] = collections.defaultdict(list)
    for at, value in zip(times, values, strict=True):
        minutes[int(at // 60)].append(value)
    if len(minutes) < 3:
        return Slope(0.0, math.inf)
    hours = [minute / 60 for minute in minutes]
    means = [statistics.fmean(values) for values in minutes.values()]
    middle, height = statistics.fmean(hours), statistics.fmean(means)
    spread = sum((hour - middle) ** 2 for hour in hours)
    rise = sum((h - middle) * (m - height) for h, m in zip(hours, means, strict=True)) / spread
    left = sum((m - height - rise * (h - middle)) ** 2 for h, m in zip(hours, means, strict=True))
    return Slope(rise, T_95 * (left / (len(means) - 2) / spread) ** 0.5)


def look(master: int, at: float) -> dict[int, Sample]:
    """Every worker of a gunicorn, `at` seconds after the start."""
    found = {}
    for child in children(master):
        handles = sum(1 for _ in Path(f"/proc/{child}/fd").iterdir())
        found[child] = Sample(at, resident(child) / 2**20, handles)
    return found


class Load:
    """Requests at a fixed rate, as far as the machine takes them, each of a kind that is drawn anew; and bursts."""

    def __init__(self, url: str, host: str, dice: random.Random) -> None:
        self._url = url
        self._host = host
        self._dice = dice
        self.answers: collections.Counter[tuple[str, str]] = collections.Counter()
        self.left_out = 0

    async def run(self, began: float, seconds: float) -> None:
        """`began` is of the monotonic clock."""
        numbers = itertools.count()
        tasks: set[asyncio.Task[None]] = set()
        room = asyncio.Semaphore(AT_ONCE)
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=20)
        async with httpx.AsyncClient(timeout=150, limits=limits, trust_env=False) as client:
            for due, kinds in self._schedule(seconds):
                early = began + due - time.monotonic()
                if early < -LATE:
                    self.left_out += len(kinds)
                    continue
                await asyncio.sleep(max(0.0, early))
                for kind in kinds:
                    await room.acquire()
                    task = asyncio.create_task(self._one(client, kind, next(numbers)))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    task.add_done_callback(lambda _: room.release())
            await asyncio.gather(*tasks)

    def _schedule(self, seconds: float) -> Iterator[tuple[float, list[str]]]:
        """Seconds after the start, and the kinds of the requests that are sent then."""
        due, burst = 0.0, 0.0
        while due < seconds:
            if due >= burst:
                burst += 60
                yield due, ["new"] * BURST
            yield due, self._dice.choices(list(KINDS), [kind.weight for kind in KINDS.values()])
            due += 1 / (WARM_RATE if due < seconds / 3 else RATE)

    async def _one(self, client: httpx.AsyncClient, kind: str, number: int) -> None:
        method, path, options = KINDS[kind].draw(self._host, number, self._dice)
        headers = {"X-API-Key": API_KEY, "Content-Type": "application/json"} | options.pop("headers", {})
        try:
            answer = await client.request(method, self._url + path, headers=headers, **options)
        except httpx.TransportError as error:
            self.answers[kind, type(error).__name__] += 1
            return
        body = answer.json() if path == "/api/v1/analyze" else {}
        self.answers[kind, f"{answer.status_code} {body.get('decodeStatus', '')}".strip()] += 1


Request = tuple[str, str, dict[str, Any]]


@dataclass(frozen=True)
class Kind:
    """`weight` says how often it is sent. `draw` makes one from the host of pictures, a number and dice."""

    weight: int
    answer: str
    draw: Callable[[str, int, random.Random], Request]


def _analyze(*urls: str, **options: object) -> Request:
    return "POST", "/api/v1/analyze", {"json": {"image_urls": list(urls), "product_id": 7}, **options}


LABEL, NONE = "200 COMPLETED", "200 FAILED"
KINDS = {
    "new": Kind(30, LABEL, lambda host, number, _: _analyze(f"{host}/label/{number}")),
    "known": Kind(30, LABEL, lambda host, _, dice: _analyze(f"{host}/label/known-{dice.randrange(50)}")),
    "two": Kind(8, LABEL, lambda host, number, _: _analyze(f"{host}/label/{number}a", f"{host}/label/{number}b")),
    "damaged": Kind(3, NONE, lambda host, number, _: _analyze(f"{host}/cut/{number}")),
    "gone": Kind(3, NONE, lambda host, number, _: _analyze(f"{host}/gone/{number}")),
    "private": Kind(3, NONE, lambda *_: _analyze("http://169.254.169.254/latest/meta-data/")),
    "wrong shape": Kind(4, "422", lambda *_: _analyze()),
    "wrong key": Kind(4, "401", lambda host, *_: _analyze(f"{host}/label/x", headers={"X-API-Key": "wrong"})),
    "too large": Kind(2, "413", lambda *_: ("POST", "/api/v1/analyze", {"content": b"x" * 100_000})),
    "no such page": Kind(3, "404", lambda _, number, __: ("GET", f"/{number}", {})),
    "probe": Kind(8, "200", lambda _, __, dice: ("GET", dice.choice(("/health", "/ready")), {})),
    "metrics": Kind(2, "200", lambda *_: ("GET", "/metrics", {})),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    warm = options.minutes / 3
    print(f"{options.minutes:g} minutes, {warm:g} at {WARM_RATE:g} requests/s, then at {RATE:g}; seed {options.seed}")
    with (
        tempfile.TemporaryDirectory(prefix="decodeat-soak-") as scratch,
        redis_server() as redis,
        postgres() as database,
        upstreams(faults=0.01, slowest=SLOWEST) as others,
    ):
        settings: dict[str, Any] = {
            "READER": "vision", "VISION_ENDPOINT": others["vision"], "GEMINI_API_KEY": KEY,
            "GEMINI_ENDPOINT": others["gemini"], "ANALYZER_FALLBACK": "embedded", "REDIS_URL": redis.url,
            "DATABASE_URL": database.database(), "IMAGE_ALLOWED_ORIGINS": others["host"], "MAX_REQUESTS": "0",
            "OCR_CACHE_TTL": "20", "ANALYSIS_CACHE_TTL": "10", "URL_CACHE_TTL": "2", "API_KEYS": API_KEY,
            "API_RATE_LIMIT": "100000",
        }  # fmt: skip
        with service(Path(scratch), **settings) as running:
            load = Load(running.url, others["host"], random.Random(options.seed))
            samples = asyncio.run(watched(load, running, options.minutes * 60))
    unexpected = False
    for (kind, answer), times in sorted(load.answers.items()):
        right = answer == KINDS[kind].answer
        unexpected = unexpected or not right
        print(f"  {times:7} {kind}: {answer}{'' if right else f'  instead of {KINDS[kind].answer}'}")
    sent = load.answers.total()
    print(f"  {load.left_out:7} left out of {sent + load.left_out}: the machine was too slow for them")
    failed = report(samples, warm * 60)
    return int(unexpected or failed or load.left_out > sent)


async def watched(load: Load, running: Service, seconds: float) -> dict[int, list[Sample]]:
    """Samples of each worker while the load lasts."""
    samples: dict[int, list[Sample]] = collections.defaultdict(list)
    began = time.monotonic()
    task = asyncio.create_task(load.run(began, seconds))
    while not task.done():
        for pid, sample in look(running.process.pid, time.monotonic() - began).items():
            samples[pid].append(sample)
        await asyncio.wait([task], timeout=SAMPLE_SECONDS)
    await task
    return samples


def report(samples: dict[int, list[Sample]], warm: float) -> bool:
    """Print each worker's slopes. Return whether one is certainly above zero and worth a word, or a worker ended.

    `warm` is seconds.
    """
    failed, last = False, max(taken[-1].at for taken in samples.values())
    for number, taken in enumerate(samples.values(), 1):
        if taken[-1].at < last:
            print(f"worker {number}: ended after {taken[-1].at:.0f} s")
            failed = True
            continue
        later = [sample for sample in taken if sample.at >= warm]
        for name in ("memory", "handles"):
            values = [getattr(sample, name) for sample in later]
            found = slope([sample.at for sample in later], values)
            certain = found.per_hour > max(CERTAIN * found.bound, WORTH_A_WORD[name])
            failed = failed or certain
            unit = "MiB" if name == "memory" else "handles"
            seen = f"{min(values):.0f} to {max(values):.0f} {unit}, slope {found}"
            print(f"worker {number}: {name:<8} {seen}  {'grows' if certain else 'none'}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
