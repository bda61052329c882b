"""What the service is compared with: the same work done by a handler that does nothing else.

`/echo` validates a request and gives it back; `/download` fetches its picture with httpx, as a handler does that has
nothing to fear, and `/guarded` with the service's own downloader; `/upstreams` calls Vision and Gemini through the same
SDKs, in the same way, and looks at nothing that comes back. Served by the same gunicorn.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import google.generativeai as genai
import grpc
import httpx
from fastapi import FastAPI, Request
from google.cloud import vision
from google.cloud.vision_v1.services.image_annotator.transports import ImageAnnotatorGrpcAsyncIOTransport

from decodeat.analysis.label import Reading
from decodeat.api.schemas import AnalyzeRequest
from decodeat.deadline import Deadline
from decodeat.engines import prompt
from decodeat.images.download import Downloader

ORIGIN = os.environ["IMAGE_ALLOWED_ORIGINS"]
LIMIT = 10 * 1024 * 1024  # bytes


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    channel = grpc.aio.insecure_channel(os.environ["VISION_ENDPOINT"].removeprefix("http://"))
    app.state.vision = vision.ImageAnnotatorAsyncClient(transport=ImageAnnotatorGrpcAsyncIOTransport(channel=channel))
    options = {"api_endpoint": os.environ["GEMINI_ENDPOINT"]}
    genai.configure(api_key=os.environ["GEMINI_API_KEY"], transport="rest", client_options=options)
    config = {"temperature": 0.0, "response_mime_type": "application/json", "response_schema": prompt.SCHEMA}
    app.state.model = genai.GenerativeModel(
        "gemini-2.5-flash", system_instruction=prompt.INSTRUCTION, generation_config=config
    )
    app.state.threads = ThreadPoolExecutor(32)
    limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
    async with httpx.AsyncClient(limits=limits, trust_env=False) as client, Downloader(LIMIT, [ORIGIN]) as downloader:
        app.state.client, app.state.downloader = client, downloader
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/echo")
async def echo(asked: AnalyzeRequest) -> AnalyzeRequest:
    return asked


@app.post("/download")
async def download(asked: AnalyzeRequest, request: Request) -> dict[str, int]:
    answer = await request.app.state.client.get(asked.image_urls[0])
    answer.raise_for_status()
    return {"bytes": len(answer.content)}


@app.post("/guarded")
async def guarded(asked: AnalyzeRequest, request: Request) -> dict[str, int]:
    data = await request.app.state.downloader.fetch(asked.image_urls[0], Deadline(60))
    return {"bytes": len(data)}


@app.post("/upstreams")
async def upstreams(asked: AnalyzeRequest, request: Request) -> dict[str, str]:
    state = request.app.state
    data = await state.downloader.fetch(asked.image_urls[0], Deadline(60))
    one = vision.AnnotateImageRequest(
        image=vision.Image(content=data),
        features=[vision.Feature(type_=vision.Feature.Type.DOCUMENT_TEXT_DETECTION)],
        image_context=vision.ImageContext(language_hints=["ko", "en"]),
    )
    read = await state.vision.batch_annotate_images(requests=[one], retry=None, timeout=30.0)
    question = prompt.question([Reading((read.responses[0].full_text_annotation.text,))])
    options = {"timeout": 30.0, "retry": None}
    said = await asyncio.get_running_loop().run_in_executor(
        state.threads, lambda: state.model.generate_content(question, request_options=options)
    )
    return {"text": said.text}
