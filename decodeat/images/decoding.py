"""A picture as it was fetched: known by its content, unpacked only when somebody has to look at it."""

import asyncio
import hashlib
import io

from PIL import Image

from decodeat.images.decoder import Decoder

LARGEST_BARE = 4 * 1024 * 1024  # bytes of a file that is handed on as it is; two of them fit into one call
_QUALITY = 92  # of JPEG: what it loses no reader misses


class Picture:
    """`digest` is SHA-256 of the file in hex. Both methods raise `ImageRefused`."""

    def __init__(self, data: bytes, decoder: Decoder) -> None:
        self.digest = hashlib.sha256(data).hexdigest()
        self._data = data
        self._decoder = decoder

    async def image(self) -> Image.Image:
        """Grey and upright."""
        return await self._decoder.image(self._data)

    async def file(self) -> bytes:
        """JPEG or PNG for others to read: upright, of bounded size, with nothing in it but the picture."""
        content = await self._decoder.bare(self._data, LARGEST_BARE)
        return await asyncio.to_thread(_jpeg, await self.image()) if content is None else content


def _jpeg(image: Image.Image) -> bytes:
    output = io.BytesIO()
    image.save(output, "JPEG", quality=_QUALITY)
    return output.getvalue()
