"""Know who calls: users and roles, their policies, and the access keys that stand for them."""

import re
from dataclasses import dataclass, field
from datetime import datetime

from tests.servers.aws.errors import Refused
from tests.servers.aws.policy import FULL, Document

CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request")


@dataclass
class User:
    """Describe a user with its inline policies; the account's root user has none and may do everything."""

    name: str
    arn: str
    id: str
    policies: dict[str, Document] = field(default_factory=lambda: {"all": FULL})


@dataclass
class Role:
    """Describe a role: who may assume it, and its inline and managed policies."""

    name: str
    arn: str
    id: str
    trust: Document
    created: datetime
    description: str = ""
    path: str = "/"
    boundary: str = ""
    policies: dict[str, Document] = field(default_factory=dict)
    attached: dict[str, str] = field(default_factory=dict)  # name by ARN
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Caller:
    """Hold who makes a call; `source` is the ARN of the user or role whose policies count."""

    arn: str
    user_id: str
    source: str


@dataclass(frozen=True)
class Scope:
    """Hold what a request is signed with: access key, region, service."""

    key: str
    region: str
    service: str


def scope(header: str) -> Scope:
    """Return what the header Authorization says. Refuses a request that is not signed."""
    found = CREDENTIAL.match(header)
    if found is None:
        raise Refused("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    return Scope(found[1], found[3], found[4])
