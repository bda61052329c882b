"""Define `decodeat-ops.toml`: every key, its type, its default; unknown keys are refused."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from decodeat_ops.settings.ecs import Ecs
from decodeat_ops.settings.section import Section as _Section
from decodeat_ops.settings.vm import Vm

# A registry has a dot, a port, or is this machine: without one Docker would take its own public registry.
_REPOSITORY = re.compile(
    r"(localhost|(?=[^/]*[.:])[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:[0-9]{1,5})?"
    r"(/[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*)+"
)
_BASE = re.compile(
    r"[a-z0-9][a-z0-9.-]*(:[0-9]{1,5}(?=/))?([a-z0-9._/-]*[a-z0-9])?(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
    r"(@sha256:[0-9a-f]{64})?"
)
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
Kind = Literal["env", "file", "aws-secretsmanager"]  # of a reference to a secret of the service
Platform = Annotated[str, StringConstraints(pattern=r"^linux/[a-z0-9]+(/v[0-9]+)?$")]


def _is_reference(text: str, kinds: tuple[str, ...] = ("env", "file")) -> bool:
    """Return whether a text refers to a secret. What it is instead is never repeated: it may be the secret itself."""
    kind, _, named = text.partition(":")
    return kind in kinds and bool(named.partition("#")[0] if kind == "aws-secretsmanager" else named)


class Local(_Section):
    """`--target local`: the service on this machine. Times in seconds."""

    host: str = Field("127.0.0.1", description="Address the service listens on; 127.0.0.1 is this machine only")
    port: int = Field(8000, ge=1, le=65535, description="Port the service listens on")
    state_dir: str = Field(
        "", description="Parent of the state, which lives in NAME-ENV below it; empty: the user's state directory"
    )
    environments_dir: str = Field(
        "", description="Python environments by lock hash, shared by deployments; empty: beside the state"
    )
    keep_releases: int = Field(5, ge=2, le=100, description="Releases kept for rollback, the active one included")
    ready_timeout: float = Field(60.0, gt=0, le=600, description="Seconds a new release may take to become ready")
    drain_timeout: float = Field(
        150.0,
        gt=0,
        le=3600,
        description="Seconds a release may take to finish requests; longer than one may last",
    )


class Service(_Section):
    """What the service is and how it is configured."""

    source: str = Field("", description="Directory that holds the package decodeat/; empty: the installed one")
    env_file: str = Field("decodeat-ops.env", description="Secrets for env: references, mode 0600")
    environment: dict[Variable, str | int | float | bool | list[str]] = Field(
        default_factory=dict, description="Plain variables of the service"
    )
    secrets: dict[Variable, str] = Field(
        default_factory=dict,
        description="Variable = reference: env:NAME or file:PATH, never a value; on ecs also aws-secretsmanager:ID#KEY",
    )

    def references(self, kind: Kind) -> dict[str, str]:
        """Return the name or path that each variable's secret is referred to by, for references of one kind."""
        parts = {variable: reference.partition(":") for variable, reference in self.secrets.items()}
        return {variable: named for variable, (found, _, named) in parts.items() if found == kind}

    @field_validator("secrets")
    @classmethod
    def _references_only(cls, value: dict[str, str]) -> dict[str, str]:
        for name, reference in value.items():
            if not _is_reference(reference, get_args(Kind)):
                raise ValueError(f"{name} must be a reference such as env:{name} or file:/path, not a value")
        return value


