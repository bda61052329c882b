"""Read the few things of an X.509 certificate that an operator has to know, from its DER or PEM."""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_NAMES = bytes.fromhex("551d11")  # the extension subjectAltName, 2.5.29.17
_COMMON = bytes.fromhex("550403")  # the attribute commonName
_OID, _UTC, _EXTENSIONS, _DNS, _IP = 0x06, 0x17, 0xA3, 0x82, 0x87


class Handshake(Protocol):
    """Read what a server shows to its clients."""

    def certificate(self, host: str, port: int, name: str, timeout: float = 5.0) -> bytes:
        """Return the certificate (DER) that is served to whoever asks for a name, valid or not.

        Raises `Unreachable` when there is none in time.
        """
        ...


@dataclass(frozen=True)
class Certificate:
    """Hold a certificate: who it is for, from when to when (UTC), and by whom it is issued."""

    names: tuple[str, ...]
    begins: datetime
    ends: datetime
    issuer: str
    subject: str
    serial: str  # in hex
    fingerprint: str  # SHA-256 in hex

    def days_left(self, now: datetime | None = None) -> float:
        return (self.ends - (now or datetime.now(UTC))).total_seconds() / 86400

    @property
    def self_signed(self) -> bool:
        return self.issuer == self.subject


def covers(one: Certificate, name: str) -> bool:
    """Return whether a certificate is for a name in small letters; a star stands for one label (RFC 6125)."""
    return not {name, f"*.{name.partition('.')[2]}"}.isdisjoint(known.lower() for known in one.names)


def of_pem(text: str) -> Certificate:
    """Read the first certificate of a PEM text. Raises ValueError when there is none, or it is damaged."""
    begin, end = text.find(_BEGIN), text.find(_END)
    if begin < 0 or end < begin:
        raise ValueError("there is no certificate in it")
    try:
        return of_der(base64.b64decode(text[begin + len(_BEGIN) : end], validate=False))
    except binascii.Error as error:
        raise ValueError("its Base64 is damaged") from error


def of_der(data: bytes) -> Certificate:
    """Read a certificate. Raises ValueError when it is damaged."""
    try:
        return _certificate(data)
    except (IndexError, StopIteration, UnicodeDecodeError) as error:
        raise ValueError("it is no X.509 certificate") from error


def _certificate(data: bytes) -> Certificate:
    whole = next(_parts(data))[1]
    parts = [*_parts(next(_parts(whole))[1])]
    if parts[0][0] == 0xA0:  # the version, which the first one does not say
        parts = parts[1:]
    serial, _, issuer, validity, subject = (content for _, content in parts[:5])
    begins, ends = (_moment(kind, content) for kind, content in list(_parts(validity))[:2])
    extensions = next((content for kind, content in parts if kind == _EXTENSIONS), b"")
    names = tuple(_alternatives(extensions)) if extensions else ()
    common = _name(subject)
    return Certificate(
        names or ((common,) if common else ()), begins, ends, _name(issuer), common, serial.hex(),
        hashlib.sha256(data).hexdigest(),
    )  # fmt: skip


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each element (ITU-T X.690)."""
    at = 0
    while at < len(data):
        kind, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size]), at + size
        if at + length > len(data):
            raise IndexError
        yield kind, data[at : at + length]
        at += length


def _moment(kind: int, content: bytes) -> datetime:
    """Return a moment: UTCTime has two digits for the year, those from 50 on are of the last century (RFC 5280)."""
    text = content.decode("ascii")
    if kind == _UTC:
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _name(content: bytes) -> str:
    """Return the common name, else the last attribute of a name."""
    last = ""
    for _, attributes in _parts(content):
        for _, attribute in _parts(attributes):
            (_, oid), (_, value) = list(_parts(attribute))[:2]
            last = value.decode("utf-8", "replace")
            if oid == _COMMON:
                return last
    return last


def _alternatives(extensions: bytes) -> Iterator[str]:
    for _, extension in _parts(next(_parts(extensions))[1]):
        parts = list(_parts(extension))
        if parts[0] != (_OID, _NAMES):
            continue
        for kind, name in _parts(next(_parts(parts[-1][1]))[1]):
            if kind == _DNS:
                yield name.decode("ascii")
            elif kind == _IP and len(name) == 4:
                yield ".".join(map(str, name))
