"""A real nginx with the rendered files: who is answered, with what headers, and what the service gets to see."""

import json
import socket
import ssl
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.targets.vm import documents
from tests.servers.vm_edge import DOMAIN, Edge, command, place, running
from tests.support.vm_settings import SECTION, vm_settings
from tests.support.waiting import PATIENCE

RATE = "[service.environment]\nAPI_RATE_LIMIT = 3\n"
ANALYZE = "/api/v1/analyze"
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000",
}


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """nginx before one release, which is blue."""
    with place() as made:
        made.write(documents.files(vm_settings(tmp_path_factory.mktemp("settings"), RATE)))
        made.activate("blue")
        with made.release("blue", "r1"), running(made):
            yield made


OPTIONS = (
    ("nginx:1.18.0@", 'domains = ["api.example.com"]\n'),
    ("nginx:1.18.0@", ""),
    ("nginx:1.22-alpine@", "docs_public = true\nhttps_port = 8443\n"),
    ("registry.example.com:5000/nginx:stable@", f'domains = ["{"a" * 63}.{"b" * 63}.{"c" * 63}.example.com"]\n{RATE}'),
    ("", RATE),
)


def test_nginx_takes_the_files_whatever_the_settings_are(tmp_path: Path) -> None:
    for image, more in OPTIONS:
        section = f'[vm]\nnginx_image = "{image}sha256:{"b" * 64}"\n'
        with place() as made:
            made.write(documents.files(vm_settings(tmp_path, more, section)))
            tested = subprocess.run(command(made.root, "-t"), capture_output=True, text=True, check=False)
        assert tested.returncode == 0, tested.stderr
        assert "[" not in tested.stderr, "nor a word of warning"


def test_gixy_finds_nothing(tmp_path: Path) -> None:
    gixy = Path(sys.executable).with_name("gixy")
    if not gixy.exists():
        pytest.skip("gixy-ng is not installed here")
    for image, more in OPTIONS:
        section = f'[vm]\nnginx_image = "{image}sha256:{"b" * 64}"\n'
        for name, text in documents.files(vm_settings(tmp_path, more, section)).items():
            if name.startswith(documents.NGINX):
                (tmp_path / Path(name).name).write_text(text)
        found = subprocess.run((gixy, tmp_path / "nginx.conf"), capture_output=True, text=True, check=False)
        assert "No issues found" in found.stdout, found.stdout + found.stderr


