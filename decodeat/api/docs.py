"""Serve the one page for people: FastAPI's Swagger UI, with a policy that allows what it needs and no more."""

import base64
import hashlib
import re
from urllib.parse import urljoin

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse

_LINKED = re.compile(r'\b(?:src|href)="(https://[^"]+)"')
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def router(title: str, openapi_url: str) -> APIRouter:
    routes = APIRouter()
    html = bytes(get_swagger_ui_html(openapi_url=openapi_url, title=title).body).decode()
    headers = {"Content-Security-Policy": policy(html)}

    @routes.head("/docs", include_in_schema=False)
    @routes.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(html, headers=headers)

    return routes


def policy(html: str) -> str:
    """Return the content security policy of a page, derived from the page: FastAPI decides what it loads from where.

    Scripts: the directories of the linked ones, and the inline ones by their digests. Styles also inline: Swagger UI
    writes them so. Data comes from this site.
    """
    linked = _LINKED.findall(html)
    scripts = [urljoin(url, ".") for url in linked if url.endswith(".js")]
    styles = [urljoin(url, ".") for url in linked if url.endswith(".css")]
    pictures = [url for url in linked if not url.endswith((".js", ".css"))]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in _INLINE.findall(html)]
    return "; ".join(
        (
            "default-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "connect-src 'self'",
            " ".join(("script-src", *scripts, *(f"'sha256-{digest}'" for digest in digests))),
            " ".join(("style-src", "'unsafe-inline'", *styles)),
            " ".join(("img-src", "data:", *pictures)),
        )
    )
