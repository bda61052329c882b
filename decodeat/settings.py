"""Read the service's settings: every variable, its rules, and one message for all that is wrong."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from decodeat import credentials, values
from decodeat.spelling import closest


@dataclass(frozen=True)
class Variable:
    """Describe one environment variable. `parse` raises ValueError saying what it must be; "" means the default.

    `guards`: it limits something, refuses access, or says where secrets and results go. Such a variable may not be set
    and empty: that doesn't mean "no limit", but looks like a reference to a missing value.
    """

    name: str
    default: str
    parse: Callable[[str], Any]
    hint: str
    secret: bool = False
    guards: bool = False


@dataclass(frozen=True)
class Problem:
    """Describe what is wrong with one variable; `problem` repeats no value."""

    name: str
    problem: str
    hint: str


class SettingsError(ValueError):
    """Report everything that is wrong with the environment at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        lines = "\n".join(f"  {p.name} {p.problem}. {p.hint}" for p in problems)
        super().__init__(f"The environment has {len(problems)} problem(s); the service was not started:\n{lines}")


_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_SECONDS = values.whole(0, 10**7)

# The default model, and what a million of its tokens cost in and out, and a thousand pictures: US dollars, as in
# Google's price lists of 2025 (Gemini API, paid tier; Cloud Vision, document text detection up to 5 million a month).
_MODEL, _INPUT_PRICE, _OUTPUT_PRICE, _VISION_PRICE = "gemini-2.5-flash", "0.30", "2.50", "1.50"
_GOOGLE = ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CREDENTIALS_JSON")  # the file, or its content

