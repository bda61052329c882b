"""A server that speaks Cloud Vision's gRPC protocol, strictly, and does at each call the next thing of its script."""

import contextlib
import io
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeAlias

import grpc
from google.cloud import vision
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from PIL import Image

from tests.servers.google_account import Account

METHOD = "BatchAnnotateImages"
Request: TypeAlias = vision.BatchAnnotateImagesRequest
Response: TypeAlias = vision.BatchAnnotateImagesResponse
Call = Callable[[Request, grpc.ServicerContext], Response]


@dataclass
class Vision:
    """`script` is used up call by call; its last entry stays. `asked` are the requests with pictures."""

    origin: str
    script: list[Call]
    asked: list[Request] = field(default_factory=list)


def reads(*texts: str) -> Call:
    """Answer with these texts, one for each picture, each word in its place on the page."""

    def call(request: Request, context: grpc.ServicerContext) -> Response:
        return Response(responses=[_annotated(text) for text in texts[: len(request.requests)]])

    return call


def fails(code: grpc.StatusCode, message: str = "", retry_after: float | None = None) -> Call:
    def call(request: Request, context: grpc.ServicerContext) -> Response:
        if retry_after is None:
            context.abort(code, message)
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int((retry_after or 0) * 1e9))
        detail = any_pb2.Any()
        detail.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
        status = status_pb2.Status(code=code.value[0], message=message, details=[detail])
        context.abort_with_status(rpc_status.to_status(status))
        raise AssertionError("abort raises")

    return call


def refuses_page(number: int, *texts: str, code: int = code_pb2.INTERNAL) -> Call:
    """An error for one picture of a batch, texts for the others."""

    def call(request: Request, context: grpc.ServicerContext) -> Response:
        response = reads(*texts)(request, context)
        error = vision.AnnotateImageResponse(error=status_pb2.Status(code=code, message="this page"))
        response.responses[number] = error
        return response

    return call


def answers_in_part() -> Call:
    return lambda request, context: Response(responses=[])


def hangs(seconds: float) -> Call:
    def call(request: Request, context: grpc.ServicerContext) -> Response:
        until = time.monotonic() + seconds
        while time.monotonic() < until and context.is_active():
            time.sleep(0.02)
        context.abort(grpc.StatusCode.UNAVAILABLE, "it hung")
        raise AssertionError("abort raises")

    return call


@contextlib.contextmanager
def serving(*script: Call, account: Account | None = None) -> Iterator[Vision]:
    """With an account it speaks TLS, and only to those who come with a token of that account, as Google does."""
    turn = threading.Lock()

    def annotate(request: Request, context: grpc.ServicerContext) -> Response:
        stranger = account.problem(_authorization(context)) if account else ""
        if stranger:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, f"The request has {stranger}.")
        if not request.requests:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "No request is given")
        problem = next(filter(None, map(_problem, request.requests)), "")
        if problem:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, problem)
        with turn:
            side.asked.append(request)
            call = side.script.pop(0) if len(side.script) > 1 else side.script[0]
        return call(request, context)

    handler = grpc.unary_unary_rpc_method_handler(
        annotate, request_deserializer=Request.deserialize, response_serializer=Response.serialize
    )
    server = grpc.server(ThreadPoolExecutor(16, "vision"), options=[("grpc.max_receive_message_length", 40_000_000)])
    service = "google.cloud.vision.v1.ImageAnnotator"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {METHOD: handler}),))
    port = _listen(server, account)
    side = Vision(f"{'https' if account else 'http'}://127.0.0.1:{port}", list(script))
    server.start()
    try:
        yield side
    finally:
        server.stop(0).wait()


def _authorization(context: grpc.ServicerContext) -> str:
    return str(dict(context.invocation_metadata()).get("authorization", ""))


def _listen(server: grpc.Server, account: Account | None) -> int:
    if account is None:
        return int(server.add_insecure_port("127.0.0.1:0"))
    own = grpc.ssl_server_credentials([(account.certificate_key, account.certificate)])
    return int(server.add_secure_port("127.0.0.1:0", own))


def _problem(request: vision.AnnotateImageRequest) -> str:
    """What the API would refuse about one picture, "" when it is right."""
    kinds = [feature.type_ for feature in request.features]
    if kinds != [vision.Feature.Type.DOCUMENT_TEXT_DETECTION]:
        return f"features {kinds}"
    if "ko" not in request.image_context.language_hints:
        return "no hint of the language"
    try:
        Image.open(io.BytesIO(request.image.content)).verify()
    except OSError:
        return "Bad image data."
    return ""


def _annotated(text: str) -> vision.AnnotateImageResponse:
    """Letters of 20 x 30 pixels, lines 50 pixels apart, wide gaps between blocks of their own, as the API does."""
    blocks: list[vision.Block] = []
    for row, line in enumerate(text.splitlines()):
        x = 40
        for part in line.split("   "):
            words = []
            for word in part.split():
                words.append(_word(word, x, 50 * row + 40))
                x += 20 * len(word) + 15
            blocks.append(vision.Block(paragraphs=[vision.Paragraph(words=words)]))
            x += 100
    return vision.AnnotateImageResponse(
        full_text_annotation=vision.TextAnnotation(pages=[vision.Page(blocks=_by_columns(blocks))], text=text)
    )


def _by_columns(blocks: Sequence[vision.Block]) -> list[vision.Block]:
    """The API lists a table column by column: what comes first in each line, then what is second, and so on."""
    left = [block for block in blocks if block.paragraphs[0].words and _left(block) <= 40]
    return left + [block for block in blocks if block not in left]


def _left(block: vision.Block) -> int:
    return int(block.paragraphs[0].words[0].bounding_box.vertices[0].x)


def _word(text: str, x: int, y: int) -> vision.Word:
    corners = ((x, y), (x + 20 * len(text), y), (x + 20 * len(text), y + 30), (x, y + 30))
    symbols = [vision.Symbol(text=letter) for letter in text]
    space = vision.TextAnnotation.DetectedBreak(type_=vision.TextAnnotation.DetectedBreak.BreakType.SPACE)
    symbols[-1].property = vision.TextAnnotation.TextProperty(detected_break=space)
    return vision.Word(
        symbols=symbols, bounding_box=vision.BoundingPoly(vertices=[vision.Vertex(x=a, y=b) for a, b in corners])
    )
