"""A picture as it was fetched: known by its content, unpacked only when somebody has to look at it."""

import asyncio
import hashlib

from decodeat.images.errors import ImageRefused
from decodeat.images.picture import Page, decode

AT_ONCE = 2  # pictures unpacked at once per worker: each may take 160 MB for a moment


class Picture:
    """`digest` is SHA-256 of the file in hex."""

    def __init__(self, data: bytes, turn: asyncio.Semaphore) -> None:
        self.digest = hashlib.sha256(data).hexdigest()
        self._data = data
        self._turn = turn
        self._page: Page | ImageRefused | None = None

    async def page(self) -> Page | ImageRefused:
        """What can be read, or why there is nothing; found out once."""
        if self._page is None:
            async with self._turn:
                try:
                    self._page = await asyncio.to_thread(decode, self._data)
                except ImageRefused as error:
                    self._page = error
        return self._page
