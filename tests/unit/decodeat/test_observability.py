"""What is logged is one JSON object a line, and no secret is in it."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from decodeat import observability
from decodeat.observability import JsonLines, request_id, without_query


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


def test_a_record_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    observability.configure("INFO", "r-1")
    token = request_id.set("q-1")
    logging.getLogger("decodeat.test").info("two\nlines", extra={"status": 200, "path": "/라벨"})
    request_id.reset(token)
    (text,) = capsys.readouterr().out.splitlines()
    line = json.loads(text)
    assert (line["message"], line["release"], line["request_id"], line["status"]) == ("two\nlines", "r-1", "q-1", 200)
    assert line["path"] == "/라벨" and line["level"] == "INFO" and line["time"].endswith("Z")
    assert "라벨" in text


def test_servers_speak_through_the_same_stream_and_their_access_logs_not_at_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    observability.configure("INFO", "r-1")
    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("gunicorn.error").info("booting")
    logging.getLogger("uvicorn.access").info("GET /")
    logging.getLogger("httpcore.http11").debug("http://shop.kr/?sig=secret")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["message"] for line in lines] == ["started", "booting"]


def test_an_error_keeps_its_traceback_and_loses_signatures() -> None:
    try:
        raise ValueError("no picture at https://user:pw@shop.kr/a.png?X-Amz-Signature=secret&b=1 today")
    except ValueError:
        record = logging.makeLogRecord({"name": "x", "msg": "failed", "levelno": 40, "exc_info": sys.exc_info()})
    line = json.loads(JsonLines("r-1").format(record))
    assert "ValueError: no picture at https://shop.kr/a.png?… today" in line["error"]
    assert "secret" not in line["error"] and "pw@" not in line["error"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("http://a.kr/x?y=1", "http://a.kr/x?…"),
        ("'http://a.kr/x?y=1' and http://b.kr/", "'http://a.kr/x?…' and http://b.kr/"),
        ("http://a.kr/x#frag", "http://a.kr/x?…"),
        ("what? nothing", "what? nothing"),
    ],
)
def test_query_strings_are_left_out(text: str, written: str) -> None:
    assert without_query(text) == written
