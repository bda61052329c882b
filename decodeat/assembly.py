"""Build the parts of one worker process, and close them in the opposite order."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from decodeat import processors
from decodeat.api.state import Parts
from decodeat.engines.fallback import Engines
from decodeat.engines.opening import engines
from decodeat.images.decoder import Decoder
from decodeat.images.download import Downloader
from decodeat.pipeline import Pipeline
from decodeat.settings import Settings
from decodeat.stores.cache import Cache, MemoryCache
from decodeat.stores.results import open_results
from decodeat.stores.single_flight import SingleFlightCache


@asynccontextmanager
async def open_parts(config: Settings) -> AsyncIterator[Parts]:
    """Build everything that connects or runs, after the server has forked; close it at the end of the block."""
    async with AsyncExitStack() as stack:
        results = open_results(config.database_url)
        stack.push_async_callback(results.close)
        cache = _cache(config)
        stack.push_async_callback(cache.close)
        downloader = await stack.enter_async_context(Downloader(config.max_image_size, config.image_allowed_origins))
        working = Engines(
            [*engines(config)], cache, read_for=config.ocr_cache_ttl, judged_for=config.analysis_cache_ttl
        )
        stack.push_async_callback(working.close)
        decoder = await stack.enter_async_context(Decoder(at_once=max(1, processors.count() // config.workers)))
        pipeline = Pipeline(
            downloader, decoder, working, results, release=config.release_id, seconds=config.analysis_seconds
        )
        answers: SingleFlightCache[bytes] = SingleFlightCache(
            "url", cache, config.url_cache_ttl, encode=bytes, decode=bytes
        )
        yield Parts(pipeline, decoder, working, cache, results, answers)


def _cache(config: Settings) -> Cache:
    if not config.redis_url:
        return MemoryCache()
    from decodeat.stores.redis import RedisCache  # its packages take 6 MB of each worker

    return RedisCache(config.redis_url)
