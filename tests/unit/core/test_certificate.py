"""The few things of a certificate that matter are read from it, and damage is refused."""

import re
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from decodeat_ops.core import certificate
from tests.support.certificates import pem


def test_names_validity_and_issuer_are_what_cryptography_reads() -> None:
    text = pem("api.example.com", "*.example.com", days=30, issuer="An Authority")
    found, known = certificate.of_pem(text), x509.load_pem_x509_certificate(text.encode())
    assert found.names == ("api.example.com", "*.example.com")
    assert (found.begins, found.ends) == (known.not_valid_before_utc, known.not_valid_after_utc)
    assert (found.issuer, found.subject, found.self_signed) == ("An Authority", "api.example.com", False)
    assert int(found.serial, 16) == known.serial_number
    assert found.days_left(found.ends - timedelta(days=3)) == 3


def test_a_name_is_covered_however_it_is_written() -> None:
    found = certificate.of_pem(pem("API.Example.com", "*.Example.org"))
    asked = ("api.example.com", "www.example.org", "example.org", "a.b.example.org", "www.example.com")
    assert [certificate.covers(found, name) for name in asked] == [True, True, False, False, False]


def test_the_first_of_a_chain_is_read() -> None:
    chain = "Bag Attributes\n" + pem("one.example.com") + pem("two.example.com")
    found = certificate.of_pem(chain)
    assert (found.names, found.self_signed) == (("one.example.com",), True)


def test_a_date_after_2049_is_read() -> None:
    found = certificate.of_pem(pem("far.example.com", days=365 * 40))
    assert found.ends > datetime(2060, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "no PEM"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"certificate"):
        certificate.of_pem(text)


def test_every_cut_is_refused_and_breaks_nothing() -> None:
    whole = ssl.PEM_cert_to_DER_cert(pem("api.example.com"))
    for length in range(0, len(whole), 7):
        with pytest.raises(ValueError, match=re.compile(r".")):
            certificate.of_der(whole[:length])
