"""Given ALLOWED_HOSTS, other names are refused, and whoever asks for health gets in."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from decodeat.main import create
from decodeat.settings import Settings

CONFIG = Settings(allowed_hosts=("api.example.com", "*.example.org"))


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(create(CONFIG)) as running:
        yield running


def status(client: TestClient, path: str, host: str) -> int:
    return int(client.get(path, headers={"Host": host}).status_code)


@pytest.mark.parametrize("host", ["api.example.com", "API.example.com:8443", "a.example.org", "a.b.example.org:80"])
def test_names_of_ours_are_served(client: TestClient, host: str) -> None:
    assert status(client, "/metrics", host) == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]"])
def test_this_machine_s_own_names_always_are(client: TestClient, host: str) -> None:
    assert status(client, "/metrics", host) == 200


FOREIGN = [
    "evil.test", "example.org", "api.example.com.evil.test", "evilexample.org", "localhost.evil.test",
    "api.example.com@evil.test", "127.0.0.1.evil.test", "127.1", "0x7f.0.0.1", "[::1", "::1]:80",
    "[10.0.0.5]", "10.0.0.5.", "*", "*.example.org.", "0x7f000001", "2130706433", "-a", "a-", "com.", "a b",
]  # fmt: skip


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/docs", "/nope"])
@pytest.mark.parametrize("host", FOREIGN)
def test_foreign_names_are_refused_everywhere(client: TestClient, path: str, host: str) -> None:
    assert status(client, path, host) == 400


@pytest.mark.parametrize("host", ["10.0.0.5", "10.0.0.5:8000", "172.17.0.2:8000", "[fd00::5]:8000", "[fd00::5]", ""])
def test_probes_and_scrapes_ask_by_address_and_see_no_more(client: TestClient, host: str) -> None:
    """Answer probes by address, since they know no name. A bare address can't be the name of a hostile page."""
    assert [status(client, path, host) for path in ("/health", "/ready", "/metrics")] == [200] * 3
    assert [status(client, path, host) for path in ("/docs", "/health/", "/metrics/", "/api/v1/analyze")] == [400] * 4


@pytest.mark.parametrize("host", ["nutrition-api:8000", "nutrition-api", "API_1:8000", "3f2a.host.test:8000", "a"])
def test_they_ask_by_the_names_of_a_container_network_and_of_the_machine(
    client: TestClient, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "3f2a.Host.test")
    assert [status(client, path, host) for path in ("/health", "/ready", "/metrics")] == [200] * 3
    assert [status(client, path, host) for path in ("/docs", "/api/v1/analyze")] == [400] * 2


def test_an_address_that_is_listed_is_served_whole() -> None:
    with TestClient(create(Settings(allowed_hosts=("10.0.0.5",)))) as client:
        assert status(client, "/metrics", "10.0.0.5:8000") == 200


@pytest.mark.parametrize("hosts", [(), ("*",)])
def test_no_list_refuses_nobody(hosts: tuple[str, ...]) -> None:
    with TestClient(create(Settings(allowed_hosts=hosts))) as client:
        assert status(client, "/metrics", "evil.test") == 200


def test_a_refusal_is_an_answer_like_any_other(client: TestClient) -> None:
    answer = client.get("/health", headers={"Host": "evil.test"})
    assert answer.json() == {"detail": "This host is not served here."}
    assert answer.headers["X-Request-Id"] and answer.headers["X-Release-Id"]
