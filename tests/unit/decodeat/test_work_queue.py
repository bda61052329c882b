"""Test the queue with more work than time: requests are served in order of arrival, and none waits in vain."""

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from decodeat.cores import Cores
from decodeat.deadline import Deadline
from decodeat.work_queue import FEW, FRESH_SECONDS, LEAST, Overloaded, WorkQueue
from tests.support import clock
from tests.support.waiting import wait_for

PATIENCE = 100.0


@dataclass(frozen=True)
class Told:
    """Hold how a request ended (served, refused or late), and how many seconds after its arrival."""

    number: int
    outcome: str
    after: float


async def come(queue: WorkQueue, number: int, takes: float, seconds: float = PATIENCE) -> Told:
    began, deadline = time.monotonic(), Deadline(seconds)
    try:
        async with queue.turn(deadline), asyncio.timeout(deadline.left):
            await asyncio.sleep(takes)
        outcome = "served"
    except Overloaded:
        outcome = "turned away"
    except TimeoutError:
        outcome = "late"
    return Told(number, outcome, time.monotonic() - began)


async def together(queue: WorkQueue, takes: Sequence[float]) -> list[Told]:
    return await asyncio.gather(*(come(queue, number, one) for number, one in enumerate(takes)))


def numbers(told: Sequence[Told], outcome: str) -> list[int]:
    return [one.number for one in told if one.outcome == outcome]


