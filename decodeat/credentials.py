"""Judge the content of a file of Google credentials, at start and without Google; no message repeats any of it."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

# What google.auth can make credentials of, by the "type" in the content, and what it needs for that. One more type that
# it knows, gdch_service_account, wants an audience that nobody gives it here.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "service_account": ("client_email", "private_key", "token_uri"),
    "external_account": ("audience", "subject_token_type", "token_url", "credential_source"),
    "external_account_authorized_user": ("client_id", "client_secret", "refresh_token", "token_url"),
    "impersonated_service_account": ("service_account_impersonation_url", "source_credentials"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
}
SOURCES = ("service_account", "authorized_user", "external_account_authorized_user")  # who may act as another account
_PEM = re.compile(r"-----BEGIN ((?!ENCRYPTED )(?:[A-Z]+ )?PRIVATE KEY)-----(.*)-----END \1-----", re.DOTALL)


def content(text: str) -> str:
    """Return the content of a file of credentials, "" for none. Raises ValueError saying what is wrong with it."""
    if not text:
        return ""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not _names_one_of(FIELDS, found):
        raise ValueError(f'holds no Google credentials: its "type" is none of {", ".join(FIELDS)}')
    if unusable := tuple(_unusable(found)):
        raise ValueError(f"lacks these, or has them in a form that can't be used: {', '.join(unusable)}")
    return text


def _names_one_of(types: Mapping[str, Any] | tuple[str, ...], found: Any) -> bool:
    """Return whether it is a table whose type is one of these."""
    return isinstance(found, dict) and isinstance(found.get("type"), str) and found["type"] in types


def _unusable(found: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Yield the names of fields that are missing, empty or of another kind; `above` is the path to them."""
    for name in FIELDS[found["type"]]:
        value = found.get(name)
        if name != "source_credentials":
            if not _is_usable(name, value):
                yield f"{above}{name}"
        elif _names_one_of(SOURCES, value):
            yield from _unusable(found[name], f"{name}.")
        else:
            yield name


def _is_usable(name: str, value: Any) -> bool:
    if name == "credential_source":
        return isinstance(value, dict) and bool(value)
    return isinstance(value, str) and bool(value.strip()) and (name != "private_key" or _is_pem(value))


def _is_pem(text: str) -> bool:
    """Return whether a text is a whole private key in PEM; Google takes one that has lost its line breaks, too."""
    found = _PEM.fullmatch(text.strip())
    try:
        return found is not None and bool(base64.b64decode("".join(found[2].split()), validate=True))
    except ValueError:
        return False
