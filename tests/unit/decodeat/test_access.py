"""Given keys or tokens are configured, who has one is served under its name, and who has none is told what would do."""

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from decodeat import values
from decodeat.api.identity import Credentials, of_address
from decodeat.main import create
from decodeat.settings import Settings
from tests.support.examples import examples
from tests.unit.decodeat.tokens import (
    AUDIENCE,
    ISSUER,
    OTHER_SECRET,
    SECRET,
    claims,
    digest_of,
    encoded,
    part,
    token,
    unsigned,
)  # fmt: skip

KEYS = ("k3y-for-tests-0001-abcdef", "k3y-for-tests-0002-abcdef")
PATH = "/api/v1/analyze"
REFUSED = {"image_urls": ["http://127.0.0.1/label.png"]}  # never fetched, so it answers at once
DIGESTS = values.key_digests(",".join(KEYS))
TOKENS: dict[str, Any] = {"jwt_secret": (SECRET, OTHER_SECRET), "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}


@pytest.fixture(scope="module")
def keys() -> Iterator[TestClient]:
    with TestClient(create(Settings(api_keys=DIGESTS))) as client:
        yield client


@pytest.fixture(scope="module")
def tokens() -> Iterator[TestClient]:
    with TestClient(create(Settings(**TOKENS))) as client:
        yield client


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_without_credentials_configured_everybody_is_served() -> None:
    with TestClient(create(Settings())) as client:
        for headers in ({}, {"X-API-Key": "anything"}, bearer("anything")):
            assert client.post(PATH, json=REFUSED, headers=headers).status_code == 200


def test_each_of_several_keys_opens_so_that_one_can_be_replaced(keys: TestClient) -> None:
    assert [keys.post(PATH, json=REFUSED, headers={"X-API-Key": key}).status_code for key in KEYS] == [200, 200]


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"X-API-Key": ""}, {"X-API-Key": KEYS[0][:-1]}, {"X-API-Key": f"{KEYS[0]},{KEYS[1]}"},
        {"X-API-Key": "키".encode()}, {"X-API-Key": b"\xff" * 16}, {"X-API-Key": DIGESTS[0]},
        {"X-API-Key": f"sha256:{DIGESTS[0]}"}, {"X-API-Key": KEYS[0].upper()}, {"Authorization": f"Bearer {KEYS[0]}"},
    ],
)  # fmt: skip
def test_a_wrong_key_or_none_is_401_before_anything_else(keys: TestClient, headers: dict[str, str]) -> None:
    bodies: tuple[dict[str, list[str]], ...] = (REFUSED, {"image_urls": []})
    for body in bodies:
        answer = keys.post(PATH, json=body, headers=headers)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "ApiKey")
        assert answer.json() == {"detail": "A valid API key or token is needed."}


def test_what_monitoring_asks_needs_no_key(keys: TestClient) -> None:
    assert [keys.get(path).status_code for path in ("/health", "/ready", "/metrics", "/docs")] == [200] * 4


GOOD = {
    "plain": lambda: token(claims()),
    "signed with the secret that replaces the first": lambda: token(claims(), OTHER_SECRET),
    "one audience of several": lambda: token(claims(aud=["other", AUDIENCE])),
    "no subject": lambda: token(claims(sub=None)),
    "expired within the leeway": lambda: token(claims(exp=int(time.time()) - 10)),
    "issued and valid a moment ahead of our clock": lambda: token(claims(iat=time.time() + 10, nbf=time.time() + 10)),
}
BAD: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "garbage": lambda: "not.a.token",
    "dots": lambda: "....",
    "no base64": lambda: "%%%.%%%.%%%",
    "huge": lambda: token(claims(extra="x" * 9000)),
    "another secret": lambda: token(claims(), "s1gning-0003-5f0c7d9e8b6a4c3d2e1f"),
    "no signature": lambda: token(claims()).rpartition(".")[0] + ".",
    "a changed claim": lambda: ".".join(
        (token(claims()).split(".")[0], part(claims(sub="admin")), token(claims()).split(".")[2])
    ),
    "alg none": lambda: unsigned(claims(), "none"),
    "alg None": lambda: unsigned(claims(), "None"),
    "alg none with a signature": lambda: token(claims(), alg="none"),
    "no alg": lambda: token(claims(), alg=None),
    "alg hs256": lambda: token(claims(), alg="hs256"),
    "RS256 signed with the secret": lambda: token(claims(), alg="RS256"),
    "HS512 with the right secret": lambda: token(claims(), digest="sha512", alg="HS512"),
    "a list of algorithms": lambda: token(claims(), alg=["HS256"]),
    "its own key in the header": lambda: token(
        claims(), "attacker", jwk={"kty": "oct", "k": encoded(b"attacker")}, kid="../../dev/null"
    ),
    "critical extension": lambda: token(claims(), crit=["unknown"], unknown=1),
    "detached payload": lambda: token(claims(), b64=False, crit=["b64"]),
    "expired": lambda: token(claims(exp=int(time.time()) - 40)),
    "no expiry": lambda: token(claims(exp=None)),
    "expiry is no number": lambda: token(claims(exp="tomorrow")),
    "expiry without end": lambda: token(claims(exp=1e999)),
    "not yet valid": lambda: token(claims(nbf=int(time.time()) + 60)),
    "issued in the future": lambda: token(claims(iat=int(time.time()) + 60)),
    "another issuer": lambda: token(claims(iss="https://evil.test")),
    "issuer in a list": lambda: token(claims(iss=[ISSUER])),
    "no issuer": lambda: token(claims(iss=None)),
    "another audience": lambda: token(claims(aud="other")),
    "audience within another": lambda: token(claims(aud=f"{AUDIENCE}-2")),
    "no audience": lambda: token(claims(aud=None)),
    "audience of no type": lambda: token(claims(aud={AUDIENCE: 1})),
    "subject is no text": lambda: token(claims(sub={"a": 1})),
    "claims are a list": lambda: token([ISSUER, AUDIENCE]),
    "header without end": lambda: f"{encoded(b'[' * 3000)}.{part(claims())}.x",
    "payload without end": lambda: token(json.loads("[" * 400 + "]" * 400)),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_token_opens(tokens: TestClient, name: str) -> None:
    assert tokens.post(PATH, json=REFUSED, headers=bearer(GOOD[name]())).status_code == 200


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_401_and_called_invalid(tokens: TestClient, name: str) -> None:
    answer = tokens.post(PATH, json=REFUSED, headers=bearer(BAD[name]()))
    error = ', error="invalid_token"' if name != "empty" else ""
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, f'Bearer realm="decodeat"{error}')
    assert answer.json() == {"detail": "A valid API key or token is needed."}