@pytest.mark.parametrize(("places", "served"), [(1, 10), (2, 20), (3, 30)])
def test_as_many_are_served_as_there_is_time_for_and_the_first_ones(places: int, served: int) -> None:
    told = clock.run(together(WorkQueue(Cores(places)), [9.9] * 64))
    assert numbers(told, "served") == list(range(served))
    assert numbers(told, "turned away") == list(range(served, 64))
    waited = [one.after for one in told[:served]]
    assert waited == sorted(waited) and waited[served // 2] < 0.6 * PATIENCE, "not all of them late together"


def test_who_can_t_be_served_is_told_as_soon_as_it_is_certain() -> None:
    told = clock.run(together(WorkQueue(Cores(1)), [10.0] * 32))
    # Nothing is known before the first few are done; from then on every request's turn can be estimated.
    assert {round(one.after, 6) for one in told[10:]} == {FEW * 10.0}


def test_nobody_is_turned_away_whose_turn_comes_in_time_if_all_are_as_quick_as_the_quickest() -> None:
    """Let the first requests take long; the estimate is as long only if all recent ones were."""
    takes = [20.0, 8.0, 12.0, *[5.0] * 12]
    told = clock.run(together(WorkQueue(Cores(1)), takes))
    assert numbers(told, "served") == list(range(10)), "40 s for three, and what the other 60 s hold at 8 s each"
    assert numbers(told, "late") == []


def test_nothing_is_begun_that_most_likely_ends_too_late_while_others_wait() -> None:
    """Send twice as many requests as can be served: those that are served use all of the time."""

    async def flood() -> list[Told]:
        queue, tasks = WorkQueue(Cores(1)), []
        for number in range(200):
            takes = 8.0 + number * 7 % 5  # 8 to 12 seconds
            tasks.append(asyncio.create_task(come(queue, number, takes)))
            await asyncio.sleep(5.0)
        return await asyncio.gather(*tasks)

    told = clock.run(flood())
    served, late = numbers(told, "served"), numbers(told, "late")
    assert len(served) >= 0.9 * (200 * 5.0 + PATIENCE) / 10.0
    assert len(late) <= 0.1 * len(served)
    assert max(one.after for one in told) <= PATIENCE


def test_who_came_first_gets_the_processor_that_another_worker_gives_up() -> None:
    """Give it the processor however often the same worker's others look: one request is next, not one per processor."""

    async def story() -> list[int]:
        elsewhere = Cores(2)
        assert [elsewhere.take(), elsewhere.take()] == [0, 1]
        queue, order = WorkQueue(elsewhere), []

        async def one(number: int) -> None:
            async with queue.turn(Deadline(PATIENCE)):
                order.append(number)
                await asyncio.sleep(1)

        waiting = [asyncio.create_task(one(number)) for number in range(8)]
        await asyncio.sleep(5)
        elsewhere.give(0)
        await asyncio.gather(*waiting)
        elsewhere.give(1)
        return order

    for _ in range(20):
        assert clock.run(story()) == list(range(8))


def test_who_is_alone_is_never_turned_away() -> None:
    async def story() -> Told:
        queue = WorkQueue(Cores(1))
        await together(queue, [9.0] * FEW)
        return await come(queue, 0, takes=1.0, seconds=2.0)

    assert clock.run(story()).outcome == "served", "it may be quicker than all before it"


def test_what_was_measured_long_ago_says_nothing() -> None:
    async def story() -> list[Told]:
        queue = WorkQueue(Cores(1))
        await together(queue, [30.0] * FEW)
        await asyncio.sleep(FRESH_SECONDS + 1)
        return await together(queue, [3.0] * 33)

    assert numbers(clock.run(story()), "served") == list(range(33))


def test_whoever_leaves_or_fails_makes_room_and_measures_nothing() -> None:
    async def story() -> tuple[list[Told], list[float]]:
        queue = WorkQueue(Cores(1))

        async def breaks() -> None:
            async with queue.turn(Deadline(PATIENCE)):
                raise KeyError("a bug")

        leaving = [asyncio.create_task(come(queue, number, 50.0)) for number in range(3)]
        broken = asyncio.create_task(breaks())
        staying = asyncio.create_task(come(queue, 3, 5.0))
        await asyncio.sleep(1)
        for task in leaving:
            task.cancel()
        with pytest.raises(KeyError):
            await broken
        return [await staying], queue._recent()

    (told,), measured = clock.run(story())
    assert (told.outcome, measured) == ("served", [])
    assert told.after == pytest.approx(6.0)


def test_where_the_first_takes_all_the_time_the_others_are_told_just_before_their_own_deadline() -> None:
    """Tell the others that the service is busy, not that their analysis took too long."""
    told = clock.run(together(WorkQueue(Cores(1)), [500.0, 1.0, 1.0]))
    assert [one.outcome for one in told] == ["late", "turned away", "turned away"]
    assert [one.after for one in told] == pytest.approx([PATIENCE, PATIENCE - LEAST, PATIENCE - LEAST])


def work(number: int, pieces: int, place: Path) -> None:
    """Run a worker process with `pieces` of work; each leaves a mark while under way, and reports their number."""

    async def story() -> None:
        queue = WorkQueue(Cores(2))

        async def piece(part: int) -> None:
            async with queue.turn(Deadline(120)):
                mark = place / f"under-way-{number}-{part}"
                mark.touch()
                await asyncio.sleep(0.05)
                (place / f"seen-{number}-{part}").write_text(str(len(list(place.glob("under-way-*")))))
                mark.unlink()

        await asyncio.gather(*map(piece, range(pieces)))

    asyncio.run(story())


def test_workers_share_the_processors_however_clients_spread_over_them(tmp_path: Path) -> None:
    forked = multiprocessing.get_context("fork")
    workers = [forked.Process(target=work, args=(number, pieces, tmp_path)) for number, pieces in enumerate((20, 3, 3))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    seen = [int(one.read_text()) for one in tmp_path.glob("seen-*")]
    assert len(seen) == 26
    assert max(seen) == 2, "never more than there are, and not fewer"


def test_what_a_dead_worker_used_is_free_again(tmp_path: Path) -> None:
    cores = Cores(1)

    def hold() -> None:
        assert cores.take() == 0
        (tmp_path / "held").touch()
        time.sleep(600)  # held until it is killed

    holder = multiprocessing.get_context("fork").Process(target=hold)
    holder.start()
    wait_for((tmp_path / "held").exists)
    assert cores.take() is None
    holder.kill()
    holder.join()
    assert cores.take() == 0
    cores.give(0)
