"""Make the headers with which the tool may ask a release for an analysis, whatever access is configured."""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from decodeat_ops.core.layout import Layout
from decodeat_ops.core.secret import Secret
from decodeat_ops.settings import envfile

_SECONDS = 300  # for which a token is valid; every request gets a new one
_SUBJECT = "decodeat-ops"


def headers(layout: Layout, release: str, secrets: Mapping[str, Secret]) -> Mapping[str, str] | None:
    """Return the headers that a request to the release needs: an empty mapping when it needs no credential.

    Returns None when only digests of keys are configured, since the tool then knows no key. Raises `Configuration`
    when the release's own variables can't be read.
    """
    return of_variables(envfile.read(layout.environment(release)), secrets)


def of_variables(plain: Mapping[str, str], secrets: Mapping[str, Secret]) -> Mapping[str, str] | None:
    """Return the headers that a release with these variables asks for; None when no key is known in full."""
    variables = {**plain, **{name: secret.reveal() for name, secret in secrets.items()}}
    keys = _listed(variables.get("API_KEYS", ""))
    for key in keys:
        if not key.startswith("sha256:"):
            return {"X-API-Key": key}
    for secret in _listed(variables.get("JWT_SECRET", "")):
        issuer, audience = variables.get("JWT_ISSUER", "").strip(), variables.get("JWT_AUDIENCE", "").strip()
        return {"Authorization": f"Bearer {_token(secret, issuer, audience)}"}
    return None if keys else {}


def _token(secret: str, issuer: str, audience: str) -> str:
    """Make a JSON Web Token signed with HS256 (RFC 7519)."""
    claims = {"iss": issuer, "aud": audience, "sub": _SUBJECT, "exp": int(time.time()) + _SECONDS}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_encoded(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"


def _part(value: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _listed(text: str) -> list[str]:
    """Parse a list as the service does: JSON, or items between commas. Leave out what the service would refuse."""
    text = text.strip()
    if not text.startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    try:
        items = json.loads(text)
    except ValueError:
        return []
    return [item.strip() for item in items if isinstance(item, str) and item.strip()]