ASKED = {
    "the service": ("/", {}, 200),
    "the service, not found": ("/x?status=404", {}, 404),
    "the service, not ready": ("/ready?status=503", {}, 503),
    "the service, broken off": ("/dies", {}, 502),
    "metrics": ("/metrics", {}, 404),
    "metrics, spelt otherwise": ("//%6detrics", {}, 404),
    "docs": ("/docs", {}, 404),
    "the description": ("/openapi.json", {}, 404),
    "an internal place": ("/-/503", {}, 404),
    "a body that is too large": ("/", {"method": "POST", "body": b"x" * 65537}, 413),
    "headers that are too large": ("/", {"headers": {"Cookie": "c" * 9000}}, 431),
    "an address that is too long": ("/" + "a" * 9000, {}, 414),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_every_answer_has_every_header_once(edge: Edge, asked: tuple[str, dict[str, object], int]) -> None:
    path, more, status = asked
    answer = edge.ask(path, **more)  # type: ignore[arg-type]
    assert answer.status == status
    assert {name: answer.all(name) for name in EVERYWHERE} == {name: [value] for name, value in EVERYWHERE.items()}
    assert answer.one("Content-Type") == "application/json"
    assert len(answer.one("X-Request-Id")) == 32
    assert answer.one("Server") == "nginx"
    if status not in {200} and not answer.all("X-Release-Id"):
        assert set(answer.told) == {"detail"}, "it is the service's own form"


@pytest.mark.parametrize("sent", [b"WHAT?\r\n\r\n", b"GET / HTTP/9.1\r\nHost: api.example.com\r\n\r\n"])
def test_what_is_no_request_is_answered_in_the_same_form(edge: Edge, sent: bytes) -> None:
    said = edge.say(sent)
    assert said.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 505 "))
    assert b"X-Frame-Options: DENY" in said and b'{"detail": ' in said


@pytest.mark.parametrize(
    ("version", "ciphers", "spoken"),
    [
        (ssl.TLSVersion.TLSv1_3, "DEFAULT", "TLSv1.3"),
        (ssl.TLSVersion.TLSv1_2, "DEFAULT", "TLSv1.2"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0", ""),
        (ssl.TLSVersion.TLSv1_1, "DEFAULT:@SECLEVEL=0", ""),
    ],
)
def test_tls_is_what_mozilla_calls_intermediate(edge: Edge, version: ssl.TLSVersion, ciphers: str, spoken: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    context.set_ciphers(ciphers)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", edge.secure), PATIENCE) as opened:
        if not spoken:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(opened, server_hostname=DOMAIN)
            return
        with context.wrap_socket(opened, server_hostname=DOMAIN) as client:
            assert (client.version(), client.selected_alpn_protocol()) == (spoken, "h2")


def test_plain_http_is_sent_to_https_and_keeps_its_method(edge: Edge) -> None:
    answer = edge.ask("/a?b=1", method="POST", tls=False)
    assert (answer.status, answer.one("Location")) == (308, f"https://{DOMAIN}/a?b=1")
    assert answer.one("X-Frame-Options") == "DENY"
    assert answer.all("Strict-Transport-Security") == [], "it means nothing there"


def test_an_authority_finds_its_proof(edge: Edge) -> None:
    proof = edge.root / "acme" / ".well-known" / "acme-challenge" / "token"
    proof.parent.mkdir(parents=True)
    proof.write_text("proof")
    answer = edge.ask("/.well-known/acme-challenge/token", tls=False)
    assert (answer.status, answer.body, answer.one("Content-Type")) == (200, b"proof", "text/plain")
    assert edge.ask("/.well-known/acme-challenge/other", tls=False).status == 404
    assert edge.ask("/.well-known/acme-challenge/../../../edge/current/nginx.conf", tls=False).status in {400, 308}


def test_other_names_get_no_answer(edge: Edge) -> None:
    for sent in (b"GET / HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"):
        assert edge.say(sent, tls=False) == b""
        assert edge.say(sent).startswith(b"HTTP/1.1 421 "), "behind the handshake for a name of ours"
    for name in ("evil.test", ""):
        with pytest.raises(OSError, match="unrecognized name"):
            edge.ask("/", host=name or "127.0.0.1", sni=name)


def test_without_domains_every_name_is_answered(tmp_path: Path) -> None:
    section = SECTION.replace('domains = ["api.example.com", "www.example.com"]', "")
    with place() as made:
        made.write(documents.files(vm_settings(tmp_path, section=section)))
        made.activate("blue")
        with made.release("blue", "r1"), running(made):
            assert [made.ask("/", host=one).status for one in ("10.0.0.5", "any.test")] == [200, 200]
            assert made.say(b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")
            assert made.ask("/", host="any.test", tls=False).one("Location") == "https://any.test/"


def test_what_a_client_says_of_itself_is_overwritten(edge: Edge) -> None:
    lies = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Host": "evil.test",
        "X-Real-IP": "203.0.113.9",
        "Forwarded": "for=203.0.113.9",
        "Proxy": "http://evil.test",
        "Connection": "keep-alive, X-Forwarded-For",
    }
    told = edge.ask("/", headers=lies).told["headers"]
    headers = [(name.lower(), value) for name, value in told]
    for name, value in (("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "https"), ("host", DOMAIN)):
        assert [known for found, known in headers if found == name] == [value]
    assert not any("203.0.113.9" in value or "evil" in value or "gopher" in value for _, value in headers)
    assert ("connection", "close") in headers


def test_a_request_keeps_its_id_if_it_is_one(edge: Edge) -> None:
    for given, kept in (("trace-1.a", True), ("a b", False), ("x" * 65, False), ("", False)):
        answer = edge.ask("/", headers={"X-Request-ID": given})
        (seen,) = [value for name, value in answer.told["headers"] if name.lower() == "x-request-id"]
        assert answer.all("X-Request-Id") == [seen]
        assert (seen == given) is kept
        assert edge.logged(seen)["path"] == "/"


def test_the_log_has_no_address_and_no_query(edge: Edge) -> None:
    answer = edge.ask("/path?token=hidden", headers={"User-Agent": 'a"b\\c'})
    line = edge.logged(answer.one("X-Request-Id"))
    assert {name: line[name] for name in ("method", "path", "status", "host", "logger")} == {
        "method": "GET", "path": "/path", "status": 200, "host": DOMAIN, "logger": "nginx",
    }  # fmt: skip
    text = (edge.root / "access.log").read_text()
    assert "hidden" not in text and "127.0.0.1" not in text.replace('"host": "127.0.0.1"', "")


def test_asking_too_often_is_429_for_clients_known_by_their_address(edge: Edge) -> None:
    answers = [edge.ask(ANALYZE, method="POST", body=b"{}") for _ in range(4)]
    assert [one.status for one in answers] == [200] * 4
    while answers[-1].status == 200 and len(answers) < 20:  # one more may pass every 20 s
        answers.append(edge.ask(ANALYZE, method="POST", body=b"{}"))
    assert (answers[-1].status, answers[-1].one("Retry-After")) == (429, "20")
    assert {name: answers[-1].one(name) for name in EVERYWHERE} == EVERYWHERE
    spelt = [edge.ask("//api//v1/%61nalyze", method="POST", body=b"{}").status for _ in range(3)]
    assert 429 in spelt
    assert edge.ask(ANALYZE).status == 200, "only analyses count"
    for name in ("X-API-Key", "Authorization"):
        known = [edge.ask(ANALYZE, method="POST", headers={name: "k"}, body=b"{}").status for _ in range(6)]
        assert known == [200] * 6, "the service counts for each key, and several may share an address"


def test_a_body_up_to_the_service_s_bound_passes_also_in_chunks(edge: Edge) -> None:
    assert edge.ask("/", method="POST", body=b"x" * 65536).told["length"] == 65536
    assert edge.ask("/", method="POST", body=iter([b"x" * 30000] * 2)).told["length"] == 60000
    assert edge.ask("/", method="POST", body=iter([b"x" * 30000] * 3)).status == 413


def test_http_1_0_is_answered_and_closed(edge: Edge) -> None:
    said = edge.say(f"GET /old HTTP/1.0\r\nHost: {DOMAIN}\r\n\r\n".encode())
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and b"Transfer-Encoding" not in head
    assert json.loads(body)["path"] == "/old"


def test_it_says_which_files_it_runs_with(edge: Edge) -> None:
    files = documents.files(vm_settings(edge.root, RATE))
    assert edge.runs_with() == documents.generation(files) == (edge.root / "edge" / "current").readlink().name
