"""Find out who calls AWS, and refuse an account that is not the settings' own."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from decodeat_ops.core.aws import Answer, Aws
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.target import Facts
from decodeat_ops.targets.ecs.place import Place

_ROLE = re.compile(r"arn:[\w-]+:sts::\d+:assumed-role/(?P<role>[^/]+)/(?P<session>.+)")


@dataclass(frozen=True)
class Caller:
    """Hold who calls: the account's 12 digits, the ARN and the unique id that AWS gives."""

    account: str
    arn: str
    user_id: str

    @property
    def root(self) -> bool:
        """Return whether it is the account's root user, whom no policy of the account can deny anything."""
        return self.arn.endswith(":root")

    @property
    def role(self) -> str:
        """Return the name of the role whose session this is, "" for a user."""
        found = _ROLE.fullmatch(self.arn)
        return found["role"] if found else ""

    @property
    def user(self) -> bool:
        """Return whether it is a user of IAM."""
        return ":user/" in self.arn

    @property
    def shown(self) -> str:
        """Return who it is in a word, for people."""
        return self.arn.partition(f":{self.account}:")[2] or self.arn


_WHO = ("sts", "GetCallerIdentity")  # one connection has the same credentials for as long as it lives


class OwnAccount:
    """Call AWS with credentials of one account alone: who calls is asked before the first call, and once.

    So no change goes to another account, whichever command makes it. Every call raises `Configuration` when the
    credentials are of another one.
    """

    def __init__(self, aws: Aws, account: str) -> None:
        self._below = aws
        self._account = account
        self._caller: Answer | None = None

    @property
    def region(self) -> str:
        return self._below.region

    def call(self, service: str, operation: str, /, **params: Any) -> Answer:
        caller = self._require()
        return caller if (service, operation) == _WHO else self._below.call(service, operation, **params)

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> Iterator[Any]:
        self._require()
        yield from self._below.pages(service, operation, key, **params)

    def _require(self) -> Answer:
        if self._caller is None:
            self._caller = self._below.call("sts", "GetCallerIdentity")
        _require(_read(self._caller), self._account)
        return self._caller


def who(place: Place) -> Caller:
    """Return who calls, which is asked once. Raises `Configuration` when the account is not `ecs.account`."""
    if _WHO not in place.remembered:
        place.remembered[_WHO] = _read(place.aws.call("sts", "GetCallerIdentity"))
    caller: Caller = place.remembered[_WHO]
    _require(caller, place.names.account)
    return caller


def _read(told: Answer) -> Caller:
    return Caller(told["Account"], told["Arn"], told["UserId"])


def _require(caller: Caller, account: str) -> None:
    if caller.account != account:
        raise Configuration(
            f"These credentials are of the account {caller.account} ({caller.shown}), and ecs.account is {account}.",
            hint="Choose others with ecs.profile, ecs.role or AWS_PROFILE, or correct ecs.account.",
            where="ecs.account",
        )


def facts(place: Place) -> Facts:
    """Return what a plan says of where it changes something, and as whom. Raises like `who`."""
    caller = who(place)
    endpoint = place.loaded.settings.ecs.endpoint
    return (
        ("account", caller.account),
        ("region", place.aws.region),
        ("caller", caller.shown),
        *((("endpoint", f"{endpoint}, instead of AWS's own"),) if endpoint else ()),
    )
