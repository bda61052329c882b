"""Define `decodeat-ops.toml`: every key, its type, its default; unknown keys are refused."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


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
        default_factory=dict, description="Variable = reference: env:NAME or file:PATH, never a value"
    )

    def references(self, kind: Literal["env", "file"]) -> dict[str, str]:
        """Return the name or path that each variable's secret is referred to by, for references of one kind."""
        parts = {variable: reference.partition(":") for variable, reference in self.secrets.items()}
        return {variable: named for variable, (found, _, named) in parts.items() if found == kind}

    @field_validator("secrets")
    @classmethod
    def _references_only(cls, value: dict[str, str]) -> dict[str, str]:
        for name, reference in value.items():
            if not reference.startswith(("env:", "file:")) or not reference.partition(":")[2]:
                # The text itself is not repeated: it may be a secret typed in the wrong place.
                raise ValueError(f"{name} must be a reference such as env:{name} or file:/path, not a value")
        return value


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
    target: Literal["local"] = Field("local", description="Where it is deployed to: local is this machine")
    local: Local = Local()
    service: Service = Service()
    backup: Backup = Backup()
    checks: Checks = Checks()
    logs: Logs = Logs()


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