VARIABLES = (
    Variable("WORKERS", "", values.workers, "Leave it out to count the processors this process may use."),
    Variable("MAX_REQUESTS", "1000", values.whole(0, 10**9), "Requests after which a worker is replaced; 0 is never."),
    Variable("MAX_REQUESTS_JITTER", "50", values.whole(0, 10**9), "Keeps workers from being replaced together."),
    Variable("LOG_LEVEL", "INFO", values.one_of(*_LEVELS), "INFO is what is usual."),
    Variable("DEBUG", "false", values.boolean, "true logs at level DEBUG; answers never show internals."),
    Variable("HOST", "0.0.0.0", values.address, "127.0.0.1 is this machine only.", guards=True),  # noqa: S104 a container's edge is its network
    Variable("PORT", "8000", values.whole(1, 65535), "The port that the service listens on."),
    Variable("SOCKET", "", values.socket_path, "Leave it out to listen on HOST and PORT.", guards=True),
    Variable("ALLOWED_HOSTS", "", values.hosts, "Empty lets any Host header in; localhost always is.", guards=True),
    Variable(
        "CORS_ORIGINS", "", values.cross_origins, "Empty: no other site's pages may call the service.", guards=True
    ),
    Variable("MAX_IMAGE_SIZE", "10485760", values.whole(1024, 2**28), "Bytes; the default is 10 MiB.", guards=True),
    Variable(
        "REQUEST_TIMEOUT",
        "120",
        values.whole(6, 3600),
        "Seconds; an analysis spends at most five sixths of it.",
        guards=True,
    ),
    Variable(
        "IMAGE_ALLOWED_ORIGINS",
        "",
        values.origins,
        "The only private addresses that pictures may come from.",
        guards=True,
    ),
    # Who may call, and how often.
    Variable("API_KEYS", "", values.key_digests, "Make one with: openssl rand -hex 24", secret=True, guards=True),
    Variable("JWT_SECRET", "", values.signing_secrets, "Make one with: openssl rand -hex 32", secret=True, guards=True),
    Variable("JWT_ISSUER", "", values.plain, "The `iss` that a token must carry.", guards=True),
    Variable("JWT_AUDIENCE", "", values.plain, "The `aud` that a token must carry.", guards=True),
    Variable(
        "API_RATE_LIMIT", "0", values.whole(0, 10**6), "Analyses a minute for each client; 0 is no limit.", guards=True
    ),
    # The engines: a reader and an analyst.
    Variable("READER", "auto", values.one_of("auto", "vision", "embedded"), "auto is vision with Google credentials."),
    Variable("ANALYZER", "auto", values.one_of("auto", "gemini", "embedded"), "auto is gemini with GEMINI_API_KEY."),
    Variable(
        "ANALYZER_FALLBACK",
        "none",
        values.one_of("none", "embedded"),
        "embedded answers while Google can't.",
    ),
    Variable(
        "GEMINI_API_KEY", "", values.google_key, "Leave it out to use the embedded analyst.", secret=True, guards=True
    ),
    Variable("GEMINI_MODEL", _MODEL, values.model, "A model that your key may use."),
    Variable("GEMINI_ENDPOINT", "", values.endpoint, "Leave it out for Google's own.", guards=True),
    Variable("GEMINI_INPUT_PRICE", "", values.price, "US dollars a million tokens; the default model's is known."),
    Variable("GEMINI_OUTPUT_PRICE", "", values.price, "US dollars a million tokens; the default model's is known."),
    Variable(
        "GOOGLE_APPLICATION_CREDENTIALS",
        "",
        values.credentials_file,
        "Mount the file, or leave it out and set READER=vision where the platform knows who you are.",
        guards=True,
    ),
    Variable(
        "GOOGLE_CREDENTIALS_JSON",
        "",
        credentials.content,
        "Set it to all that is in the file of a service account's key or of a workload identity, unchanged.",
        secret=True,
        guards=True,
    ),
    Variable("VISION_ENDPOINT", "", values.endpoint, "Leave it out for Google's own.", guards=True),
    Variable("VISION_PRICE", _VISION_PRICE, values.price, "US dollars a thousand pictures."),
    # What is remembered.
    Variable(
        "REDIS_URL", "", values.redis_url, "Leave it out to remember in each worker's memory.", secret=True, guards=True
    ),
    Variable("OCR_CACHE_TTL", "3600", _SECONDS, "Seconds that a picture's text is remembered; 0 is not at all."),
    Variable("ANALYSIS_CACHE_TTL", "1800", _SECONDS, "Seconds that a text's analysis is remembered; 0 is not at all."),
    Variable("URL_CACHE_TTL", "0", _SECONDS, "Seconds that an address's answer is taken for unchanged; 0 is never."),
    Variable("DATABASE_URL", "", values.database, "none keeps no results.", secret=True, guards=True),
    Variable("RELEASE_ID", "dev", values.release, "The deployment sets it."),
)


