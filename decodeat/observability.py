"""Write the service's log: one JSON object per line on stdout, with the release and the request's id."""

import json
import logging
import os
import re
import sys
import time
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, TextIO

request_id: ContextVar[str] = ContextVar("request_id", default="")

_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode
# Matches every address to its end, so that none is searched again from its middle.
_ADDRESS = re.compile(r"(https?://)(?:[^\s/@'\"]*@)?([^\s?'\"#]*)(?P<query>[?#][^\s'\"]*)?")
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
# At DEBUG these write addresses with their query strings, or a line for every block of a picture.
# aiosqlite writes the stored values.
_TALKATIVE = ("httpcore", "PIL", "asyncio", "python_multipart", "aiosqlite", "alembic.runtime.plugins")


class JsonLines(logging.Formatter):
    """Format a record as one line of JSON; the fields given as `extra` stand beside the message."""

    def __init__(self, release: str = "") -> None:
        super().__init__()
        self._release = release or os.environ.get("RELEASE_ID", "") or "dev"

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": f"{_second(int(record.created))}.{record.msecs:03.0f}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": without_query(record.getMessage()),
            "release": self._release,
            "pid": record.process,
        }
        if known := request_id.get():
            line["request_id"] = known
        line |= {name: value for name, value in vars(record).items() if name not in _PLAIN}
        if record.exc_info:
            line["error"] = without_query(self.formatException(record.exc_info))
        return _encode(line)


@lru_cache(maxsize=1)
def _second(moment: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))


def without_query(text: str) -> str:
    """Return the text without the credentials, query string and fragment of each http(s) URL: they may hold secrets."""
    return _ADDRESS.sub(lambda one: f"{one[1]}{one[2]}{'?…' if one['query'] else ''}", text) if "://" in text else text


def configure(level: str, release: str, stream: TextIO | None = None) -> None:
    """Send everything that this process logs to stdout as JSON lines, the server's own messages included.

    `stream` replaces stdout, for a program that prints its answer there.
    """
    # The thread and the source line of a record are not logged, and finding them takes a third of the time.
    logging.logThreads = logging.logMultiprocessing = False
    logging._srcfile = None  # as Python's documentation advises
    output = logging.StreamHandler(stream or sys.stdout)
    output.setFormatter(JsonLines(release))
    logging.basicConfig(level=level, handlers=[output], force=True)
    for name in ("uvicorn", "uvicorn.error", "gunicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    # Our own middleware writes one line per request, with what these lack: release, request id, duration.
    for name in ("uvicorn.access", "gunicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], False
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
