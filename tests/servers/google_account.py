"""A service account of Google's with a key made here, and a server's check of the tokens that this key signs."""

import datetime
import ipaddress
import json
from dataclasses import dataclass

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True)
class Account:
    """`key` is what Google hands out as a file; `certificate` and `certificate_key` are the server's own, as PEM."""

    key: dict[str, str]
    public: rsa.RSAPublicKey
    certificate: bytes
    certificate_key: bytes

    @property
    def content(self) -> str:
        """The file's text, as Google writes it."""
        return json.dumps(self.key, indent=2) + "\n"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What nobody may see: each line of the private key, and its number."""
        lines = [line for line in self.key["private_key"].splitlines() if not line.startswith("-----")]
        return (*lines, self.key["private_key_id"])

    def problem(self, authorization: str) -> str:
        """What Google would refuse about a request's header, "" when this account signed its token."""
        kind, _, token = authorization.partition(" ")
        if kind != "Bearer":
            return "no token"
        try:
            header = jwt.get_unverified_header(token)
            said = jwt.decode(
                token,
                self.public,
                algorithms=["RS256"],
                issuer=self.key["client_email"],
                options={"require": ["exp", "iat", "iss", "sub"]},
            )
        except jwt.InvalidTokenError as error:
            return f"a token that is wrong: {type(error).__name__}"
        if header.get("kid") != self.key["private_key_id"] or said["sub"] != self.key["client_email"]:
            return "a token of somebody else"
        return "" if SCOPE in str(said.get("scope")).split() else "a token for something else"


def account(number: int = 1) -> Account:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate, certificate_key = _certificate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    key = {
        "type": "service_account",
        "project_id": "labels",
        "private_key_id": f"{number:040x}",
        "private_key": pem,
        "client_email": f"reader-{number}@labels.iam.gserviceaccount.com",
        "client_id": f"{number:021}",
        "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com",
    }
    return Account(key, private.public_key(), certificate, certificate_key)


def _certificate() -> tuple[bytes, bytes]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.public_bytes(Encoding.PEM), private
