"""How fast the service is beside a handler that does nothing but the same work, and what a worker takes in memory.

Run it as `python -m bench.service`. Everything runs on this machine: the service and the handlers it is compared with
under the same gunicorn, the picture host, Vision and Gemini that answer at once. Each pair is measured in turns, and
what counts is the ratio of the medians. Exit 1 when one is beyond its limit.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.gemini import KEY
from tests.support.ports import free_port
from tests.unit.decodeat.processes import children, resident
from tests.unit.decodeat.web import ROOT, service

PICTURE = ROOT / "decodeat_ops" / "checks" / "known_label.png"
WORKERS = 2
_SCRIPT = """
wrk.method, wrk.headers["Content-Type"] = "POST", "application/json"
local turn, lane = 0, 0
function setup(thread) lanes = (lanes or 0) + 1; thread:set("lane", lanes) end
function request()
  turn = turn + 1
  local mark = FRESH and (os.time() .. lane .. "-" .. turn) or "same"
  return wrk.format(nil, nil, nil, '{"image_urls": ["HOST/label/' .. mark .. '"], "product_id": 7}')
end
function done(summary, latency)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  local rate, slow = summary.requests / summary.duration * 1e6, latency:percentile(95) / 1e3
  print(string.format("RESULT %.2f %.3f %d", rate, slow, bad))
end
"""


@dataclass(frozen=True)
class Run:
    """Requests a second, and the 95th percentile in ms."""

    rate: float
    p95: float


@dataclass
class Pair:
    """One way through the service against the bare handler of the same work. `limit` is on the ratio, None for none."""

    name: str
    ours: str
    bare: str
    limit: float | None
    by: str = "rate"  # rate: at least the limit; p95: at most
    fresh: bool = False
    connections: int = 32
    taken: dict[str, list[Run]] = field(default_factory=lambda: {"ours": [], "bare": []})

    def median(self, who: str) -> float:
        return float(statistics.median(getattr(run, self.by) for run in self.taken[who]))

    @property
    def ratio(self) -> float:
        return self.median("ours") / self.median("bare")

    @property
    def missed(self) -> bool:
        if self.limit is None:
            return False
        return self.ratio < self.limit if self.by == "rate" else self.ratio > self.limit

    def __str__(self) -> str:
        unit, bound = ("requests/s", "at least") if self.by == "rate" else ("ms p95", "at most")
        seen = f"{self.median('ours'):9.1f} / {self.median('bare'):9.1f} {unit:<10}"
        verdict = f"({bound} {self.limit:g})  {'missed' if self.missed else 'ok'}" if self.limit else ""
        return f"{self.name:<52} {seen} {self.ratio:6.2f}  {verdict}".rstrip()


def load(url: str, script: Path, seconds: float, connections: int) -> Run:
    argv = ("wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s", "-s", str(script), url)
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    found = re.search(r"RESULT (\S+) (\S+) (\d+)", done.stdout)
    if found is None or int(found[3]):
        raise RuntimeError(f"the load failed:\n{done.stdout}")
    return Run(float(found[1]), float(found[2]))


@contextlib.contextmanager
def upstreams(faults: float = 0.0, slowest: float = 0.0) -> Iterator[dict[str, str]]:
    """Addresses of what the service talks to; `faults` and `slowest` as bench.upstreams has them."""
    argv = (sys.executable, "-m", "bench.upstreams", str(PICTURE), str(faults), str(slowest))
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout and process.stdin
        yield json.loads(process.stdout.readline())
        process.stdin.close()


@contextlib.contextmanager
def bare(directory: Path, variables: dict[str, str]) -> Iterator[str]:
    """The bare handlers under the service's own gunicorn."""
    port = free_port()
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOST": "127.0.0.1", "PORT": str(port)} | variables
    argv = (sys.executable, "-m", "gunicorn", "--config", "python:decodeat.gunicorn_conf", "bench.bare:app")
    with (directory / "bare.log").open("wb") as log:
        process = subprocess.Popen(argv, env=env, cwd=directory, stdout=log, stderr=log)
    try:
        for _ in range(300):
            answer = subprocess.run(
                ("curl", "-s", f"http://127.0.0.1:{port}/openapi.json"), capture_output=True, check=False
            )
            if answer.returncode == 0:
                break
            subprocess.run(("sleep", "0.1"), check=True)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def workers(master: int) -> list[int]:
    """Resident memory of each worker in MiB."""
    return [resident(child) // 2**20 for child in children(master)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("wrk is missing: apt-get install wrk", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="decodeat-bench-") as scratch, upstreams() as others:
        return measured(Path(scratch), others, options.rounds, options.seconds)


def measured(home: Path, others: dict[str, str], rounds: int, seconds: float) -> int:
    google: dict[str, Any] = {
        "GEMINI_API_KEY": KEY,
        "GEMINI_ENDPOINT": others["gemini"],
        "READER": "vision",
        "VISION_ENDPOINT": others["vision"],
    }
    common: dict[str, Any] = {"IMAGE_ALLOWED_ORIGINS": others["host"], "WORKERS": str(WORKERS), "MAX_REQUESTS": "0"}
    for name in ("content", "url", "embedded"):
        (home / name).mkdir()
    scripts = {}
    for fresh in (False, True):
        scripts[fresh] = home / f"fresh-{fresh}.lua"
        scripts[fresh].write_text(_SCRIPT.replace("HOST", others["host"]).replace("FRESH", str(fresh).lower()))
    kept: dict[str, Any] = {"DATABASE_URL": f"sqlite:///{home}/results.sqlite3"}
    with (
        service(home / "content", **common, **google, **kept) as content,
        service(home / "url", **common, **google, **kept, URL_CACHE_TTL="600") as url,
        bare(home, common | google) as other,
    ):
        analyze = "/api/v1/analyze"
        pairs = (
            Pair("known by its address : a validated echo", url.url + analyze, f"{other}/echo", 0.5),
            Pair("known by its content : only the download", content.url + analyze, f"{other}/download", 0.8),
            Pair("known by its content : only our guarded download", content.url + analyze, f"{other}/guarded", None),
            Pair(
                "the whole pipeline : only the upstream calls",
                content.url + analyze,
                f"{other}/upstreams",
                1.5,
                by="p95",
                fresh=True,
                connections=8,
            ),
        )
        for number in range(rounds + 1):
            for pair in pairs:
                for who, address in (("ours", pair.ours), ("bare", pair.bare)):
                    run = load(address, scripts[pair.fresh], seconds if number else 1, pair.connections)
                    if number:  # the first round warms up
                        pair.taken[who].append(run)
        print(
            f"service ({WORKERS} workers, picture of {PICTURE.stat().st_size // 1024} KiB, medians of {rounds} turns)"
        )
        for pair in pairs:
            print(pair)
        print(f"resident memory of workers with Google's engines after the load: {workers(content.process.pid)} MiB")
    with service(home / "embedded", **common, **kept) as embedded:
        load(embedded.url + analyze, scripts[False], seconds, 4)
        print(f"resident memory of workers with the embedded engine after a load: {workers(embedded.process.pid)} MiB")
    return max(pair.missed for pair in pairs)


if __name__ == "__main__":
    sys.exit(main())
