"""What a container engine runs to see whether the service lives, against a server that lives or doesn't."""

from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

import pytest

from decodeat import healthcheck
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE
from tests.unit.decodeat.web import Web, silent


@pytest.fixture
def asking(site: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    monkeypatch.setenv("HOST", "0.0.0.0")
    monkeypatch.setenv("PORT", str(urlsplit(site.origin).port))
    monkeypatch.setattr(healthcheck, "_PATIENCE", PATIENCE)
    return site


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (404, 1)])
def test_the_answer_decides(asking: Web, capsys: pytest.CaptureFixture[str], status: int, code: int) -> None:
    asking.serve("/health", b"{}", status)
    assert healthcheck.main() == code
    assert capsys.readouterr().out == f"/health answered {status}\n"


def _garbage(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"what?\r\n\r\n")


def test_garbage_is_told(asking: Web, capsys: pytest.CaptureFixture[str]) -> None:
    asking.routes["/health"] = _garbage
    assert healthcheck.main() == 1
    assert capsys.readouterr().out.strip() == "what?"


def test_silence_is_told(asking: Web, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(healthcheck, "_PATIENCE", 0.5)
    asking.routes["/health"] = silent
    assert healthcheck.main() == 1
    assert capsys.readouterr().out.strip() == "timed out"


def test_nobody_is_there(asking: Web, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PORT", str(free_port()))
    assert healthcheck.main() == 1
    assert "refused" in capsys.readouterr().out


def test_it_asks_where_the_service_listens(asking: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    asking.serve("/health", b"{}")
    monkeypatch.setenv("HOST", "127.0.0.1")
    assert healthcheck.main() == 0
    monkeypatch.setenv("HOST", "::")  # everywhere, this time over IPv6, where nobody listens
    assert healthcheck.main() == 1


def test_a_wrong_environment_is_no_health(
    asking: Web, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "eighty")
    assert healthcheck.main() == 1
    assert "PORT must be" in capsys.readouterr().out
