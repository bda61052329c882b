"""Put into words why a certificate authority gave no certificate, by what certbot said, and what to do about it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LIMITS = "https://letsencrypt.org/docs/rate-limits/"
_FAILED = re.compile(
    r"Domain:\s*(\S+)\s+Type:\s*(\S+)\s+Detail:\s*(.+?)(?=\n\s*\n|\n\s*Domain:|\n\s*Hint:|\Z)", re.DOTALL
)
_UNREACHED = re.compile(
    r"Max retries exceeded|ConnectionError|Name or service not known|[Tt]imed out|Connection (aborted|refused|reset)"
)
_WITH = re.compile(r"with error: (.+)|An unexpected error occurred:\s*\n\s*(.+)")
_LOST_ACCOUNT = re.compile(r"Account at \S+ does not exist")  # certbot's own words: the machine has it no more
_KIND = re.compile(r"urn:ietf:params:acme:error:(\w+)")
_CHALLENGES = {
    "dns": "its name servers don't tell an address: see the DNS records of the name",
    "connection": "it can't reach port 80: open it in every firewall, the provider's too",
    "unauthorized": "it got another file than ours: the name, or its AAAA record, leads somewhere else",
    "caa": "a CAA record of the domain forbids it: name this authority there",
    "tls": "it was led to HTTPS, where nobody answered well: let port 80 answer itself",
}


@dataclass(frozen=True)
class Refusal:
    """Hold what happened, and what to do about it."""

    what: str
    hint: str


def explained(said: str, retry_after: str = "", now: datetime | None = None) -> Refusal:
    """Return the reason in words; `said` is certbot's output, `retry_after` the authority's header of that name."""
    kinds = _KIND.findall(said)
    failed = _FAILED.findall(said)
    if "rateLimited" in kinds:
        return _limited(_detail(said), retry_after, now or datetime.now(UTC))
    unknown = "unauthorized" in kinds and not failed and "account" in said.lower()
    if "accountDoesNotExist" in kinds or unknown or _LOST_ACCOUNT.search(said):
        return Refusal(
            f"the authority does not know the machine's account any more ({_detail(said)})",
            "`decodeat-ops cert issue --new-account` makes another one, and gets a certificate with it.",
        )
    if failed:
        return Refusal("; ".join(_challenge(*one) for one in failed), _challenge_hint([kind for _, kind, _ in failed]))
    if "invalidContact" in kinds or "unsupportedContact" in kinds:
        return Refusal(f"the authority refuses the address of vm.acme_email ({_detail(said)})", "Set another one.")
    if "rejectedIdentifier" in kinds:
        return Refusal(f"the authority gives none for these names ({_detail(said)})", "Change vm.domains.")
    if "caa" in kinds:
        return Refusal(f"a CAA record forbids it ({_detail(said)})", "Name this authority in the domain's CAA record.")
    if "externalAccountRequired" in kinds:
        return Refusal(
            "the authority takes only accounts that are bound to one of its own, which is not supported",
            "Take another authority (vm.acme_server), or bring its certificate: `decodeat-ops cert install`.",
        )
    return _unreached(said)


def _unreached(said: str) -> Refusal:
    """Return the words for an authority that did not answer well, or for certbot's own trouble."""
    if "CERTIFICATE_VERIFY_FAILED" in said or "certificate verify failed" in said:
        return Refusal(
            "the machine does not believe the authority's own certificate",
            "See the machine's clock and its ca-certificates; a private authority's root has to be among them.",
        )
    if _UNREACHED.search(said):
        return Refusal(
            f"the machine does not reach the authority ({_last(said)})",
            "Let it out to port 443 of vm.acme_server, and see that it resolves names.",
        )
    if "Another instance of Certbot is already running" in said:
        return Refusal("another renewal goes on there right now", "Run the command again when it has ended.")
    if "serverInternal" in said or "badNonce" in said or re.search(r"\b50[0234]\b", said):
        return Refusal(f"the authority has trouble of its own ({_detail(said)})", "Try again in some hours.")
    return Refusal(
        f"certbot says: {_last(said)}", "The lines above are certbot's; its log is below certbot/logs there."
    )


def _limited(detail: str, retry_after: str, now: datetime) -> Refusal:
    moment = _moment(retry_after, now)
    until = f"not before {moment:%Y-%m-%d %H:%M} UTC" if moment else "not today"
    return Refusal(
        f"the authority has had too many requests for these names, or from here ({detail})",
        f"Try again {until}; each try before may count, too. The daily renewal tries again by itself where it is set "
        f"up. What the limits are: {LIMITS}",
    )


def _moment(retry_after: str, now: datetime) -> datetime | None:
    """Return when a Retry-After is over: it is in seconds, or a date of HTTP."""
    if retry_after.isdigit():
        return now + timedelta(seconds=min(int(retry_after), 10**8))
    try:
        return parsedate_to_datetime(retry_after).astimezone(UTC)
    except (TypeError, ValueError):
        return None


def _challenge(domain: str, kind: str, detail: str) -> str:
    reason = _CHALLENGES.get(kind, f"it is refused ({kind})")
    return f"{domain}: {reason} ({' '.join(detail.split()).rstrip('.')})"


def _challenge_hint(kinds: list[str]) -> str:
    where = "the DNS records" if set(kinds) <= {"dns", "caa"} else "the DNS records and port 80"
    return f"Mend {where}, then `decodeat-ops cert issue`. A few failures an hour are all that authorities allow."


def _detail(said: str) -> str:
    """Return what an authority's problem document says: the last part of the line that names its kind."""
    for line in said.splitlines():
        if "urn:ietf:params:acme:error:" in line:
            parts = [part.strip() for part in line.split("::") if part.strip()]
            return parts[-1].rstrip(".") if len(parts) > 1 else line.strip().rstrip(".")
    return _last(said)


def _last(said: str) -> str:
    """Return what certbot calls the error, else its last line that tells something."""
    named = _WITH.search(said)
    if named:
        return (named[1] or named[2]).strip().rstrip(".")
    closing = ("Ask for help", "Saving debug log", "See the logfile", "- - -")
    told = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith(closing)]
    return told[-1].rstrip(".") if told else "nothing"
