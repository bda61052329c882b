"""Test what the soak says of workers: which growth is certain, and that a worker which ended is no quiet one."""

import random

import pytest

from bench.soak import SAMPLE_SECONDS, Sample, report

WARM = 600.0
WHOLE = int(1800 / SAMPLE_SECONDS)


def worker(an_hour: float, seed: int, count: int = WHOLE) -> list[Sample]:
    """Return half an hour of a worker whose memory is as restless as a real one's and grows by so many MiB an hour."""
    dice = random.Random(seed)
    restless = [dice.gauss(0, 1.5) for _ in range(30)]  # a minute's samples are alike
    times = [number * SAMPLE_SECONDS for number in range(count)]
    return [Sample(at, 150 + an_hour * at / 3600 + restless[int(at // 60)], 60) for at in times]


def test_growth_is_found() -> None:
    assert report({1: worker(0, 1), 2: worker(40, 2)}, WARM)


def test_workers_that_do_not_grow_fail_no_soak() -> None:
    failed = [report({1: worker(0, seed), 2: worker(0, seed + 1000)}, WARM) for seed in range(200)]
    assert sum(failed) <= 2


def test_a_worker_that_ended_fails_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert report({1: worker(0, 1), 2: worker(0, 2, count=WHOLE // 6)}, WARM)
    assert "worker 2: ended after 295 s" in capsys.readouterr().out


@pytest.mark.parametrize("count", [1, 20])
def test_what_began_a_minute_ago_grows_by_nothing_certain(count: int) -> None:
    late = [Sample(sample.at + 1800 - count * SAMPLE_SECONDS, sample.memory, 60) for sample in worker(400, 3, count)]
    assert not report({1: late}, WARM)
