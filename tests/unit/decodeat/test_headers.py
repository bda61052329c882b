"""Every answer tells browsers what they may do with it, whatever the answer is."""

import asyncio
import base64
import hashlib
import re
import time
from collections.abc import Awaitable, Callable

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from decodeat.api.headers import SecurityHeaders
from decodeat.main import create
from decodeat.settings import Settings
from tests.unit.decodeat.test_access import DIGESTS, PATH, REFUSED

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
NOTHING = "default-src 'none'; frame-ancestors 'none'"


def test_no_answer_is_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: object, urls: object, product_id: object) -> None:
        raise RuntimeError

    config = Settings(api_keys=DIGESTS, api_rate_limit=1, allowed_hosts=("testserver",))
    with (
        TestClient(create(config), raise_server_exceptions=False) as client,
        TestClient(create(Settings())) as open_one,
    ):
        answers = [
            client.get("/health"), client.get("/openapi.json"), client.get("/metrics"), client.get("/nope"),
            client.delete("/health"), client.get("/health", headers={"Host": "evil.test"}),
            client.post(PATH, json=REFUSED), client.post(PATH, json=REFUSED), client.post(PATH, content=b"x" * 70_000),
            open_one.post(PATH, json={}), open_one.post(PATH, json=REFUSED),
        ]  # fmt: skip
        monkeypatch.setattr("decodeat.pipeline.Pipeline.analyse", broken)
        with TestClient(create(Settings()), raise_server_exceptions=False) as failing:
            answers.append(failing.post(PATH, json=REFUSED))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 405, 400, 401, 429, 413, 422, 200, 500]
    for answer in answers:
        assert {name: answer.headers.get_list(name) for name in ALWAYS} == {n: [v] for n, v in ALWAYS.items()}
        assert answer.headers.get_list("Content-Security-Policy") == [NOTHING]
        assert "Server" not in answer.headers and "Strict-Transport-Security" not in answer.headers


def test_browsers_that_came_by_https_stay_with_it() -> None:
    with TestClient(create(Settings()), base_url="https://api.kr") as client:
        assert client.get("/health").headers["Strict-Transport-Security"] == "max-age=31536000"


def test_the_page_for_people_may_load_what_is_on_it_and_nothing_else() -> None:
    with TestClient(create(Settings())) as client:
        page = client.get("/docs")
        assert [client.get(path).status_code for path in ("/redoc", "/docs/oauth2-redirect")] == [404, 404]
    (policy,) = page.headers.get_list("Content-Security-Policy")
    rules = {name: set(values) for name, *values in (rule.split() for rule in policy.split("; "))}
    assert rules["default-src"] == {"'none'"} and rules["frame-ancestors"] == {"'none'"}
    assert rules["connect-src"] == {"'self'"} and rules["base-uri"] == {"'none'"}
    linked = re.findall(r'<script src="([^"]+)">', page.text)
    styles = re.findall(r'rel="stylesheet" href="([^"]+)"', page.text)
    icons = re.findall(r'rel="shortcut icon" href="([^"]+)"', page.text)
    inline = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    assert len(linked) == len(styles) == len(icons) == len(inline) == 1
    digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
    assert rules["script-src"] == {linked[0].rpartition("/")[0] + "/", f"'sha256-{digest}'"}
    assert rules["style-src"] == {styles[0].rpartition("/")[0] + "/", "'unsafe-inline'"}
    assert rules["img-src"] == {icons[0], "data:"}
    assert "/openapi.json" in inline[0]


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def _nothing() -> Message:
    raise AssertionError


async def _forget(message: Message) -> None:
    pass


def test_the_layer_costs_microseconds(record_property: Callable[..., None]) -> None:
    scope = {"type": "http", "scheme": "https", "path": "/health"}

    async def took(app: SecurityHeaders | Callable[..., Awaitable[None]], times: int = 5000) -> float:
        began = time.thread_time()
        for _ in range(times):
            await app(scope, _nothing, _forget)
        return (time.thread_time() - began) / times * 1e6

    with_it, without = (min(asyncio.run(took(app)) for _ in range(5)) for app in (SecurityHeaders(_answer), _answer))
    record_property("measured", f"security headers cost {with_it - without:.1f} µs a request")
    assert with_it - without < 100
