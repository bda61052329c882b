"""Parse the address of a picture once, and refuse whatever is unusual about it."""

import re
import string
from collections.abc import Collection
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, urljoin, urlsplit

from decodeat.images.errors import ImageRefused

LONGEST = 4096  # characters
_PORTS = {"http": 80, "https": 443}
_SUSPECT = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_BRACKETED = re.compile(r"\[[^\[\]]*\](:\d*)?", re.ASCII)
_NUMERIC_END = re.compile(r"(.*\.)?(\d+|0x[0-9a-f]*)")


@dataclass(frozen=True)
class Location:
    """Hold the address of a picture. `host` is ASCII without brackets, `target` the path and query as sent.

    `trusted`: its exact origin is on the allow list. Only then may it have a private address or an unusual port.
    """

    scheme: str
    host: str
    port: int
    target: str
    trusted: bool

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Return host and port as in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def join(self, reference: bytes, allowed: Collection[str]) -> "Location":
        """Return where a redirect leads; `reference` may have unencoded blanks or letters. Raises `ImageRefused`."""
        text = _as_text(reference).strip(" \t").replace(" ", "%20")
        if _SUSPECT.search(text):
            raise _refused("it redirects to an address with unusual characters")
        try:
            found = urljoin(f"{self.origin}{self.target}", text)
        except ValueError:
            raise _refused("it redirects to an address that cannot be understood") from None
        return parse(found, allowed)


def parse(url: str, allowed: Collection[str] = ()) -> Location:
    """Parse an address; `allowed` holds the trusted origins. Raises `ImageRefused`."""
    location = _taken_apart(url)
    if location.origin in allowed:
        return replace(location, trusted=True)
    if location.port != _PORTS[location.scheme]:
        raise _refused("its port is not the usual one")
    return location


def origin(text: str) -> str:
    """Return an origin in the spelling of `Location.origin`. Raises ValueError for what is no origin."""
    try:
        location = _taken_apart(text)
    except ImageRefused as error:
        raise ValueError(error.text) from None
    if location.target != "/" or not location.port or "?" in text or "#" in text:
        raise ValueError("it is more than an origin")
    return location.origin


def _as_text(reference: bytes) -> str:
    """Decode UTF-8, as today's hosts send it; percent-encode the non-ASCII bytes of anything else, as browsers do."""
    try:
        return reference.decode()
    except UnicodeDecodeError:
        return quote(reference, safe=string.printable)


def _taken_apart(url: str) -> Location:
    if len(url) > LONGEST or _SUSPECT.search(url):
        raise _refused("it is too long or holds unusual characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("it cannot be understood") from None
    if parts.scheme not in _PORTS:
        raise _refused("it is not http or https")
    if "@" in parts.netloc:
        raise _refused("it carries a user name")
    if parts.netloc.startswith("[") and not _BRACKETED.fullmatch(parts.netloc):
        raise _refused("its host name is not valid")
    scheme = parts.scheme
    host = _host(parts.hostname or "")
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._[]")
    if parts.query:
        target += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]")
    return Location(scheme, host, _PORTS[scheme] if port is None else port, target, False)


def without_query(url: str) -> str:
    """Return an address as it may be logged or stored: without query string, user name and fragment.

    "" for one that can't be parsed, since its secrets could be in any part of it.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _host(name: str) -> str:
    if ":" in name:
        try:
            if "%" in name:
                raise _refused("its host names a network interface")
            return IPv6Address(name).compressed
        except ValueError:
            raise _refused("its host name is not valid") from None
    try:
        ascii_name = name if name.isascii() else _punycode(name)
    except UnicodeError:
        raise _refused("its host name is not valid") from None
    ascii_name = ascii_name.lower().removesuffix(".")
    # To some resolvers 2130706433, 0x7f.1 and 0177.0.0.1 are all 127.0.0.1: only the plain spelling is accepted.
    if _NUMERIC_END.fullmatch(ascii_name) and not _is_quad(ascii_name):
        raise _refused("its host is an unusually written number")
    if not _NAME.fullmatch(ascii_name) or len(ascii_name) > 253:
        raise _refused("its host name is not valid")
    return ascii_name


def _punycode(name: str) -> str:
    """Return a name in DNS's ASCII form. Raises UnicodeError, of which the errors of `idna` are subclasses.

    The operator's tool checks variables before the service's packages are installed. Then the standard library's
    older rules are used: except for a few letters they accept and refuse the same names.
    """
    try:
        import idna
    except ImportError:
        return name.encode("idna").decode()
    return idna.encode(name, uts46=True).decode()


def _is_quad(name: str) -> bool:
    try:
        return str(IPv4Address(name)) == name
    except ValueError:
        return False


def _refused(why: str) -> ImageRefused:
    return ImageRefused("address", f"The image address was refused: {why}.")
