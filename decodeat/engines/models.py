"""Tell without asking Google which models and keys end and when, and which model a version belongs to."""

import re
from datetime import date
from enum import StrEnum

# Announced ends, after which Google answers with another model or none. Its page of deprecations is authoritative:
# https://ai.google.dev/gemini-api/docs/deprecations
RETIRES = {
    "gemini-1.5-flash": date(2025, 9, 24),
    "gemini-1.5-pro": date(2025, 9, 24),
    "gemini-2.5-flash": date(2026, 12, 1),
}
NOTICE_DAYS = 90  # before an announced end, during which we warn
STANDARD_KEYS_END = date(2026, 9, 1)
_VERSION = r"(-(\d{3}|latest|exp|preview)[A-Za-z0-9._-]*)?"


class KeyKind(StrEnum):
    """Name the kinds of API keys. Google announced that it will refuse `STANDARD` from `STANDARD_KEYS_END` on."""

    STANDARD = "standard"
    AUTH = "auth"
    UNKNOWN = "unknown"


def key_kind(key: str) -> KeyKind:
    if key.startswith("AIza"):
        return KeyKind.STANDARD
    return KeyKind.AUTH if key.startswith("AQ.") else KeyKind.UNKNOWN


def retires(model: str) -> date | None:
    """Return the end of the model, or of the model that it is a version of; None where none is known."""
    return next((day for name, day in RETIRES.items() if re.fullmatch(re.escape(name) + _VERSION, model)), None)


def is_same(asked: str, answered: str) -> bool:
    """Return whether the answering version is of the requested model. A "latest" matches any version of its kind."""
    if not answered or "latest" in asked:
        return True
    return bool(re.fullmatch(re.escape(asked) + _VERSION, answered))
