"""Identify a fetched picture by its content, and decode it only when it has to be read."""

import asyncio
import hashlib
import io

from PIL import Image

from decodeat.images.decoder import Decoder

LARGEST_BARE = 4 * 1024 * 1024  # bytes of a file that is passed on without encoding it again; two fit into one call
_QUALITY = 92  # of JPEG: what it loses makes no difference to a reader


class Picture:
    """Hold a fetched file, and decode it on demand. `digest` is its SHA-256 in hex. Methods raise `ImageRefused`."""

    def __init__(self, data: bytes, decoder: Decoder) -> None:
        self.digest = hashlib.sha256(data).hexdigest()
        self._data = data
        self._decoder = decoder

    async def image(self) -> Image.Image:
        """Return the decoded picture, grey and upright."""
        return await self._decoder.image(self._data)

    async def file(self) -> bytes:
        """Return a JPEG or PNG for an external reader: upright, of limited size, with nothing in it but the picture."""
        content = await self._decoder.bare(self._data, LARGEST_BARE)
        return await asyncio.to_thread(_jpeg, await self.image()) if content is None else content


def _jpeg(image: Image.Image) -> bytes:
    output = io.BytesIO()
    image.save(output, "JPEG", quality=_QUALITY)
    return output.getvalue()