class Image(_Section):
    """The container image that `build` makes and `push` sends to a registry."""

    repository: str = Field(
        "", description="Registry and name without a tag, such as registry.example.com/decodeat; needed to build"
    )
    platform: Platform = Field("linux/amd64", description="What it runs on: linux/amd64 or linux/arm64")
    python_image: str = Field(
        "", description="The image that it is built on, best with its digest; empty: the Dockerfile's own"
    )
    build_network: Literal["", "host"] = Field(
        "",
        description="Network of the build's downloads: host is the engine's own machine; empty: the engine's default",
    )
    user: str = Field("", description="User at the registry; empty: the login of your own Docker configuration is used")
    password: str = Field("", description="Its password by reference: env:NAME or file:PATH, never a value")
    allow_dirty: bool = Field(False, description="Build for production from code that differs from its commit")

    @field_validator("repository")
    @classmethod
    def _names_a_registry(cls, value: str) -> str:
        if value and not _REPOSITORY.fullmatch(value):
            raise ValueError("must be a registry and a name, in small letters and without a tag")
        return value

    @field_validator("python_image")
    @classmethod
    def _is_an_image(cls, value: str) -> str:
        if value and not _BASE.fullmatch(value):
            raise ValueError("must be the name of an image, with a tag, a digest or both")
        return value

    @field_validator("password")
    @classmethod
    def _reference_only(cls, value: str) -> str:
        if value and not _is_reference(value):
            raise ValueError("must be a reference such as env:REGISTRY_PASSWORD or file:/path, not a value")
        return value

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if bool(self.user) != bool(self.password):
            raise ValueError("user and password belong together: set both or none")
        return self


class Backup(_Section):
    """Where archives go and how old the newest may be."""

    directory: str = Field("", description="Where archives go; empty: backups/ in the state directory")
    max_age_hours: float = Field(26.0, gt=0, le=87600, description="A newer backup than this must exist")


class Checks(_Section):
    """What the checklists measure against."""

    label_url: str = Field(
        "",
        description="A known label to read after a deploy; an http://127.0.0.1:PORT/ address is served by the check",
    )
    test_results: str = Field("test-results.json", description="Where `make test` records its result")
    soak_seconds: float = Field(3.0, gt=0, le=600, description="How long response time and errors are watched")
    soak_rate: float = Field(10.0, gt=0, le=200, description="Requests per second while watching")
    max_p95_seconds: float = Field(2.0, gt=0, description="Slowest acceptable 95th percentile of a light request")


class Logs(_Section):
    """Rotation and retention of the service's logs."""

    max_mb: float = Field(10.0, gt=0, le=1024, description="A log file is rotated at this size (MiB)")
    keep_files: int = Field(5, ge=1, le=100, description="Rotated files kept per log")
    keep_days: int = Field(30, ge=1, le=3650, description="Logs of releases that no longer run are kept this long")


class Settings(_Section):
    """One deployment, as the operator described it."""

    name: Name = Field("decodeat", description="The deployment's name; name and environment together name its state")
    target: Literal["local", "ecs", "vm"] = Field(
        "local",
        description="Where it is deployed to: local is this machine, ecs Amazon ECS with Fargate, vm machines over SSH",
    )
    local: Local = Local()
    ecs: Ecs = Ecs()
    vm: Vm = Vm()
    service: Service = Service()
    image: Image = Image()
    backup: Backup = Backup()
    checks: Checks = Checks()
    logs: Logs = Logs()

    def of_target(self) -> str:
        """Return as JSON what the target reads, without sections that others alone read: their keys change nothing."""
        return self.model_dump_json(exclude=set(ELSEWHERE[self.target]))


ELSEWHERE = {
    "local": ("ecs", "vm", "image"),
    "ecs": ("local", "vm"),
    "vm": ("local", "ecs"),
}  # sections that a target does not read
OMITTED = {
    "local": frozenset({"ecs", "vm"}),
    "ecs": frozenset({"local", "vm"}),
    "vm": frozenset({"local", "ecs"}),
}  # sections that none of its commands reads


class Loaded(BaseModel):
    """Settings with where they came from.

    `origins` maps `section.key` to "default", a file's name, a variable or a flag.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    settings: Settings
    env: str
    files: tuple[Path, ...]
    directory: Path
    origins: dict[str, str]

    @property
    def deployment(self) -> str:
        """Return the name that a journal, a lock and a typed confirmation use."""
        return f"{self.settings.name}-{self.env}"

    def path(self, text: str) -> Path:
        """Return a path from the settings: `~` expanded, relative to the settings file's directory, links resolved."""
        return self.named(text).resolve()

    def named(self, text: str) -> Path:
        """Return the path without resolving its links, since their owner matters where the path has to be trusted."""
        return self.directory / Path(text).expanduser()
