"""Certificates for tests: valid for so many days, for these names."""

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def made(*names: str, days: float = 90, issuer: str = "", begins: float = 0) -> tuple[str, str]:
    """Return certificate and key as PEM. Without an `issuer` it is self-signed; it is valid from `begins` days on."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    by = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]) if issuer else subject
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(by).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now + timedelta(days=begins)).not_valid_after(
        now + timedelta(days=days, minutes=5)
    )
    builder = builder.add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
    signed = builder.sign(key, hashes.SHA256())
    return (
        signed.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )


def _alternatives(names: Sequence[str]) -> list[x509.GeneralName]:
    return [x509.DNSName(name) for name in names]


def pem(*names: str, days: float = 90, issuer: str = "", begins: float = 0) -> str:
    return made(*names, days=days, issuer=issuer, begins=begins)[0]


def der(*names: str, days: float = 90, issuer: str = "", begins: float = 0) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem(*names, days=days, issuer=issuer, begins=begins))