@dataclass(frozen=True)
class Settings:
    """Hold the service's checked settings, one field per variable. Sizes in bytes, times in seconds.

    `api_keys` are SHA-256 digests in hex. `database_url` is "" when results are not kept. Prices are US dollars per
    million tokens or per thousand pictures, None when unknown.
    """

    workers: int = 2
    max_requests: int = 1000
    max_requests_jitter: int = 50
    log_level: str = "INFO"
    debug: bool = False
    host: str = "127.0.0.1"
    port: int = 8000
    socket: str = ""
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    max_image_size: int = 10 * 1024 * 1024
    request_timeout: int = 120
    image_allowed_origins: tuple[str, ...] = ()
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    jwt_secret: tuple[str, ...] = field(default=(), repr=False)
    jwt_issuer: str = ""
    jwt_audience: str = ""
    api_rate_limit: int = 0
    reader: str = "embedded"
    analyzer: str = "embedded"
    analyzer_fallback: str = "none"
    gemini_api_key: str = field(default="", repr=False)
    gemini_model: str = _MODEL
    gemini_endpoint: str = ""
    gemini_input_price: Decimal | None = None
    gemini_output_price: Decimal | None = None
    google_application_credentials: str = ""
    google_credentials_json: str = field(default="", repr=False)
    vision_endpoint: str = ""
    vision_price: Decimal | None = None
    redis_url: str = field(default="", repr=False)
    ocr_cache_ttl: int = 3600
    analysis_cache_ttl: int = 1800
    url_cache_ttl: int = 0
    database_url: str = field(default="", repr=False)
    release_id: str = "dev"

    @property
    def analysis_seconds(self) -> float:
        """Return the seconds that one analysis may take in all; the rest of the time-out is for the network."""
        return self.request_timeout * 5 / 6


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings. Raises `SettingsError` naming every problem."""
    found, problems = inspect(environment)
    if problems:
        raise SettingsError(problems)
    if found["DEBUG"]:
        found["LOG_LEVEL"] = "DEBUG"
    return Settings(**{name.lower(): value for name, value in found.items()})


def inspect(environment: Mapping[str, str]) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return every variable's value (None where it is wrong), defaults included, and everything that is wrong."""
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for variable in VARIABLES:
        try:
            found[variable.name] = _value(variable, environment.get(variable.name))
        except ValueError as error:
            found[variable.name] = None
            problems.append(Problem(variable.name, str(error), variable.hint))
    _derive(found)
    return found, (*problems, *_contradictions(found), *_misspelt(environment))


def _value(variable: Variable, given: str | None) -> Any:
    """Return the parsed value or the default. Raises ValueError saying what is wrong."""
    text = (given or "").strip()
    if variable.guards and given is not None and not text:
        raise ValueError("is set, and empty")
    value = variable.parse(text or variable.default)
    if variable.guards and text and value == ():
        raise ValueError("is a list with nothing in it")
    return value


def _derive(found: dict[str, Any]) -> None:
    """Replace "auto" by an engine, chosen by the credentials given, and missing prices by the default model's."""
    if found["READER"] == "auto":
        found["READER"] = "vision" if any(found[name] for name in _GOOGLE) else "embedded"
    if found["ANALYZER"] == "auto":
        found["ANALYZER"] = "gemini" if found["GEMINI_API_KEY"] else "embedded"
    if found["GEMINI_MODEL"] == _MODEL:
        for name, price in (("GEMINI_INPUT_PRICE", _INPUT_PRICE), ("GEMINI_OUTPUT_PRICE", _OUTPUT_PRICE)):
            if found[name] is None:
                found[name] = Decimal(price)


def _contradictions(found: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the problems of variables that are right alone and wrong together."""
    if found["ANALYZER"] == "gemini" and found["GEMINI_API_KEY"] == "":
        yield Problem("GEMINI_API_KEY", "is missing, and ANALYZER is gemini", "Set it, or set ANALYZER=embedded.")
    if all(found[name] != "" for name in _GOOGLE):
        yield Problem(_GOOGLE[1], f"is set, and so is {_GOOGLE[0]}", "They say who calls Google: keep one of the two.")
    for name, claim in (("JWT_ISSUER", "iss"), ("JWT_AUDIENCE", "aud")):
        if found["JWT_SECRET"] and found[name] == "":
            yield Problem(name, "is missing, and JWT_SECRET is set", f"It says what `{claim}` a token must carry.")
        if found["JWT_SECRET"] == () and found[name]:
            yield Problem(name, "is set, and JWT_SECRET is missing", "Without it no token is asked for.")


def _misspelt(environment: Mapping[str, str]) -> list[Problem]:
    known = [variable.name for variable in VARIABLES]
    files = [
        Problem(name, "is not a variable of this service", f"Set {name.removesuffix('_FILE')} to the file's content.")
        for name in environment
        if name.endswith("_FILE") and name.removesuffix("_FILE") in known
    ]
    return files + [
        Problem(name, "is not a variable of this service", f"Did you mean {intended}?")
        for name in environment
        if name not in known and (intended := closest(name, known))
    ]
