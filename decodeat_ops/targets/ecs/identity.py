"""Find out who calls AWS, and refuse an account that is not the settings' own."""

import re
from dataclasses import dataclass

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


_KNOWN = "caller"  # what it is remembered under: one connection has the same credentials for as long as it lives


def who(place: Place) -> Caller:
    """Return who calls, which is asked once. Raises `Configuration` when the account is not `ecs.account`."""
    if _KNOWN not in place.remembered:
        told = place.aws.call("sts", "GetCallerIdentity")
        place.remembered[_KNOWN] = Caller(told["Account"], told["Arn"], told["UserId"])
    caller: Caller = place.remembered[_KNOWN]
    if caller.account != place.names.account:
        raise Configuration(
            f"These credentials are of the account {caller.account} ({caller.shown}), and ecs.account is "
            f"{place.names.account}.",
            hint="Choose others with ecs.profile, ecs.role or AWS_PROFILE, or correct ecs.account.",
            where="ecs.account",
        )
    return caller


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
