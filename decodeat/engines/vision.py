"""Read pictures with Google Cloud Vision: all of a request in one call, over gRPC."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import grpc
from cryptography.exceptions import UnsupportedAlgorithm
from google.api_core import exceptions
from google.auth import default, load_credentials_from_dict, load_credentials_from_file
from google.auth.credentials import Credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.cloud import vision
from google.cloud.vision_v1.services.image_annotator.transports import ImageAnnotatorGrpcAsyncIOTransport

from decodeat import metrics
from decodeat.analysis.label import Flaw, Reading
from decodeat.analysis.layout import Word, rows
from decodeat.condition import CachedHealthCheck, Condition
from decodeat.deadline import Deadline
from decodeat.engines import google
from decodeat.engines.ports import EngineFailed
from decodeat.failure import Failure
from decodeat.images.decoding import Picture
from decodeat.images.errors import ImageRefused
from decodeat.images.picture import is_blurred, refusal

SERVICE = "text recognition"
TRY_SECONDS = 30.0  # of one call; a page takes about two
PROBE_SECONDS = 5.0
HEALTH_CACHED_SECONDS = 60.0  # that a health check's result is cached
_LANGUAGES = ("ko", "en")
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_GAPS = (1, 2, 3, 5)  # kinds of break after a letter: space, wide space, end of line after a space, line break
_BAD_PICTURE = 3  # gRPC's code for an invalid argument: it can make nothing of the file
_PASSING = frozenset({4, 8, 10, 13, 14})  # codes of one page: deadline, exhausted, aborted, internal, unavailable


class VisionReader:
    """Read text from pictures, with a client that is opened at first use.

    To find credentials the platform may have to be asked, and that may fail for a moment.
    """

    name = "vision"
    version = "1"  # a number of our own: how rows are made of words

    def __init__(
        self,
        credentials: str | Mapping[str, Any],
        endpoint: str,
        *,
        price: Decimal | None,
        wait_for_breaker: bool = True,
    ) -> None:
        """Set `credentials` (see `identified`), and `price`, US dollars for a thousand pages.

        `endpoint` is an origin, "" for Google's own; http:// means a server that speaks gRPC without TLS.
        `wait_for_breaker`: calls wait while the service is known to be down, since no other engine can answer.
        """
        self._credentials = credentials
        self._endpoint = endpoint
        self._price = price
        self._upstream = google.upstream("vision", SERVICE, TRY_SECONDS, wait_for_breaker=wait_for_breaker)
        self._opening = asyncio.Lock()
        self._client: vision.ImageAnnotatorAsyncClient | None = None
        self._health = CachedHealthCheck(self._probe, HEALTH_CACHED_SECONDS)

    async def read(self, pictures: Sequence[Picture], deadline: Deadline) -> Sequence[Reading | Failure]:
        files = await asyncio.gather(*map(_file, pictures))
        good = [file for file in files if isinstance(file, bytes)]
        if not good:
            return [file for file in files if isinstance(file, Failure)]
        requests = list(map(_request, good))
        response = await self._upstream.call(lambda seconds: self._annotate(requests, seconds), deadline)
        self._health.update(_REACHED)
        if self._price is not None:
            metrics.cost.labels("vision").inc(float(self._price * len(good) / 1000))
        # The raw messages: through the SDK's wrapper each of a label's thousand letters takes a hundred times longer.
        answers = iter(vision.BatchAnnotateImagesResponse.pb(response).responses)
        read = zip(pictures, files, strict=True)
        return [file if isinstance(file, Failure) else await _reading(one, next(answers)) for one, file in read]

    async def _annotate(
        self, requests: Sequence[vision.AnnotateImageRequest], seconds: float
    ) -> vision.BatchAnnotateImagesResponse:
        """Make one call for all pictures. Raises `EngineFailed`."""
        try:
            client = await self._opened()
            # Without these two the SDK would retry by itself, and wait for ten minutes.
            response = await client.batch_annotate_images(requests=list(requests), retry=None, timeout=seconds)
        except (exceptions.GoogleAPICallError, GoogleAuthError, grpc.RpcError) as error:
            raise google.translate(SERVICE, error) from error
        if len(response.responses) != len(requests):
            raise EngineFailed(
                "malformed", f"The {SERVICE} service answered in part. Please try again.", transient=True
            )
        return response

    async def _opened(self) -> vision.ImageAnnotatorAsyncClient:
        """Return the client, opened at the first call. Raises GoogleAuthError when there are no credentials."""
        async with self._opening:
            if self._client is None:
                address = urlsplit(self._endpoint)
                if address.scheme == "http":
                    channel = grpc.aio.insecure_channel(address.netloc)
                    transport = ImageAnnotatorGrpcAsyncIOTransport(channel=channel)
                    self._client = vision.ImageAnnotatorAsyncClient(transport=transport)
                else:
                    # Credentials in a thread, since they take files and requests; the channel belongs to this loop.
                    credentials = await asyncio.to_thread(identified, self._credentials)
                    options = {"api_endpoint": address.netloc} if address.netloc else {}
                    self._client = vision.ImageAnnotatorAsyncClient(credentials=credentials, client_options=options)
            return self._client

    async def condition(self) -> Condition:
        return await self._health.condition()

    async def _probe(self) -> Condition:
        """Make a call without a picture: an answer shows that the service is up and knows us, and costs nothing."""
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                client = await self._opened()
                await client.batch_annotate_images(requests=[], retry=None, timeout=PROBE_SECONDS)
        except exceptions.InvalidArgument:
            return _REACHED  # it answers that a picture is missing
        except (exceptions.GoogleAPICallError, GoogleAuthError, grpc.RpcError) as error:
            failure = google.translate(SERVICE, error)
            return Condition(False, f"Google Cloud Vision: {failure.reason}", google.is_set_up_wrongly(failure))
        except TimeoutError:
            return Condition(False, "Google Cloud Vision: timeout", needed=False)
        return _REACHED

    async def close(self) -> None:
        if self._client is not None:
            await self._client.transport.close()


_REACHED = Condition(True, "Google Cloud Vision")


def identified(source: str | Mapping[str, Any]) -> Credentials:
    """Return the credentials of a file by its path, of what is in such a file, or of the platform for "".

    Raises GoogleAuthError. Google's own message may repeat what it was given: none of it belongs into a log.
    """
    try:
        # Google deprecates both loaders for content of strangers; this is the operator's, and was checked at start.
        if not source:
            credentials, _ = default(scopes=_SCOPES)
        elif isinstance(source, str):
            credentials, _ = load_credentials_from_file(source, scopes=_SCOPES)
        else:
            credentials, _ = load_credentials_from_dict(dict(source), scopes=_SCOPES)
    except GoogleAuthError:
        raise
    except OSError as error:  # the file was readable when the service started
        raise DefaultCredentialsError(error.strerror) from error
    except (AttributeError, LookupError, TypeError, ValueError, UnsupportedAlgorithm):
        # Google does not check what kind its fields are of, and stumbles over one of another kind.
        raise DefaultCredentialsError("the credentials have a form that Google does not know") from None
    return credentials


async def _file(picture: Picture) -> bytes | Failure:
    try:
        return await picture.file()
    except ImageRefused as error:
        return error


def _request(content: bytes) -> vision.AnnotateImageRequest:
    return vision.AnnotateImageRequest(
        image=vision.Image(content=content),
        features=[vision.Feature(type_=vision.Feature.Type.DOCUMENT_TEXT_DETECTION)],
        image_context=vision.ImageContext(language_hints=_LANGUAGES),
    )


async def _reading(picture: Picture, answer: Any) -> Reading | Failure:
    if answer.error.code == _BAD_PICTURE:
        return refusal("damaged")
    if answer.error.code:
        transient = answer.error.code in _PASSING
        return EngineFailed("page", f"The {SERVICE} service could not read the image.", transient=transient)
    text = answer.full_text_annotation
    try:
        found = rows(list(_words(text)))
    except ValueError:  # a word without its place: use the service's own order of the text
        found = text.text
    return Reading((found,), Flaw.BLURRED if not found.strip() and await _blurred(picture) else None)


async def _blurred(picture: Picture) -> bool:
    """Return whether a picture is blurred; asked only where no text was found, since it takes time."""
    try:
        image = await picture.image()
    except ImageRefused:
        return False
    return await asyncio.to_thread(is_blurred, image)


def _words(text: Any) -> Iterator[Word]:
    """Yield every word with its place. Raises ValueError for one without its four corners.

    The corners begin at the word's top left in the direction of reading.
    """
    for page in text.pages:
        for block in page.blocks:
            for paragraph in block.paragraphs:
                yield from map(_word, paragraph.words)


def _word(word: Any) -> Word:
    top_left, top_right, low_right, low_left = word.bounding_box.vertices
    return Word(
        "".join(symbol.text for symbol in word.symbols),
        left=(top_left.x + low_left.x) / 2,
        left_y=(top_left.y + low_left.y) / 2,
        right=(top_right.x + low_right.x) / 2,
        right_y=(top_right.y + low_right.y) / 2,
        height=max(1.0, abs(low_left.y - top_left.y)),
        spaced=bool(word.symbols) and word.symbols[-1].property.detected_break.type_ in _GAPS,
    )
