"""Chains of certificates for tests, made when a test runs: a root, one between, and one for names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class One:
    """A certificate with its key; `above` has signed it, itself without one."""

    signed: x509.Certificate
    key: Key

    @property
    def pem(self) -> str:
        return self.signed.public_bytes(serialization.Encoding.PEM).decode()

    def key_pem(self, passphrase: str = "") -> str:
        how: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase:
            how = serialization.BestAvailableEncryption(passphrase.encode())
        pkcs8 = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, pkcs8, how).decode()


def one(
    name: str,
    above: One | None = None,
    *,
    names: Sequence[str] = (),
    days: float = 90,
    begins: float = -1,
    bits: int = 0,
) -> One:
    """Make a certificate; without `names` it is an authority's. `bits` makes its key one of RSA."""
    key: Key = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above.signed.subject if above else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=days, minutes=5))
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False
        )
    return One(builder.sign(above.key if above else key, hashes.SHA256()), key)


def chain(*names: str, **more: float) -> tuple[One, One, One]:
    """Return the certificate for these names, the one above it, and the root."""
    root = one("Test Root")
    between = one("Test Intermediate", root)
    return one(names[0], between, names=names, **more), between, root  # type: ignore[arg-type]
