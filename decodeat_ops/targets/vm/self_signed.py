"""Make a certificate for a machine that has none yet, so that nginx can start."""

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta

from decodeat_ops.core.secret import Secret

DAYS = 3650  # nobody trusts it anyway, so that nothing is gained when it ends


def made(names: Sequence[str], now: datetime) -> tuple[str, Secret]:
    """Return a certificate for these names or addresses, and its key, both as PEM. No client can check it."""
    from cryptography import x509  # it takes long to import, and is needed once for each machine
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    signed = builder.sign(key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return signed.public_bytes(serialization.Encoding.PEM).decode(), Secret(secret.decode())


def _general(name: str) -> "x509.GeneralName":  # type: ignore[name-defined]  # noqa: F821
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
