"""What the OpenAPI document promises is what is answered: requests made from it, right ones and wrong ones."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.config import SchemathesisConfig

from decodeat.main import create
from decodeat.settings import Settings
from tests.support.examples import examples
from tests.unit.decodeat.test_access import DIGESTS, KEYS, PATH, TOKENS

OPEN = create(Settings())
CLOSED = create(Settings(api_keys=DIGESTS, api_rate_limit=100_000, allowed_hosts=("testserver",), **TOKENS))
# Schemathesis doesn't count 413 among the ways to refuse what is too long.
REFUSALS = ["400", "401", "405", "413", "422"]
CONFIG = SchemathesisConfig.from_dict(
    {"seed": 3, "checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}}
)
open_document = schemathesis.openapi.from_asgi("/openapi.json", OPEN, config=CONFIG)
closed_document = schemathesis.openapi.from_asgi("/openapi.json", CLOSED, config=CONFIG)


@pytest.fixture(autouse=True, scope="module")
def _every_name_leads_to_this_machine() -> Iterator[None]:
    """So every picture is refused at once, and nothing is asked of anybody."""

    def resolve(host: Any, port: Any, *_: object, **__: object) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve)
        yield


# A test for each path: pytest gives all operations of one function the same id, and xdist runs one test for an id.
@open_document.include(path=PATH).parametrize()
@settings(max_examples=examples(250), derandomize=True)
def test_an_analysis_as_clients_know_it(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [("/health", 200, "application/json"), ("/ready", 200, "application/json"), ("/metrics", 200, "text/plain")],
)
def test_what_takes_no_input_answers_what_it_promises(path: str, status: int, kind: str) -> None:
    """Check that the answer is in the document, fits its schema, and is not empty."""
    operation = open_document[path]["GET"]
    answer = operation.Case().call()
    operation.validate_response(answer)
    assert (answer.status_code, answer.headers["content-type"][0].partition(";")[0]) == (status, kind)
    assert answer.content


def test_no_path_is_left_out() -> None:
    assert OPEN.openapi()["paths"].keys() == {PATH, "/health", "/ready", "/metrics"}


@closed_document.include(path=PATH).parametrize()
@settings(max_examples=examples(150), derandomize=True)
def test_the_service_with_keys_tokens_hosts_and_a_limit(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(headers={"X-API-Key": KEYS[0]})


def test_an_answer_s_five_keys_and_eleven_nutrients_are_promised() -> None:
    shapes = OPEN.openapi()["components"]["schemas"]
    assert set(shapes["AnalyzeResponse"]["required"]) == {
        "decodeStatus", "product_name", "nutrition_info", "ingredients", "message",
    }  # fmt: skip
    assert set(shapes["NutritionInfo"]["required"]) == set(shapes["NutritionInfo"]["properties"])
    assert len(shapes["NutritionInfo"]["required"]) == 11


def test_what_is_configured_is_described_and_nothing_else() -> None:
    plain, guarded = (app.openapi()["paths"][PATH]["post"] for app in (OPEN, CLOSED))
    assert set(plain["responses"]) == {"200", "408", "413", "422"} and "security" not in plain
    assert set(guarded["responses"]) == {"200", "400", "401", "408", "413", "422", "429"}
    assert guarded["security"] == [{"ApiKey": []}, {"Bearer": []}]