@pytest.mark.parametrize("value", [None, "Bearer", "Basic dXNlcjpwdw==", "Token {}", "{}"])
def test_no_token_is_401_without_an_error_as_rfc_6750_asks(tokens: TestClient, value: str | None) -> None:
    headers = {} if value is None else {"Authorization": value.format(token(claims()))}
    answer = tokens.post(PATH, json=REFUSED, headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="decodeat"')


CREDENTIALS = Credentials(secrets=(SECRET,), issuer=ISSUER, audience=AUDIENCE)


@settings(max_examples=examples(200))
@given(st.text(max_size=80) | st.binary(max_size=80).map(encoded) | st.lists(st.text(max_size=20)).map(".".join))
def test_any_text_is_no_token(text: str) -> None:
    assert CREDENTIALS.holder(bearer(text)) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=2),
    max_leaves=3,
)


@settings(max_examples=examples(200))
@given(st.dictionaries(st.sampled_from(["iss", "aud", "exp", "sub", "iat", "nbf", "jti"]), JSON))
def test_whatever_a_signed_token_claims_is_judged_and_never_an_error(changed: dict[str, object]) -> None:
    assert re.fullmatch(r"(token:[0-9a-f]{12})?", CREDENTIALS.holder(bearer(token(claims(**changed)))))


def test_either_kind_suffices_when_both_are_configured() -> None:
    with TestClient(create(Settings(api_keys=DIGESTS, **TOKENS))) as client:
        good = [{"X-API-Key": KEYS[1]}, bearer(token(claims())), {"X-API-Key": "wrong", **bearer(token(claims()))}]
        good.append({"X-API-Key": KEYS[0], **bearer("wrong")})
        assert [client.post(PATH, json=REFUSED, headers=headers).status_code for headers in good] == [200] * 4
        none = client.post(PATH, json=REFUSED)
        wrong = client.post(PATH, json=REFUSED, headers=bearer("wrong"))
        described = client.get("/openapi.json").json()
    assert none.headers["WWW-Authenticate"] == 'ApiKey, Bearer realm="decodeat"'
    assert wrong.headers["WWW-Authenticate"] == 'ApiKey, Bearer realm="decodeat", error="invalid_token"'
    assert described["paths"][PATH]["post"]["security"] == [{"ApiKey": []}, {"Bearer": []}]
    assert described["components"]["securitySchemes"] == {
        "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "Bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    }


def test_the_log_names_who_has_a_key_or_token_and_no_address(caplog: pytest.LogCaptureFixture) -> None:
    both = Settings(api_keys=DIGESTS, **TOKENS)
    with TestClient(create(both), client=("203.0.113.7", 50000)) as client, caplog.at_level(logging.INFO):
        client.post(PATH, json=REFUSED, headers={"X-API-Key": KEYS[0]})
        client.post(PATH, json=REFUSED, headers=bearer(token(claims())))
        client.post(PATH, json=REFUSED, headers=bearer(token(claims(exp=int(time.time()) + 99), OTHER_SECRET)))
        client.post(PATH, json=REFUSED)
    lines = [vars(record) for record in caplog.records if record.name == "decodeat.access"]
    key, one, other, nobody = [line.get("client", "") for line in lines]
    assert key == f"key:{digest_of(KEYS[0])[:12]}"
    assert one.startswith("token:") and other.startswith("token:") and nobody == ""
    written = " ".join(map(str, lines))
    assert "203.0.113.7" not in written and "kim@shop.kr" not in written and KEYS[0] not in written


def test_a_token_s_holder_keeps_its_name_from_token_to_token() -> None:
    names = {CREDENTIALS.holder(bearer(token(claims(exp=int(time.time()) + more)))) for more in (10, 99)}
    assert len(names) == 1
    assert CREDENTIALS.holder(bearer(token(claims(sub="lee@shop.kr")))) not in names


@pytest.mark.parametrize(
    ("client", "identity"),
    [
        (None, ""),
        (("203.0.113.7", 1), "address:203.0.113.7"),
        (("::ffff:203.0.113.7", 1), "address:203.0.113.7"),
        (("2001:db8:1:2:aaaa::1", 1), "address:2001:db8:1:2::"),
        (("2001:db8:1:2:ffff:ffff:ffff:ffff", 1), "address:2001:db8:1:2::"),
        (("2001:db8:1:3::1", 1), "address:2001:db8:1:3::"),
        (("fe80::1%eth0", 1), "address:fe80::"),
        (("unknown", 0), "address:unknown"),
    ],
)
def test_an_address_stands_for_a_customer(client: tuple[str, int] | None, identity: str) -> None:
    assert of_address(client) == identity
