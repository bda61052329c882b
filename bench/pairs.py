"""Runs commands in turns, so that whatever else the machine does falls on all of them alike."""

import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """One command against the one it is compared with; seconds are medians."""

    name: str
    seconds: float
    base: float
    limit: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.base

    @property
    def over(self) -> bool:
        return self.ratio > self.limit

    def __str__(self) -> str:
        verdict = "over" if self.over else "ok"
        return f"{self.name:<28} {self.seconds * 1000:8.1f} ms {self.ratio:6.2f}x  (limit {self.limit:g}x)  {verdict}"


def once(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> float:
    """Seconds of one run; a command that fails is not worth measuring and raises RuntimeError with its words."""
    before = time.perf_counter()
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - before
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return seconds


def interleaved(
    base: Sequence[str],
    commands: Mapping[str, tuple[Sequence[str], float]],
    *,
    rounds: int,
    cwd: Path,
    env: Mapping[str, str],
) -> list[Measured]:
    """Each command and the base once per round, after one round that warms caches and is not counted."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    bases: list[float] = []
    for number in range(rounds + 1):
        taken = once(base, cwd, env)
        for name, (argv, _) in commands.items():
            seconds = once(argv, cwd, env)
            if number:
                times[name].append(seconds)
        if number:
            bases.append(taken)
    middle = statistics.median(bases)
    return [Measured(name, statistics.median(times[name]), middle, limit) for name, (_, limit) in commands.items()]


def report(base: str, found: Sequence[Measured]) -> int:
    """Print every ratio; 1 when one is over its limit."""
    print(f"{base:<28} {found[0].base * 1000:8.1f} ms   1.00x")
    for one in found:
        print(one)
    return 1 if any(one.over for one in found) else 0
