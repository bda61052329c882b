"""A server that speaks the Gemini REST protocol, strictly, and does at each call the next thing of its script."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.serving import serving

KEY = "gemini-key-for-tests-0001"
Call = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


@dataclass
class Gemini:
    """`script` is used up call by call; its last entry stays. `asked` are the bodies of generateContent."""

    origin: str
    script: list[Call]
    asked: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    models: set[str] = field(default_factory=lambda: {"gemini-2.5-flash"})
    keys: set[str] = field(default_factory=lambda: {KEY})

    def question(self, number: int = -1) -> dict[str, Any]:
        """The JSON object that the model was asked about."""
        found: dict[str, Any] = json.loads(self.asked[number]["contents"][0]["parts"][0]["text"])
        return found


def says(
    answer: object,
    *,
    finish: str = "STOP",
    tokens: tuple[int, int, int] = (900, 300, 1500),
    version: str = "gemini-2.5-flash",
) -> Call:
    """An ordinary answer; `answer` is sent as JSON unless it is text. `tokens`: prompt, candidates, total."""
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    prompt, candidates, total = tokens
    return sends(
        200,
        {
            "candidates": [
                {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish, "index": 0}
            ],
            "usageMetadata": {
                "promptTokenCount": prompt,
                "candidatesTokenCount": candidates,
                "totalTokenCount": total,
            },
            "modelVersion": version,
        },
    )


def refuses(code: int, status: str, message: str = "", **headers: str) -> Call:
    return sends(code, {"error": {"code": code, "status": status, "message": message}}, **headers)


def asks_to_wait(seconds: str) -> Call:
    """429 with the time in the details, as the API itself gives it."""
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": seconds}
    return sends(429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "quota", "details": [detail]}})


def blocks(reason: str = "SAFETY") -> Call:
    return sends(
        200, {"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9}}
    )


def sends(status: int, body: object, **headers: str) -> Call:
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()

    def call(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json; charset=UTF-8")
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return call


def hangs(seconds: float) -> Call:
    """Say nothing for so long, then break off."""

    def call(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return call


def breaks_off(answer: object, after: float = 0.5) -> Call:
    """Send the first part of an answer and hang up; `after` is the share that is sent."""

    def call(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        content = json.dumps({"candidates": [{"content": {"parts": [{"text": json.dumps(answer)}]}}]}).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: int(len(content) * after)])
        handler.close_connection = True

    return call


def answers(reply: Callable[[list[str]], object]) -> Call:
    """An answer made from the texts that were asked about."""

    def call(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        question = json.loads(body["contents"][0]["parts"][0]["text"])
        says(reply([image["text"] for image in question["images"]]))(handler, body)

    return call


@contextlib.contextmanager
def gemini(*script: Call) -> Iterator[Gemini]:
    turn = threading.Lock()

    class Protocol(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            model = self.path.partition("?")[0].removeprefix("/v1beta/models/")
            if not self._known():
                return
            if model in server_side.models:
                sends(200, {"name": f"models/{model}", "version": "1", "displayName": model})(self, {})
            else:
                refuses(404, "NOT_FOUND", f"models/{model} is not found for API version v1beta")(self, {})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not self._known():
                return
            model, _, verb = self.path.partition("?")[0].removeprefix("/v1beta/models/").partition(":")
            if model not in server_side.models:
                refuses(404, "NOT_FOUND", f"models/{model} is not found for API version v1beta")(self, body)
                return
            problem = _problem(verb, body)
            if problem:
                server_side.wrong.append(problem)
                refuses(400, "INVALID_ARGUMENT", problem)(self, body)
                return
            with turn:
                server_side.asked.append(body)
                call = server_side.script.pop(0) if len(server_side.script) > 1 else server_side.script[0]
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                call(self, body)

        def _known(self) -> bool:
            if self.headers.get("x-goog-api-key") in server_side.keys and "key=" not in self.path:
                return True
            refuses(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")(self, {})
            return False

        def log_message(self, format: str, *args: Any) -> None:
            """Tests look at `asked` instead."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Protocol)
    server.daemon_threads = True
    server_side = Gemini(f"http://127.0.0.1:{server.server_port}", list(script))
    with serving(server):
        yield server_side


def _problem(verb: str, body: Mapping[str, Any]) -> str:
    """What the API would refuse about a request, "" when it is right."""
    if verb != "generateContent":
        return f"unknown method {verb}"
    unknown = set(body) - {"model", "contents", "systemInstruction", "generationConfig", "safetySettings"}
    if unknown:
        return f"unknown fields {sorted(unknown)}"
    contents = body.get("contents", [])
    if len(contents) != 1 or not contents[0].get("parts", [{}])[0].get("text"):
        return "one content with a text is wanted"
    if not body.get("systemInstruction", {}).get("parts"):
        return "the instruction is missing"
    config = body.get("generationConfig", {})
    if config.get("responseMimeType") != "application/json":
        return "a schema needs the type application/json"
    return _schema_problem(config.get("responseSchema", {}))


_KINDS = ("", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT")


def _schema_problem(schema: Mapping[str, Any]) -> str:
    given = schema.get("type")
    kind = _KINDS[given] if isinstance(given, int) and 0 < given < len(_KINDS) else given  # names or numbers
    if not kind or kind not in _KINDS:
        return f"a schema of type {given}"
    inner = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    if kind == "OBJECT" and not schema.get("properties"):
        return "an object without properties"
    return next(filter(None, map(_schema_problem, inner)), "")
