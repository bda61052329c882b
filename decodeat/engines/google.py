"""Translate what Google's SDKs raise: which failures are transient, when to try again, and what is set up wrongly."""

import logging
import re
from collections.abc import Iterator
from typing import Any

from google.api_core import exceptions
from google.auth import exceptions as auth
from google.rpc import error_details_pb2

from decodeat import retry_after
from decodeat.breaker import Breaker
from decodeat.engines.ports import EngineFailed
from decodeat.upstream import RetryPolicy, Upstream

log = logging.getLogger(__name__)

# HTTP status (gRPC's codes come mapped to it) -> reason for counters. Any other status means a refused request.
_PASSING = {429: "busy", 500: "unavailable", 502: "unavailable", 503: "unavailable", 504: "unavailable"}
_SET_UP_WRONGLY = {401: "credentials", 403: "credentials", 404: "model"}
_ADDRESS = re.compile(r"^[A-Z]+ https?://\S+: ")
SET_UP_WRONGLY = frozenset(_SET_UP_WRONGLY.values())
_KEY = re.compile(r"AIza[\w-]+|AQ\.[\w.-]+|(?<=api_key:)\S+")


def upstream(name: str, service: str, seconds: float, *, wait_for_breaker: bool) -> Upstream:
    """Build the upstream of a service, with retries and a breaker. `seconds` limit one call.

    `wait_for_breaker`: calls wait while the service is known to be down, for when no other engine can answer.
    """
    breaker = Breaker(failures=5, seconds=1.0, longest=10.0)
    retry_policy = RetryPolicy(seconds, wait_for_breaker=wait_for_breaker)
    return Upstream(name, f"The {service} service", EngineFailed, retry_policy, breaker)


def translate(service: str, error: Exception) -> EngineFailed:
    """Return the failure that an SDK's exception stands for; the log tells operators more about a refused request."""
    if not isinstance(error, exceptions.GoogleAPICallError):
        return _without_an_answer(service, error)
    status = int(error.code or 0)
    reason = _PASSING.get(status)
    if reason is not None:
        text = f"The {service} service is overloaded or down. Please try again later."
        return EngineFailed(reason, text, transient=True, retry_after=_retry_after(error))
    reason = _SET_UP_WRONGLY.get(status, "credentials" if "API key" in str(error.message) else "rejected")
    said = _KEY.sub("…", _ADDRESS.sub("", error.message))[:200]
    log.error("the %s service refused a request", service, extra={"status": status, "said": said})
    return EngineFailed(reason, f"The {service} service could not be used. Please try again later.")


def is_set_up_wrongly(error: EngineFailed) -> bool:
    """Return whether no request can succeed before an operator changes a setting."""
    return error.reason in SET_UP_WRONGLY


def _without_an_answer(service: str, error: Exception) -> EngineFailed:
    """Return the failure of a call without an answer: unreachable, broken off, or without the credentials it needs."""
    if isinstance(error, auth.GoogleAuthError) and not isinstance(error, auth.TransportError):
        log.error("there are no credentials for %s: %s", service, type(error).__name__)
        return EngineFailed("credentials", f"The {service} service could not be used. Please try again later.")
    text = f"The {service} service can't be reached. Please try again later."
    return EngineFailed("unreachable", text, transient=True)


def _retry_after(error: exceptions.GoogleAPICallError) -> float | None:
    """Return the longest of the seconds that the header and the details ask to wait; None when they ask nothing."""
    return max(_retry_delays(error), default=None)


def _retry_delays(error: exceptions.GoogleAPICallError) -> Iterator[float]:
    headers = getattr(error.response, "headers", {})  # of an answer over REST; gRPC has none
    asked = retry_after.seconds(headers.get("Retry-After", ""))
    if asked is not None:
        yield asked
    details: Any = error.details or ()
    for detail in details:
        if isinstance(detail, error_details_pb2.RetryInfo):
            yield detail.retry_delay.seconds + detail.retry_delay.nanos / 1e9
