"""Test that the service does not start with an empty, malformed or incomplete security setting, and names it."""

import subprocess
import sys
from pathlib import Path

import pytest

from decodeat.settings import VARIABLES, inspect
from tests.unit.decodeat.web import variables_of_a_child

KEY = "k3y-for-tests-0001-abcdef"
SIGNING = "s3cret-for-tests-that-is-long-enough"
TOKENS = {"JWT_SECRET": SIGNING, "JWT_ISSUER": "i", "JWT_AUDIENCE": "a"}
BLANK = ("", " ", "\t\n", "\u3000")
NOTHING = (",", " , ,", "[]", '[""]', '["", " "]', "[ ]")

# Every variable is in one of the two sets, so that a new one has to be added to one.
GUARDS = {
    "HOST": ("*", "0.0.0.0 everywhere", "http://0.0.0.0"),
    "SOCKET": ("api.sock", "unix:/run/api.sock", "/run/", "/run/a\nb", "/" + "a" * 107),
    "ALLOWED_HOSTS": (*NOTHING, "https://a.kr", "a.kr/x", '["a.kr"', "a b", "${HOST}", "*.", "**"),
    "CORS_ORIGINS": (*NOTHING, "a.kr", "null", "https://*.a.kr", "https://u@a.kr", "*,https://a.kr", "${ORIGINS}"),
    "IMAGE_ALLOWED_ORIGINS": (*NOTHING, "*", "10.0.0.0/8", "http://u:p@a.kr", "http://a.kr/x", "http://0x7f.1"),
    "MAX_IMAGE_SIZE": ("0", "-1", "10MB", "none", "999999999999"),
    "REQUEST_TIMEOUT": ("0", "-1", "1e3", "none", "99999"),
    "API_KEYS": (
        *NOTHING, "short", "changeme-changeme-1", "${API_KEYS}-0123456789", f'["{KEY}"', f"{KEY} {KEY}", "sha256:",
    ),
    "JWT_SECRET": (*NOTHING, "short", "your_secret_" * 4, "<secret>" * 8, f'["{SIGNING}"', SIGNING[:31], "비밀" * 20),
    "JWT_ISSUER": ("a\nb", "\u200b", "\x00"),
    "JWT_AUDIENCE": ("a\nb", "\u200b", "\x00"),
    "API_RATE_LIMIT": ("-1", "ten", "100/minute", "1.5", "9999999"),
    "GEMINI_API_KEY": ("short", "your_gemini_key_0123", "${GEMINI_API_KEY}", "with a space in it"),
    "GEMINI_ENDPOINT": (*NOTHING, "a.kr", "http://a.kr/v1", "http://a.kr,http://b.kr", "ftp://a.kr"),
    "VISION_ENDPOINT": (*NOTHING, "a.kr", "http://a.kr/v1", "http://a.kr,http://b.kr", "ftp://a.kr"),
    "GOOGLE_APPLICATION_CREDENTIALS": ("/nowhere/key.json", "/etc/hostname", "/", "{}"),
    "GOOGLE_CREDENTIALS_JSON": (
        *NOTHING, "{}", "null", "/run/secrets/gcp.json", "${GOOGLE_CREDENTIALS_JSON}", '{"type": "service_account"}',
        '{"type": "external_account", "credential_source": {}}', '{"type": "authorized_user", "client_id": ""',
    ),
    "REDIS_URL": (
        "cache:6379", "http://cache", "redis://", "redis://:@cache", "redis://@cache", "redis://u@cache", "redis://u:@cache",
        "redis://:changeme@cache", "redis://cache/zero", "redis://cache:0", "unix://", "unix:///",
    ),
    "DATABASE_URL": (
        "none ,", "sqlite://", "sqlite:///x", "mysql://u:p@db/x", "postgresql://u:@db/x", "postgresql://@db/x",
        "postgresql://:p@db/x", "postgresql://u:${PASSWORD}@db/x", "postgresql://u:p@db", "postgresql://u:p@db:port/x",
    ),
}  # fmt: skip
NO_GUARDS = {
    "WORKERS", "MAX_REQUESTS", "MAX_REQUESTS_JITTER", "LOG_LEVEL", "DEBUG", "PORT", "READER", "ANALYZER",
    "ANALYZER_FALLBACK", "GEMINI_MODEL", "GEMINI_INPUT_PRICE", "GEMINI_OUTPUT_PRICE", "VISION_PRICE", "OCR_CACHE_TTL",
    "ANALYSIS_CACHE_TTL", "URL_CACHE_TTL", "RELEASE_ID",
}  # fmt: skip


