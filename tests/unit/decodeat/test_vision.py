"""Test what can go wrong before Google's text reader is called."""

import asyncio
from pathlib import Path

import pytest

from decodeat.condition import Condition
from decodeat.deadline import Deadline
from decodeat.engines.ports import EngineFailed
from decodeat.engines.vision import VisionReader
from tests.unit.decodeat.hostile_images import PNG
from tests.unit.decodeat.test_reading import picture


def test_credentials_that_can_t_be_read_any_more_are_said(tmp_path: Path) -> None:
    """They could when the service started; a directory in their place can't be read by root either."""

    async def story() -> None:
        reader = VisionReader(str(tmp_path), "", price=None, wait_for_breaker=False)
        assert await reader.condition() == Condition(False, "Google Cloud Vision: credentials")
        with pytest.raises(EngineFailed) as failed:
            await reader.read([picture(PNG)], Deadline(60.0))
        assert failed.value.reason == "credentials"

    asyncio.run(story())
