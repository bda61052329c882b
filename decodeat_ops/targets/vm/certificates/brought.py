"""Judge a certificate that somebody brings, before it goes anywhere: key, order, authority, names and time."""

import hashlib
import itertools
import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from decodeat_ops.core.certificate import Certificate, covers
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.secret import Secret
from decodeat_ops.targets.vm.certificates.state import chain_of

if TYPE_CHECKING:
    from cryptography import x509

_READABLE = 0o007  # the bits of a mode by which anybody gets at a key
_SHORTEST = 2048  # bits of an RSA key that nginx takes
_MOST = 1 << 20  # bytes of a file that may be a chain or a key


@dataclass(frozen=True)
class Brought:
    """Hold a certificate with its chain, as PEM, and its key."""

    chain: str
    key: Secret
    certificates: tuple[Certificate, ...]

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the chain in hex."""
        return hashlib.sha256(self.chain.encode()).hexdigest()

    @property
    def directory(self) -> str:
        """Return what machines call the directory with it."""
        return f"own-{self.digest[:12]}"

    @property
    def leaf(self) -> Certificate:
        return self.certificates[0]


def read(chain: Path, key: Path, domains: Sequence[str], now: datetime | None = None) -> Brought:
    """Read both files. Raises `Configuration` with all that keeps clients from trusting what is in them."""
    texts = {path: _text(path) for path in (chain, key)}
    now = now or datetime.now(UTC)
    try:
        certificates = chain_of(texts[chain])
    except ValueError as error:
        raise Configuration(f"{chain} is no chain of certificates as PEM: {error}.", where=str(chain)) from error
    problems = [*_exposed(key), *_key(texts[chain], texts[key], key), *_time(certificates, now)]
    problems += [*_names(certificates[0], domains), *_order(texts[chain])]
    if problems:
        count = "One problem keeps" if len(problems) == 1 else f"{len(problems)} problems keep"
        raise Configuration(
            f"{count} this certificate from being served.", hint="What serves now goes on.", lines=tuple(problems)
        )
    return Brought(_tidy(texts[chain]), Secret(f"{texts[key].strip()}\n"), certificates)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode("ascii", "replace")
    except OSError as error:
        raise Configuration(f"{path} can't be read: {error.strerror}.", where=str(path)) from error


def _tidy(text: str) -> str:
    """Return the certificates alone, without what people and programs write around them."""
    found = re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.DOTALL)
    return "".join(f"{one}\n" for one in found)


def _exposed(key: Path) -> Iterator[str]:
    if key.stat().st_mode & _READABLE:
        yield f"everybody on this machine gets at {key}: chmod 600 it, and take another key if others were here"


def _parsed(text: str) -> "list[x509.Certificate]":
    from cryptography import x509  # it takes long to import

    return x509.load_pem_x509_certificates(_tidy(text).encode())


def _key(chain: str, text: str, path: Path) -> Iterator[str]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    def shown(public: object) -> bytes:
        return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined, no-any-return]

    try:
        key = load_pem_private_key(text.encode(), None)
    except TypeError:
        yield f"the key in {path} has a passphrase, which nobody could type when nginx starts: openssl pkey -in FILE"
        return
    except (ValueError, UnsupportedAlgorithm):
        yield f"{path} holds no key as PEM"
        return
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < _SHORTEST:
        yield f"the key has {key.key_size} bits, and {_SHORTEST} are the least that clients take"
    if shown(key.public_key()) != shown(_parsed(chain)[0].public_key()):
        yield f"the key in {path} is not that of the first certificate: is the chain in its order, the machine's first?"


def _time(certificates: Sequence[Certificate], now: datetime) -> Iterator[str]:
    for one in certificates:
        if one.ends <= now:
            yield f"the certificate of {one.subject or 'no name'} has ended ({one.ends:%Y-%m-%d})"
        elif one.begins > now:
            yield f"the certificate of {one.subject or 'no name'} begins at {one.begins:%Y-%m-%d %H:%M} UTC only"


def _names(leaf: Certificate, domains: Sequence[str]) -> Iterator[str]:
    missing = [name for name in domains if not covers(leaf, name)]
    if missing:
        yield f"it is for {', '.join(leaf.names) or 'no name'}, and not for {', '.join(missing)} of vm.domains"


def _order(text: str) -> Iterator[str]:
    """Yield where a chain has a gap: each one is signed by the next, the last one by an authority that is trusted."""
    chain = _parsed(text)
    for number, (one, above) in enumerate(itertools.pairwise(chain), 1):
        if not _signed(one, above):
            yield f"certificate {number + 1} of the chain has not signed certificate {number}: put them in order"
            return
    last = chain[-1]
    if last.issuer != last.subject and not any(_signed(last, root) for root in _roots(last)):
        yield (
            f"the chain ends with one that {_common(last.issuer)} has signed, which this machine does not know: add "
            "the intermediate certificates, or the root of an authority of your own"
        )


def _roots(last: "x509.Certificate") -> "Iterator[x509.Certificate]":
    """Yield the authorities of this machine that have the name of a certificate's issuer."""
    from cryptography import x509

    issuer = last.issuer.public_bytes()
    for der in ssl.create_default_context().get_ca_certs(binary_form=True):
        if issuer not in der:  # quicker than to read them all
            continue
        try:
            yield x509.load_der_x509_certificate(der)
        except ValueError:
            continue


def _signed(one: "x509.Certificate", by: "x509.Certificate") -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        one.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _common(name: "x509.Name") -> str:
    from cryptography.x509.oid import NameOID

    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()
