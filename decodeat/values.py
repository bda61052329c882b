"""Parse the text of environment variables: each parser raises ValueError saying what it must be."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from decodeat import processors
from decodeat.images import location

_NUMBER = re.compile(r"[0-9]{1,12}")
_HOST = re.compile(r"(\*|(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])")
_RELEASE = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PLACEHOLDER = re.compile(r"your[_-]|change[_-]?me|example|placeholder|xxxx|<.*>|\$\{", re.IGNORECASE)

LONGEST_SOCKET = 107  # bytes of a unix socket's path that the kernel takes
SHORTEST_KEY = 16  # characters; a shorter one could be guessed over HTTP
SHORTEST_SIGNING_SECRET = 32  # bytes; a shorter one could be guessed from any token, without asking the service


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def workers(text: str) -> int:
    """Return how many; by default the processors, but at least two: one may be busy, or being replaced."""
    return whole(1, 256)(text) if text else max(2, processors.count())


def boolean(text: str) -> bool:
    if text.lower() in {"true", "1", "yes", "on"}:
        return True
    if text.lower() in {"false", "0", "no", "off"}:
        return False
    raise ValueError("must be true or false")


def one_of(*allowed: str) -> Callable[[str], str]:
    """Return a parser of one word in upper or lower case; its result is spelled as in `allowed`."""
    spelled = {word.lower(): word for word in allowed}

    def parse(text: str) -> str:
        if text.lower() not in spelled:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return spelled[text.lower()]

    return parse


def listed(text: str) -> tuple[str, ...]:
    """Parse a JSON list of strings, or items between commas; blank items are left out."""
    if not text.startswith("["):
        return tuple(item.strip() for item in text.split(",") if item.strip())
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError('must be a list such as a,b or ["a", "b"]') from None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("must be a list of strings")
    return tuple(item.strip() for item in items if item.strip())


def address(text: str) -> str:
    """Return an address to listen on, without the brackets of IPv6 in a URL: nothing can be bound to those."""
    text = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if "*" in text or not (_HOST.fullmatch(text) or re.fullmatch(r"[0-9A-Fa-f:.]+", text)):
        raise ValueError("must be an address to listen on, such as 0.0.0.0 or 127.0.0.1")
    return text


def socket_path(text: str) -> str:
    """Return the path of a unix socket, "" for none."""
    if text and not (text.startswith("/") and text.isprintable() and not text.endswith("/")):
        raise ValueError("must be the absolute path of a unix socket")
    if len(text.encode()) > LONGEST_SOCKET:
        raise ValueError(f"must be a path of at most {LONGEST_SOCKET} bytes")
    return text


def hosts(text: str) -> tuple[str, ...]:
    names = listed(text)
    for name in names:
        if not _HOST.fullmatch(name):
            raise ValueError("must list host names without scheme, port or path, such as api.example.com")
    return tuple(name.lower() for name in names)


def origins(text: str) -> tuple[str, ...]:
    """Return exact origins, scheme://host[:port], in the spelling of parsed addresses."""
    try:
        return tuple(map(location.origin, listed(text)))
    except ValueError:
        what = "must list origins such as https://example.com or http://127.0.0.1:8099, without a path"
        raise ValueError(what) from None


def cross_origins(text: str) -> tuple[str, ...]:
    """Return origins as `origins` does, or `*` alone for every site: answers never carry credentials."""
    return ("*",) if listed(text) == ("*",) else origins(text)


def key_digests(text: str) -> tuple[str, ...]:
    """Return SHA-256 in hex of each key that clients may present; a key may be given as its digest, sha256:HEX.

    The keys themselves are not kept. No message repeats one.
    """
    found = tuple(_digest_of(number, item) for number, item in enumerate(listed(text), 1))
    if len(set(found)) != len(found):
        raise ValueError("holds the same key twice")
    return found


def _digest_of(number: int, item: str) -> str:
    kind, _, digest = item.partition(":")
    if kind == "sha256":
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise ValueError(f"key {number} is not sha256: and 64 hexadecimal digits in lower case")
        return digest
    _check_secret(f"key {number}", item, SHORTEST_KEY)
    return hashlib.sha256(item.encode()).hexdigest()


def _check_secret(what: str, text: str, shortest: int) -> None:
    if _PLACEHOLDER.search(text):
        raise ValueError(f"{what} is a placeholder, not a key")
    if len(text) < shortest:
        raise ValueError(f"{what} is shorter than {shortest} characters")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"{what} holds characters that a header can't carry")


