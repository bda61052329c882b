"""Identify the caller: the holder of an API key, the subject of a signed token, or just an address."""

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KEY_HEADER = "X-API-Key"
LEEWAY = 30.0  # seconds that clocks may differ
LONGEST_TOKEN = 8192  # characters; nothing longer is parsed
_REQUIRED = ("exp", "iss", "aud")


@dataclass(frozen=True)
class Credentials:
    """Hold what is accepted. Either kind suffices when both are configured; with neither, none is needed."""

    key_digests: tuple[str, ...] = field(default=(), repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    issuer: str = ""
    audience: str = ""

    def __post_init__(self) -> None:
        if self.secrets:
            import jwt  # noqa: F401  with the worker: the first token must not wait for it, nor find that it is missing

    @property
    def needed(self) -> bool:
        return bool(self.key_digests or self.secrets)

    def holder(self, headers: Mapping[str, str]) -> str:
        """Return the identity that a request proves, "" when it proves none."""
        return self._of_key(headers.get(KEY_HEADER, "")) or self._of_token(_bearer(headers))

    def challenge(self, headers: Mapping[str, str]) -> str:
        """Return WWW-Authenticate: every accepted scheme. RFC 6750 wants an error only where a token was sent."""
        found = ["ApiKey"] if self.key_digests else []
        if self.secrets:
            error = ', error="invalid_token"' if _bearer(headers) else ""
            found.append(f'Bearer realm="decodeat"{error}')
        return ", ".join(found)

    def _of_key(self, key: str) -> str:
        if not self.key_digests:
            return ""
        given = hashlib.sha256(key.encode()).hexdigest()
        # Every key is compared, each in constant time, so that the time taken reveals nothing.
        found = any([hmac.compare_digest(given, digest) for digest in self.key_digests])
        return f"key:{given[:12]}" if found else ""

    def _of_token(self, token: str) -> str:
        if not 0 < len(token) <= LONGEST_TOKEN:
            return ""
        for secret in self.secrets:
            claims = self._claims(token, secret)
            if claims is not None:
                # A subject may be an e-mail address. Without the secret it can't be found by trying.
                subject = f"{claims['iss']}\n{claims.get('sub', '')}".encode()
                return f"token:{hmac.new(secret.encode(), subject, 'sha256').hexdigest()[:12]}"
        return ""

    def _claims(self, token: str, secret: str) -> dict[str, Any] | None:
        """Return the token's claims, None unless it was signed with this secret, for this service, and is valid now."""
        import jwt  # not at the top: with its cryptography it takes 9 MB, which only tokens need

        try:
            found: dict[str, Any] = jwt.decode(
                token,
                secret,
                # One algorithm, fixed: what the token's header asks for (none, RS256) is never used.
                algorithms=["HS256"],
                issuer=self.issuer,
                audience=self.audience,
                leeway=LEEWAY,
                options={"require": list(_REQUIRED)},
            )
        except (jwt.InvalidTokenError, RecursionError):  # the latter for JSON that is nested too deeply
            return None
        return found


def of_address(client: tuple[str, int] | None) -> str:
    """Return where a request comes from, as the server reports it; for IPv6 the /64, which one customer has.

    Returns "" over a unix socket, which only a proxy or the operator opens, when no proxy names its client.
    """
    if client is None:
        return ""
    try:
        address = ipaddress.ip_address(client[0].partition("%")[0])
    except ValueError:
        return f"address:{client[0]}"  # what a trusted proxy calls it
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return f"address:{ipaddress.ip_network((address, 64), strict=False).network_address}"
        address = address.ipv4_mapped
    return f"address:{address}"


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