def test_every_variable_is_known_to_guard_something_or_not() -> None:
    assert {variable.name for variable in VARIABLES if variable.guards} == set(GUARDS)
    assert {variable.name for variable in VARIABLES if not variable.guards} == NO_GUARDS


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, wrong in GUARDS.items() for value in (*BLANK, *wrong)]
)
def test_a_security_setting_that_is_empty_or_malformed_does_not_start(name: str, value: str) -> None:
    _, problems = inspect({**(TOKENS if name.startswith("JWT_") else {}), name: value})
    assert [problem.name for problem in problems][:1] == [name]


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"JWT_SECRET": SIGNING}, {"JWT_ISSUER", "JWT_AUDIENCE"}),
        ({"JWT_SECRET": SIGNING, "JWT_AUDIENCE": "a"}, {"JWT_ISSUER"}),
        ({"JWT_SECRET": SIGNING, "JWT_ISSUER": "i"}, {"JWT_AUDIENCE"}),
        ({"JWT_ISSUER": "i", "JWT_AUDIENCE": "a"}, {"JWT_ISSUER", "JWT_AUDIENCE"}),
        ({"API_KEYS": KEY, "JWT_ISSUER": "i"}, {"JWT_ISSUER"}),
        ({"API_KEYS": "", **TOKENS}, {"API_KEYS"}),
        ({"API_KEYS": KEY, **TOKENS, "JWT_SECRET": ""}, {"JWT_SECRET"}),
        ({"ANALYZER": "gemini"}, {"GEMINI_API_KEY"}),
        ({"API_KEY": KEY}, {"API_KEY"}),
        ({"API_KEYS_FILE": "/run/secrets/api-keys"}, {"API_KEYS_FILE"}),
        ({"JWT_SECRET_FILE": "/run/secrets/jwt"}, {"JWT_SECRET_FILE"}),
        ({"ALLOWED_HOST": "a.kr"}, {"ALLOWED_HOST"}),
    ],
)
def test_what_is_half_set_or_set_under_another_name_does_not_start(
    environment: dict[str, str], named: set[str]
) -> None:
    assert {problem.name for problem in inspect(environment)[1]} == named


@pytest.mark.parametrize(
    "environment",
    [
        {"REDIS_URL": "redis://cache"}, {"REDIS_URL": "redis://u:p@cache/3"}, {"REDIS_URL": "unix:///run/redis.sock"},
        {"REDIS_URL": "rediss://:p@cache:6380/"}, {"REDIS_URL": "redis://cache/0?protocol=3"},
        {"DATABASE_URL": "postgresql://u@db/x"}, {"DATABASE_URL": "postgresql:///x?host=/run/postgresql"},
        {"DATABASE_URL": "postgresql://db/x"}, {"DATABASE_URL": "none"}, {"API_RATE_LIMIT": "0"},
        {"ALLOWED_HOSTS": "*"}, {"CORS_ORIGINS": "*"}, {"API_KEYS": f"{KEY},"}, TOKENS,
    ],
)  # fmt: skip
def test_what_is_whole_starts(environment: dict[str, str]) -> None:
    assert inspect(environment)[1] == ()


def test_an_empty_list_of_keys_ends_the_process_before_it_listens(tmp_path: Path) -> None:
    child = variables_of_a_child(API_KEYS=" ", XDG_STATE_HOME=str(tmp_path))
    argv = (sys.executable, "-m", "decodeat")
    done = subprocess.run(argv, env=child, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "API_KEYS is set, and empty" in done.stderr) == (3, True)
