"""Signed tokens made by hand, right and wrong ones."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

SECRET = "s1gning-0001-5f0c7d9e8b6a4c3d2e1f"
OTHER_SECRET = "s1gning-0002-5f0c7d9e8b6a4c3d2e1f"
ISSUER, AUDIENCE = "https://login.kr", "labels"


def claims(**changed: Any) -> dict[str, Any]:
    """Good for a minute; a claim given as None is left out."""
    all_of_them = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 60, "sub": "kim@shop.kr", **changed}
    return {name: value for name, value in all_of_them.items() if value is not None}


def token(said: Any, secret: str = SECRET, digest: str = "sha256", **header: Any) -> str:
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT', **header})}.{part(said)}"
    return f"{signed}.{encoded(hmac.new(secret.encode(), signed.encode(), digest).digest())}"


def part(value: Any) -> str:
    return encoded(json.dumps(value).encode())


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unsigned(said: Any, algorithm: str) -> str:
    return f"{part({'alg': algorithm})}.{part(said)}."


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
