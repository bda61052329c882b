"""How the text of an environment variable becomes a value: each parser raises ValueError saying what it must be."""

import json
import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

_NUMBER = re.compile(r"[0-9]{1,12}")
_HOST = re.compile(r"(\*|(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])")
_RELEASE = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PLACEHOLDER = re.compile(r"your[_-]|change[_-]?me|example|placeholder|xxxx|<.*>|\$\{", re.IGNORECASE)
_CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
_CGROUP_V1 = (Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us"))

SHORTEST_KEY = 16  # characters; a shorter one could be guessed over HTTP


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def boolean(text: str) -> bool:
    if text.lower() in {"true", "1", "yes", "on"}:
        return True
    if text.lower() in {"false", "0", "no", "off"}:
        return False
    raise ValueError("must be true or false")


def one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.upper() not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text.upper()

    return parse


def listed(text: str) -> tuple[str, ...]:
    """A JSON list of strings, or items between commas; blank items are left out."""
    if not text.startswith("["):
        return tuple(item.strip() for item in text.split(",") if item.strip())
    try:
        items = json.loads(text)
    except ValueError:
        raise ValueError('must be a list such as a,b or ["a", "b"]') from None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("must be a list of strings")
    return tuple(item.strip() for item in items if item.strip())


def address(text: str) -> str:
    if not _HOST.fullmatch(text) and not re.fullmatch(r"[0-9A-Fa-f:]+", text):
        raise ValueError("must be an address to listen on, such as 0.0.0.0 or 127.0.0.1")
    return text


def hosts(text: str) -> tuple[str, ...]:
    names = listed(text)
    for name in names:
        if not _HOST.fullmatch(name):
            raise ValueError("must list host names without scheme, port or path, such as api.example.com")
    return tuple(name.lower() for name in names)


def origins(text: str) -> tuple[str, ...]:
    """Exact origins, scheme://host[:port], in lower case."""
    items = tuple(item.lower().removesuffix("/") for item in listed(text))
    for item in items:
        if not _is_origin(item):
            raise ValueError("must list origins such as https://example.com or http://127.0.0.1:8099, without a path")
    return items


def cross_origins(text: str) -> tuple[str, ...]:
    """As `origins`, and `*` for everybody: answers never carry credentials."""
    return ("*",) if listed(text) == ("*",) else origins(text)


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        usable = parts.port != 0
    except ValueError:
        return False
    return (
        usable
        and parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and text == f"{parts.scheme}://{parts.netloc}"
    )


def keys(text: str) -> tuple[str, ...]:
    """Secrets that clients present. No message repeats one."""
    found = listed(text)
    if len(set(found)) != len(found):
        raise ValueError("holds the same key twice")
    for number, key in enumerate(found, 1):
        if _PLACEHOLDER.search(key):
            raise ValueError(f"key {number} is a placeholder, not a key")
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"key {number} is shorter than {SHORTEST_KEY} characters")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError(f"key {number} holds characters that a header can't carry")
    return found


def database(text: str) -> Path | None:
    """The file of `sqlite:////absolute/path`, None when results are not kept."""
    if not text:
        return None
    scheme = text.partition("://")[0]
    if scheme != "sqlite":
        raise ValueError("names a database that this version does not support; only sqlite:////absolute/path is")
    path = text.removeprefix("sqlite:///")
    if path == text or not path.startswith("/") or path.endswith("/") or "\0" in path or "?" in path:
        raise ValueError("must be sqlite:// followed by /// and the rest of an absolute path: sqlite:////absolute/path")
    return Path(path)


def release(text: str) -> str:
    if not _RELEASE.fullmatch(text):
        raise ValueError("must be 1 to 128 letters, digits, dots, dashes or underscores")
    return text


def processors() -> int:
    """How many processors this process may use: affinity, bounded by the cgroup's quota (rounded up)."""
    usable = len(os.sched_getaffinity(0))
    quota = _quota()
    return max(1, min(usable, math.ceil(quota))) if quota else usable


def _quota() -> float:
    """The cgroup's share in processors, 0.0 when there is no limit."""
    try:
        if _CGROUP_V2.exists():
            limit, period = _CGROUP_V2.read_text().split()
        else:
            limit, period = (path.read_text().strip() for path in _CGROUP_V1)
    except (OSError, ValueError):
        return 0.0
    return 0.0 if limit in {"max", "-1"} else int(limit) / int(period)
