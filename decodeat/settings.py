"""What the service is configured with: every variable, its rules, and one message for all that is wrong."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from decodeat import values
from decodeat.spelling import meant


@dataclass(frozen=True)
class Variable:
    """One environment variable. `parse` raises ValueError with what it must be; "" means the default."""

    name: str
    default: str
    parse: Callable[[str], Any]
    hint: str
    secret: bool = False


@dataclass(frozen=True)
class Problem:
    """Something wrong with one variable; `problem` repeats no value."""

    name: str
    problem: str
    hint: str


class SettingsError(ValueError):
    """Everything that is wrong with the environment, at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        lines = "\n".join(f"  {p.name} {p.problem}. {p.hint}" for p in problems)
        super().__init__(f"The environment has {len(problems)} problem(s); the service was not started:\n{lines}")


VARIABLES = (
    Variable("WORKERS", "", values.whole(1, 256), "Leave it out to count the processors this process may use."),
    Variable("MAX_REQUESTS", "1000", values.whole(0, 10**9), "Requests after which a worker is replaced; 0 is never."),
    Variable("MAX_REQUESTS_JITTER", "50", values.whole(0, 10**9), "Keeps workers from being replaced together."),
    Variable(
        "LOG_LEVEL", "INFO", values.one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "INFO is what is usual."
    ),
    Variable("DEBUG", "false", values.boolean, "true logs at level DEBUG; answers never show internals."),
    Variable("HOST", "0.0.0.0", values.address, "127.0.0.1 is this machine only."),  # noqa: S104 a container's edge is its network
    Variable("PORT", "8000", values.whole(1, 65535), "The port that the service listens on."),
    Variable("ALLOWED_HOSTS", "", values.hosts, "Empty lets any Host header in; localhost always is."),
    Variable("CORS_ORIGINS", "", values.cross_origins, "Empty: no other site's pages may call the service."),
    Variable("MAX_IMAGE_SIZE", "10485760", values.whole(1024, 2**28), "Bytes; the default is 10 MiB."),
    Variable("REQUEST_TIMEOUT", "120", values.whole(6, 3600), "Seconds; an analysis spends at most five sixths of it."),
    Variable("IMAGE_ALLOWED_ORIGINS", "", values.origins, "The only private addresses that pictures may come from."),
    Variable("API_KEYS", "", values.keys, "Make one with: openssl rand -hex 24", secret=True),
    Variable("DATABASE_URL", "", values.database, "Empty: results are not kept.", secret=True),
    Variable("RELEASE_ID", "dev", values.release, "The deployment sets it."),
)

# They promise something (an engine, a limit, a login) that this version does not do: ignoring them would be a lie.
UNSUPPORTED = {
    "GEMINI_API_KEY": "Remove it: labels are read by the embedded engine.",
    "GOOGLE_APPLICATION_CREDENTIALS": "Remove it: labels are read by the embedded engine.",
    "API_RATE_LIMIT": "Remove it and limit requests at the proxy.",
    "JWT_SECRET": "Remove it and use API_KEYS.",
    "REDIS_URL": "Remove it: there is no cache yet.",
}


@dataclass(frozen=True)
class Settings:
    """The service's settings, checked. Sizes in bytes, times in seconds."""

    workers: int = 2
    max_requests: int = 1000
    max_requests_jitter: int = 50
    log_level: str = "INFO"
    debug: bool = False
    host: str = "127.0.0.1"
    port: int = 8000
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    max_image_size: int = 10 * 1024 * 1024
    request_timeout: int = 120
    image_allowed_origins: frozenset[str] = frozenset()
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    database: Path | None = None
    release_id: str = "dev"

    @property
    def analysis_seconds(self) -> float:
        """How long one analysis may take in all: the rest of the client's patience is for the way there and back."""
        return self.request_timeout * 5 / 6


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings. Raises `SettingsError` naming every problem."""
    found, problems = inspect(environment)
    if problems:
        raise SettingsError(problems)
    return Settings(
        workers=found["WORKERS"] or max(2, values.processors()),
        max_requests=found["MAX_REQUESTS"],
        max_requests_jitter=found["MAX_REQUESTS_JITTER"],
        log_level="DEBUG" if found["DEBUG"] else found["LOG_LEVEL"],
        debug=found["DEBUG"],
        host=found["HOST"],
        port=found["PORT"],
        allowed_hosts=found["ALLOWED_HOSTS"],
        cors_origins=found["CORS_ORIGINS"],
        max_image_size=found["MAX_IMAGE_SIZE"],
        request_timeout=found["REQUEST_TIMEOUT"],
        image_allowed_origins=frozenset(found["IMAGE_ALLOWED_ORIGINS"]),
        api_keys=found["API_KEYS"],
        database=found["DATABASE_URL"],
        release_id=found["RELEASE_ID"],
    )


def inspect(environment: Mapping[str, str]) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Every variable's value (None where it is wrong, or WORKERS is to be counted), and everything that is wrong."""
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for variable in VARIABLES:
        text = environment.get(variable.name, "").strip() or variable.default
        found[variable.name] = None
        if not text and variable.name == "WORKERS":
            continue
        try:
            found[variable.name] = variable.parse(text)
        except ValueError as error:
            problems.append(Problem(variable.name, str(error), variable.hint))
    for name, hint in UNSUPPORTED.items():
        if environment.get(name, "").strip():
            problems.append(Problem(name, "is not supported by this version", hint))
    return found, (*problems, *_misspelt(environment))


def _misspelt(environment: Mapping[str, str]) -> list[Problem]:
    known = [variable.name for variable in VARIABLES]
    return [
        Problem(name, "is not a variable of this service", f"Did you mean {intended}?")
        for name in environment
        if name not in known and name not in UNSUPPORTED and (intended := meant(name, known))
    ]
