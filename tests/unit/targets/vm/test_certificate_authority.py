"""Given what certbot says when it gets no certificate, the operator is told why and what to do."""

from datetime import UTC, datetime

import pytest

from decodeat_ops.targets.vm.certificates.authority import explained

NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
FAILED = """Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority reported:
  Domain: api.example.com
  Type:   {kind}
  Detail: 203.0.113.7: it
  is told here

Hint: The Certificate Authority failed to download the temporary challenge files created by Certbot.

Some challenges have failed.
Ask for help or search for solutions at https://community.letsencrypt.org.
"""
LIMITED = """An unexpected error occurred:
urn:ietf:params:acme:error:rateLimited :: There were too many requests of a given type :: too many certificates (5)
See the logfile /x/letsencrypt.log
"""


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("dns", "see the DNS records"),
        ("connection", "open it in every firewall"),
        ("unauthorized", "the name, or its AAAA record, leads somewhere else"),
        ("caa", "a CAA record of the domain forbids it"),
        ("odd", "it is refused (odd)"),
    ],
)
def test_a_failed_proof(kind: str, says: str) -> None:
    refusal = explained(FAILED.format(kind=kind))
    assert says in refusal.what
    assert refusal.what.startswith("api.example.com: ")
    assert "(203.0.113.7: it is told here)" in refusal.what
    assert "decodeat-ops cert issue" in refusal.hint


@pytest.mark.parametrize(
    ("retry_after", "until"),
    [
        ("7200", "not before 2026-12-01 12:00 UTC"),
        ("Wed, 02 Dec 2026 08:30:00 GMT", "not before 2026-12-02 08:30 UTC"),
        ("", "not today"),
        ("soon", "not today"),
        ("99999999999999999999", "not before"),
    ],
)
def test_a_limit_says_until_when(retry_after: str, until: str) -> None:
    refusal = explained(LIMITED, retry_after, NOW)
    assert "too many certificates (5)" in refusal.what
    assert until in refusal.hint
    assert "https://letsencrypt.org/docs/rate-limits/" in refusal.hint


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("urn:ietf:params:acme:error:accountDoesNotExist :: unknown account", "does not know the machine's account"),
        ("Account at /x/accounts/0a does not exist", "does not know the machine's account"),
        (
            "urn:ietf:params:acme:error:invalidContact :: bad :: contact",
            "refuses the address of vm.acme_email (contact)",
        ),
        ("urn:ietf:params:acme:error:rejectedIdentifier :: no :: not this one", "gives none for these names"),
        ("urn:ietf:params:acme:error:externalAccountRequired :: x", "bound to one of its own"),
        ("urn:ietf:params:acme:error:serverInternal :: it hurts", "trouble of its own (it hurts)"),
        ("requests.exceptions.SSLError: certificate verify failed", "does not believe the authority's own"),
        ("with error: Max retries exceeded with url: /dir", "does not reach the authority (Max retries exceeded"),
        ("Another instance of Certbot is already running.", "another renewal goes on there right now"),
        ("Something odd.\nSee the logfile x", "certbot says: Something odd"),
        ("", "certbot says: nothing"),
    ],
)
def test_other_reasons(said: str, what: str) -> None:
    refusal = explained(said)
    assert what in refusal.what
    assert refusal.hint.endswith(".")
