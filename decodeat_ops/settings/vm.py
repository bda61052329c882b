"""Define the table [vm] of the settings."""

import re
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from decodeat_ops.settings.section import Section

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DIGEST = r"sha256:[0-9a-f]{64}"
_MOST_DOMAINS = 100  # names that Let's Encrypt puts into one certificate


def _shaped(pattern: str, what: str) -> AfterValidator:
    """Return what refuses a text of another shape, in words that don't repeat it; an empty text is "not given"."""
    shape = re.compile(pattern)

    def check(text: str) -> str:
        if text and not shape.fullmatch(text):
            raise ValueError(f"must be {what}")
        return text

    return AfterValidator(check)


def _given(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


Machine = Annotated[
    str,
    AfterValidator(_given),
    _shaped(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}", "a machine as ssh knows it: a name of its configuration, or an address"
    ),
]
User = Annotated[str, _shaped(r"[a-z_][a-z0-9_-]{0,31}", "a user's name")]
Domain = Annotated[
    str,
    AfterValidator(_given),
    _shaped(
        rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*\.(?!\d+$){_LABEL}", "a domain in small letters, such as api.example.com"
    ),
]
Url = Annotated[str, _shaped(r"https://[^\s@]+", "an address that begins with https://")]
Mail = Annotated[str, _shaped(r"[^\s@,;\"']+@[^\s@,;\"']+", "an address of electronic mail")]
Reference = Annotated[str, _shaped(r"(env|file):\S.*", "a reference such as env:NAME or file:/path, not a value")]
ImageName = Annotated[
    str,
    _shaped(
        rf"([a-z0-9][a-z0-9._/:-]*[a-z0-9](:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?@)?{_DIGEST}",
        "an image by digest, such as nginx:1.28-alpine@sha256:..., or the id of one, sha256:...",
    ),
]
Memory = Annotated[str, AfterValidator(_given), _shaped(r"[1-9][0-9]{0,5}[mg]", "a number with m or g, such as 1g")]


class Vm(Section):
    """`--target vm`: the service on machines that are reached over SSH. Times in seconds."""

    hosts: list[Machine] = Field(
        default=[],
        max_length=50,
        description="Machines as ssh knows them; the first one gets a release before the rest",
    )
    group: int = Field(4, ge=1, le=50, description="Machines that change at once after the first one")
    user: User = Field("", description="User at them; empty: what ssh's own configuration says")
    ssh_config: str = Field("", description="File of ssh's configuration; empty: the user's own")
    directory: str = Field("/opt/decodeat-ops", description="Parent of what a deployment has on each machine")

    domains: list[Domain] = Field(
        default=[],
        max_length=_MOST_DOMAINS,
        description="Names that clients use, the first one as the certificate's own; empty: any name is answered",
    )
    certificate: Literal["self-signed", "acme", "own"] = Field(
        "self-signed", description="Where the certificate comes from: acme is Let's Encrypt or another such authority"
    )
    acme_email: Mail = Field("", description="Where the authority writes to")
    acme_server: Url = Field("", description="The authority's directory URL; empty: Let's Encrypt")
    http_port: int = Field(80, ge=1, le=65535, description="Port of plain HTTP: certificates' proofs and redirects")
    https_port: int = Field(443, ge=1, le=65535, description="Port that clients use")
    admin_addresses: list[str] = Field(
        default=[],
        max_length=50,
        description="Addresses or networks that SSH is open to after `decodeat-ops firewall apply`; none: all",
    )
    unattended_upgrades: bool = Field(
        False, description="Have `decodeat-ops bootstrap` turn on the system's own security updates"
    )
    docs_public: bool = Field(False, description="Show /docs and /openapi.json to everybody")

    nginx_image: ImageName = Field("", description="Image of nginx by digest; needed")
    redis: bool = Field(True, description="Run Redis beside the service, which shares what workers remember")
    redis_image: ImageName = Field("", description="Image of Redis by digest; needed with redis")
    redis_password: Reference = Field("", description="Its password by reference, if it is to have one")
    postgres: bool = Field(False, description="Run PostgreSQL beside the service, with one machine alone")
    postgres_image: ImageName = Field("", description="Image of PostgreSQL by digest; needed with postgres")
    postgres_password: Reference = Field("", description="Its password by reference: env:NAME or file:PATH")
    memory: Memory = Field("1g", description="Memory that one colour may take; two run during a release")
    cpus: float = Field(2.0, ge=0.1, le=256, description="Processors that one colour may take")

    keep_releases: int = Field(5, ge=2, le=100, description="Releases kept for rollback, the active one included")
    ready_timeout: float = Field(90.0, gt=0, le=600, description="How long a new release may take to become ready")
    watch_seconds: float = Field(5.0, ge=0, le=600, description="How long the first machine is watched before the rest")

    @field_validator("hosts", "domains")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        twice = next((one for position, one in enumerate(value) if one in value[:position]), "")
        if twice:
            raise ValueError(f"holds {twice} twice")
        return value

    @field_validator("admin_addresses")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        return [str(ip_network(one)) for one in value]  # it raises ValueError, and says what is wrong

    @field_validator("directory")
    @classmethod
    def _a_directory(cls, value: str) -> str:
        if not re.fullmatch(r"(/[A-Za-z0-9._-]+)+", value) or not {".", ".."}.isdisjoint(value.split("/")):
            raise ValueError("must be an absolute path of letters, digits, dots, hyphens and underscores")
        return value
