"""Private sockets are asked through one held channel for each container, addresses directly."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.errors import Lost, Unreachable
from decodeat_ops.core.ports import Endpoint
from decodeat_ops.targets.vm.asking import SOCKET, VmHttp, private, public
from tests.support.certificates import pem
from tests.unit.targets.vm.recorded import serving
from tests.unit.targets.vm.told import Told, Web, place_of


class Asked:
    """A program in a container that answers so; `lines` are what it was asked."""

    def __init__(self, *answers: dict[str, Any] | Lost | str) -> None:
        self.answers = list(answers)
        self.lines: list[dict[str, Any]] = []

    def ask(self, line: str, timeout: float = 30.0) -> str:
        self.lines.append(json.loads(line))
        answer = self.answers.pop(0)
        if isinstance(answer, Lost):
            raise answer
        return answer if isinstance(answer, str) else json.dumps(answer)


def body(text: bytes) -> str:
    return base64.b64encode(text).decode()


GOOD = {"status": 200, "headers": {"X-Release-Id": "r1"}, "body": body(b'{"ready": true}'), "seconds": 0.02}
GONE = {"error": "its container does not run", "gone": True}
LOST = Lost("The connection to a broke off.")


def asking(home: Path, *programs: Asked) -> tuple[Told, VmHttp, Endpoint]:
    machine = Told("a", serving())
    machine.holding = [*programs]
    place = place_of(home, machine)
    return machine, VmHttp(place), private(place, "a", "blue")


def test_a_private_socket_is_asked_from_inside_of_its_container(tmp_path: Path) -> None:
    program = Asked(GOOD, GOOD)
    machine, http, endpoint = asking(tmp_path, program)
    answer = http.request(endpoint, "POST", "/analyze", body=b"{}", headers={"X-API-Key": "k"}, timeout=30)
    assert (answer.status, answer.headers, answer.body) == (200, {"x-release-id": "r1"}, b'{"ready": true}')
    assert program.lines[0] == {
        "unix": SOCKET, "method": "POST", "path": "/analyze", "body": body(b"{}"), "timeout": 30,
        "headers": {"Host": "localhost", "X-API-Key": "k"},
    }  # fmt: skip
    http.request(endpoint, "GET", "/ready")
    assert len(machine.scripts) == 1  # one channel for both
    assert "docker exec -i demo-production-blue python -m decodeat.ask" in machine.scripts[0][0]


def test_a_channel_of_a_container_that_is_gone_is_opened_anew(tmp_path: Path) -> None:
    for end in (GONE, LOST):
        machine, http, endpoint = asking(tmp_path, Asked(GOOD, end), Asked(GOOD))
        http.request(endpoint, "GET", "/ready")
        assert http.request(endpoint, "GET", "/ready").status == 200
        assert len(machine.scripts) == 2


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ((GONE, GONE), "its container does not run"),
        (({"error": "timed out", "seconds": 5},), "timed out"),
        (("no JSON",), "what it says is no answer"),
        (("null",), "what it says is no answer"),
        (("[" * 5000,), "what it says is no answer"),
        (({"status": 200, "headers": None},), "what it says is no answer"),
        (({"status": 200, "body": "x"},), "what it says is no answer"),
    ],
)
def test_no_answer_is_unreachable(tmp_path: Path, answers: tuple[Any, ...], says: str) -> None:
    _, http, endpoint = asking(tmp_path, *(Asked(one) for one in answers))
    with pytest.raises(Unreachable, match=f"blue on a did not answer: {says}"):
        http.request(endpoint, "GET", "/ready")


def test_a_connection_that_breaks_off_is_lost(tmp_path: Path) -> None:
    _, http, endpoint = asking(tmp_path, Asked(LOST))
    with pytest.raises(Lost):
        http.request(endpoint, "GET", "/ready")


DOMAINS = 'domains = ["api.example.com"]'


def test_clients_address_is_asked_at_the_machine_by_their_name(tmp_path: Path) -> None:
    web, certificate = Web(), pem("api.example.com")
    place = place_of(tmp_path, Told("a", serving()), more=DOMAINS, http=web)
    endpoint = public(place, "a", certificate)
    VmHttp(place).request(endpoint, "GET", "/health")
    [(asked, method, path, _)] = web.asked
    assert (asked.host, asked.sent_as, asked.tls, asked.trusted) == ("192.0.2.1", "api.example.com", True, certificate)
    assert (method, path, str(endpoint)) == ("GET", "/health", "https://api.example.com")


def test_an_authoritys_certificate_is_judged_as_clients_do(tmp_path: Path) -> None:
    more = f'{DOMAINS}\ncertificate = "acme"\nacme_email = "ops@example.com"'
    place, first = place_of(tmp_path, Told("a", serving()), more=more), pem("x")
    assert public(place, "a", pem("x", issuer="Authority")).trusted == ""
    assert public(place, "a", first).trusted == first, "a machine's first one, until the authority's comes"


def test_an_address_out_of_reach_is_asked_by_name(tmp_path: Path) -> None:
    web = Web()
    web.silent = {"192.0.2.1"}
    place = place_of(tmp_path, Told("a", serving()), more=DOMAINS, http=web)
    assert VmHttp(place).request(public(place, "a", ""), "GET", "/health").status == 200
    assert [one[0].host for one in web.asked] == ["192.0.2.1", "api.example.com"]
    with pytest.raises(Unreachable):  # an analysis is not asked for twice
        VmHttp(place).request(public(place, "a", ""), "POST", "/analyze")