def signing_secrets(text: str) -> tuple[str, ...]:
    """Return the secrets that sign tokens, several while one replaces another. HS256 needs 32 bytes (RFC 7518, 3.2)."""
    found = listed(text)
    for number, item in enumerate(found, 1):
        _check_secret(f"secret {number}", item, SHORTEST_SIGNING_SECRET)
    return found


def google_key(text: str) -> str:
    if text:
        _check_secret("it", text, SHORTEST_KEY)
    return text


def credentials_file(text: str) -> str:
    """Return the path of a file of Google credentials. Its content is checked, and never repeated."""
    if not text:
        return ""
    try:
        content = json.loads(Path(text).read_bytes())
    except OSError as error:
        raise ValueError(f"names a file that can't be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ValueError("names a file that is not JSON") from None
    if not isinstance(content, dict) or "type" not in content:
        raise ValueError('names a file that holds no Google credentials: it has no "type"')
    return text


def endpoint(text: str) -> str:
    """Return one origin, "" for the usual one."""
    found = origins(text)
    if text and len(found) != 1:
        raise ValueError("must be one origin")
    return found[0] if found else ""


def plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of text")
    return text


def model(text: str) -> str:
    if not re.fullmatch(r"(models/)?[A-Za-z0-9._-]{1,100}", text):
        raise ValueError("must be a model's name, such as gemini-2.5-flash")
    return text.removeprefix("models/")


def price(text: str) -> Decimal | None:
    """Return US dollars; None when the price is not known."""
    if not text:
        return None
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text, re.ASCII):
        raise ValueError("must be an amount of US dollars such as 0.30")
    return Decimal(text)


def redis_url(text: str) -> str:
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        usable = parts.port != 0
    except ValueError:
        usable = False
    if not usable or not _is_redis(parts):
        raise ValueError("must be redis://[:password@]host[:port][/number], rediss:// with TLS, or unix:///path")
    _check_credentials(parts)
    if parts.username and not parts.password:
        raise ValueError("names a user without a password")
    return text


def _is_redis(parts: SplitResult) -> bool:
    if parts.scheme == "unix":
        return bool(parts.path.strip("/"))
    return (
        parts.scheme in {"redis", "rediss"}
        and bool(parts.hostname)
        and re.fullmatch(r"(/[0-9]*)?", parts.path) is not None
    )


def _check_credentials(parts: SplitResult) -> None:
    """Raise ValueError for an empty or placeholder password: it comes from a reference without a value."""
    user, colon, password = parts.netloc.rpartition("@")[0].partition(":")
    if "@" in parts.netloc and not (user or password):
        raise ValueError("has an @ and no credentials before it")
    if colon and not password:
        raise ValueError("has an empty password")
    if _PLACEHOLDER.search(password):
        raise ValueError("has a placeholder for its password")


def database(text: str) -> str:
    """Return a URL of SQLite or PostgreSQL, "" for the text none. The default is a file of this user's own."""
    if text == "none":
        return ""
    if not text:
        home = os.environ.get("XDG_STATE_HOME", "")
        place = Path(home) if home.startswith("/") else Path.home() / ".local" / "state"
        return f"sqlite:///{place / 'decodeat' / 'decodeat.sqlite3'}"
    scheme, _, rest = text.partition("://")
    if scheme in {"postgres", "postgresql"}:
        return f"postgresql://{_postgres(rest)}"
    if scheme != "sqlite":
        raise ValueError("names a database that is not supported; sqlite and postgresql are")
    path = text.removeprefix("sqlite:///")
    if path == text or not path.startswith("/") or path.endswith("/") or "\0" in path or "?" in path:
        raise ValueError("must be sqlite:// followed by /// and the rest of an absolute path: sqlite:////absolute/path")
    return text


def _postgres(rest: str) -> str:
    try:
        parts = urlsplit(f"//{rest}")
        usable = parts.port != 0 and bool(parts.path.strip("/")) and parts.path.count("/") == 1
    except ValueError:
        usable = False
    if not usable or not (parts.hostname or "host=" in parts.query):
        raise ValueError("must be postgresql://user:password@host[:port]/database")
    _check_credentials(parts)
    if parts.password and not parts.username:
        raise ValueError("has a password without a user")
    return rest


def release(text: str) -> str:
    if not _RELEASE.fullmatch(text):
        raise ValueError("must be 1 to 128 letters, digits, dots, dashes or underscores")
    return text
