"""Call AWS with its own SDK, in one account and region."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import PaginationError

from decodeat_ops import __version__
from decodeat_ops.adapters.aws_answers import require_whole
from decodeat_ops.adapters.aws_errors import ERRORS, Asked, reads, translated
from decodeat_ops.adapters.aws_role import assumed
from decodeat_ops.core.aws import Answer

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
ATTEMPTS = 8  # of one call, the first included; AWS_MAX_ATTEMPTS or `max_attempts` of the profile win over it
# The name of the parameter that asks for the next page, by the name of what an answer calls it. AWS has these styles
# where the SDK knows no paginator.
_NEXT = {"nextToken": "nextToken", "NextToken": "NextToken", "NextMarker": "Marker", "Marker": "Marker"}


class Sdk:
    """Call AWS as `profile` (the SDK's own chain when empty), or as the role that it assumes.

    `endpoint` replaces the address of every service, for tests and for private endpoints. `calls` counts what was
    asked by service and operation, each page once and no retry.
    """

    def __init__(self, profile: str, region: str, role: str = "", endpoint: str = "") -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self._profile = profile
        self._region = region
        self._role = role
        self._endpoint = endpoint or None
        self._session: Any = None
        self._clients: dict[str, Any] = {}
        self._answered = False

    @property
    def region(self) -> str:
        """Return the region of all calls."""
        return self._region

    @property
    def reads(self) -> int:
        """Return how many calls so far could change nothing."""
        return sum(count for (_, operation), count in self.calls.items() if reads(operation))

    @property
    def writes(self) -> int:
        """Return how many calls so far could change something."""
        return self.calls.total() - self.reads

    def call(self, service: str, operation: str, /, **params: Any) -> Answer:
        """Call an operation by its name in AWS's API. Raises `AwsRefused`, `Configuration` or `Lost`.

        `Configuration` means that there are no credentials which AWS accepts, and that it accepted none before either.
        """
        try:
            answer: Answer = getattr(self._client(service), xform_name(operation))(**params)
        except ERRORS as error:
            raise translated(error, self._asked(service, operation)) from error
        self._answered = True
        return answer

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> Iterator[Any]:
        """Yield what all pages of a list hold under `key`; a page may be empty and not the last. Raises like `call`."""
        try:
            for page in self._pages(service, operation, params):
                self._answered = True
                yield from page.get(key, ())
        except ERRORS as error:
            raise translated(error, self._asked(service, operation)) from error

    def _pages(self, service: str, operation: str, params: dict[str, Any]) -> Iterator[Answer]:
        client, name = self._client(service), xform_name(operation)
        if client.can_paginate(name):
            yield from client.get_paginator(name).paginate(**params)
            return
        following: dict[str, str] = {}
        while True:
            page = getattr(client, name)(**params, **following)
            yield page
            before, following = following, _following(page)
            if not following:
                return
            if following == before:
                raise PaginationError(message="the same page follows itself")

    def _asked(self, service: str, operation: str) -> Asked:
        return Asked(service, operation, answered=self._answered, role=self._role, profile=self._profile)

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            if self._session is None:
                self._session = self._opened()
            create = boto3.Session(botocore_session=self._session, region_name=self._region).client
            self._clients[service] = create(service, endpoint_url=self._endpoint, config=_config(self._session))
        return self._clients[service]

    def _opened(self) -> Any:
        session = self._watched(botocore.session.Session(profile=self._profile or None))
        if self._role:
            session = self._watched(assumed(session, self._role, self._region, self._endpoint, _config(session)))
        return session

    def _watched(self, session: Any) -> Any:
        session.register("before-call", self._count)
        session.register("after-call", require_whole)
        return session

    def _count(self, model: Any, **_: Any) -> None:
        self.calls[model.service_model.service_name, model.name] += 1


def _config(session: Any) -> Any:
    attempts = session.get_config_variable("max_attempts") or ATTEMPTS
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "adaptive", "total_max_attempts": int(attempts)},
        user_agent_extra=f"decodeat-ops/{__version__}",
        tcp_keepalive=True,
    )


def _following(page: Answer) -> dict[str, str]:
    """Return the parameter that asks for the page after this one, none after the last."""
    return next(({asked: page[name]} for name, asked in _NEXT.items() if page.get(name)), {})
