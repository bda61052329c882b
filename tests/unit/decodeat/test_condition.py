"""Test that the result of a health check is cached, and that ordinary work counts for more than a slow check."""

import asyncio

from decodeat.condition import Condition, Known


def test_what_work_shows_during_a_check_outlives_the_check() -> None:
    """The check began before the outage, and its answer comes after it."""

    async def story() -> None:
        began, answer = asyncio.Event(), asyncio.Event()

        async def probe() -> Condition:
            began.set()
            await answer.wait()
            return Condition(True, "of before")

        known = Known(probe, 60.0)
        asked = asyncio.create_task(known.condition())
        await began.wait()
        known.learned(Condition(False, "of now"))
        answer.set()
        assert (await asked, await known.condition()) == (Condition(False, "of now"),) * 2

    asyncio.run(story())
