"""Given an environment, the service starts with what it says, or says everything that is wrong with it at once."""

import hashlib
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decodeat import processors
from decodeat.settings import VARIABLES, Settings, SettingsError, inspect, load
from decodeat.spelling import closest, edits
from tests.unit.decodeat.google_credentials import written
from tests.unit.decodeat.web import ROOT, variables_of_a_child

KEY, OTHER_KEY = "k3y-for-tests-0001-abcdef", "k3y-for-tests-0002-abcdef"
KEY_DIGEST, DIGEST = (hashlib.sha256(key.encode()).hexdigest() for key in (KEY, OTHER_KEY))
SIGNING = "s3cret-for-tests-that-is-long-enough"


def test_an_empty_environment_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/var/lib/somebody")
    found = load({})
    assert (found.port, found.max_requests, found.request_timeout, found.analysis_seconds) == (8000, 1000, 120, 100)
    assert found.workers >= 2
    assert (found.reader, found.analyzer, found.analyzer_fallback) == ("embedded", "embedded", "none")
    assert (found.ocr_cache_ttl, found.analysis_cache_ttl, found.url_cache_ttl) == (3600, 1800, 0)
    assert found.database_url == "sqlite:////var/lib/somebody/decodeat/decodeat.sqlite3"
    assert (found.api_keys, found.jwt_secret, found.api_rate_limit) == ((), (), 0)


@pytest.mark.parametrize(("given", "bound"), [("[::]", "::"), ("::1", "::1"), ("::ffff:1.2.3.4", "::ffff:1.2.3.4")])
def test_an_address_is_what_can_be_bound(given: str, bound: str) -> None:
    assert load({"HOST": given}).host == bound


def test_without_a_state_directory_the_home_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for unusable in ("", "relative/state"):
        monkeypatch.setenv("XDG_STATE_HOME", unusable)
        monkeypatch.setenv("HOME", "/home/somebody")
        assert load({}).database_url == "sqlite:////home/somebody/.local/state/decodeat/decodeat.sqlite3"


def test_every_variable_reaches_the_settings(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials.json"
    credentials.write_text('{"type": "service_account"}')
    given = {
        "WORKERS": "3", "MAX_REQUESTS": "0", "MAX_REQUESTS_JITTER": "7", "LOG_LEVEL": "warning",
        "DEBUG": "no", "HOST": "::1", "PORT": "9000", "SOCKET": "/run/api/api.sock",
        "ALLOWED_HOSTS": '["API.example.com", "*.example.org"]',
        "CORS_ORIGINS": "https://a.kr,https://b.kr/",
        "MAX_IMAGE_SIZE": "2048", "REQUEST_TIMEOUT": "60", "IMAGE_ALLOWED_ORIGINS": "http://127.0.0.1:8099",
        "API_KEYS": f"{KEY}, sha256:{DIGEST}", "JWT_SECRET": SIGNING, "JWT_ISSUER": "https://login.kr",
        "JWT_AUDIENCE": "api", "API_RATE_LIMIT": "100", "READER": "Vision", "ANALYZER": "gemini",
        "ANALYZER_FALLBACK": "embedded",
        "GEMINI_API_KEY": KEY, "GEMINI_MODEL": "models/gemini-9", "GEMINI_ENDPOINT": "http://127.0.0.1:8001",
        "GEMINI_INPUT_PRICE": "0.1", "GEMINI_OUTPUT_PRICE": "4", "GOOGLE_APPLICATION_CREDENTIALS": str(credentials),
        "VISION_ENDPOINT": "http://127.0.0.1:8002", "VISION_PRICE": "0.60", "REDIS_URL": "rediss://:pw@cache:6380/2",
        "OCR_CACHE_TTL": "1", "ANALYSIS_CACHE_TTL": "2", "URL_CACHE_TTL": "3",
        "DATABASE_URL": "postgres://decodeat:pw@db/decodeat?sslmode=require", "RELEASE_ID": "20261124T020000Z-ab12cd3",
    }  # fmt: skip
    assert set(given) == {variable.name for variable in VARIABLES} - {"GOOGLE_CREDENTIALS_JSON"}  # one of the two alone
    assert load(given) == Settings(
        workers=3, max_requests=0, max_requests_jitter=7, log_level="WARNING", debug=False, host="::1", port=9000,
        socket="/run/api/api.sock",
        allowed_hosts=("api.example.com", "*.example.org"), cors_origins=("https://a.kr", "https://b.kr"),
        max_image_size=2048, request_timeout=60, image_allowed_origins=("http://127.0.0.1:8099",),
        api_keys=(KEY_DIGEST, DIGEST), jwt_secret=(SIGNING,), jwt_issuer="https://login.kr", jwt_audience="api",
        api_rate_limit=100, reader="vision", analyzer="gemini", analyzer_fallback="embedded", gemini_api_key=KEY,
        gemini_model="gemini-9", gemini_endpoint="http://127.0.0.1:8001", gemini_input_price=Decimal("0.1"),
        gemini_output_price=Decimal(4), google_application_credentials=str(credentials),
        vision_endpoint="http://127.0.0.1:8002", vision_price=Decimal("0.60"), redis_url="rediss://:pw@cache:6380/2",
        ocr_cache_ttl=1, analysis_cache_ttl=2, url_cache_ttl=3,
        database_url="postgresql://decodeat:pw@db/decodeat?sslmode=require", release_id="20261124T020000Z-ab12cd3",
    )  # fmt: skip


def test_keys_choose_the_engines(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials.json"
    credentials.write_text('{"type": "authorized_user"}')
    found = load({"GEMINI_API_KEY": KEY, "GOOGLE_APPLICATION_CREDENTIALS": str(credentials)})
    assert (found.reader, found.analyzer) == ("vision", "gemini")
    assert (found.gemini_input_price, found.gemini_output_price) == (Decimal("0.30"), Decimal("2.50"))
    other = load({"GEMINI_API_KEY": KEY, "GEMINI_MODEL": "gemini-9", "ANALYZER": "embedded", "READER": "vision"})
    assert (other.reader, other.analyzer, other.gemini_input_price) == ("vision", "embedded", None)


def test_debug_logs_everything() -> None:
    assert load({"DEBUG": "true", "LOG_LEVEL": "ERROR"}).log_level == "DEBUG"


def test_results_may_be_forgotten() -> None:
    assert load({"DATABASE_URL": "none"}).database_url == ""


def test_secrets_do_not_show_in_the_settings() -> None:
    secrets = {"API_KEYS": KEY, "JWT_SECRET": SIGNING, "GEMINI_API_KEY": OTHER_KEY}
    secrets["GOOGLE_CREDENTIALS_JSON"] = written("authorized_user", refresh_token="r3fresh-0001")
    urls = {"REDIS_URL": "redis://:hunter2@cache", "DATABASE_URL": "postgresql://u:hunter2@db/x"}
    shown = repr(load({**secrets, **urls, "JWT_ISSUER": "i", "JWT_AUDIENCE": "a"}))
    assert not [secret for secret in (KEY, KEY_DIGEST, SIGNING, OTHER_KEY, "hunter2", "r3fresh") if secret in shown]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("WORKERS", "0", "from 1 to 256"),
        ("WORKERS", "two", "whole number"),
        ("PORT", "65536", "from 1 to 65535"),
        ("PORT", "８０００", "whole number"),
        ("LOG_LEVEL", "LOUD", "one of DEBUG"),
        ("DEBUG", "maybe", "true or false"),
        ("HOST", "0.0.0.0 # everywhere", "address"),
        ("HOST", "*", "address"),
        ("ALLOWED_HOSTS", '["yourdomain.com"', "list"),
        ("ALLOWED_HOSTS", "https://a.kr", "without scheme"),
        ("ALLOWED_HOSTS", "[1]", "list of strings"),
        ("CORS_ORIGINS", "a.kr", "origins"),
        ("CORS_ORIGINS", "*,https://a.kr", "origins"),
        ("IMAGE_ALLOWED_ORIGINS", "*", "origins"),
        ("IMAGE_ALLOWED_ORIGINS", "http://127.0.0.1:8099/label.png", "without a path"),
        ("IMAGE_ALLOWED_ORIGINS", "http://127.0.0.1:99999", "origins"),
        ("IMAGE_ALLOWED_ORIGINS", "ftp://a.kr", "origins"),
        ("MAX_IMAGE_SIZE", "10MB", "whole number"),
        ("REQUEST_TIMEOUT", "5", "from 6"),
        ("API_KEYS", "tiny", "shorter than 16"),
        ("API_KEYS", "your_production_key_here", "placeholder"),
        ("API_KEYS", "changeme-changeme-changeme", "placeholder"),
        ("API_KEYS", "example-key-0123456789", "placeholder"),
        ("API_KEYS", f"{KEY},{KEY}", "twice"),
        ("API_KEYS", "with spaces inside it", "header"),
        ("API_KEYS", "한글열쇠한글열쇠한글열쇠한글열쇠", "header"),
        ("API_KEYS", f"{KEY},sha256:{KEY_DIGEST}", "twice"),
        ("API_KEYS", "sha256:ABC", "64 hexadecimal"),
        ("DATABASE_URL", "mysql://decodeat:hunter2@db/decodeat", "not supported"),
        ("DATABASE_URL", "sqlite:///relative.sqlite3", "absolute path"),
        ("DATABASE_URL", "sqlite:////var/lib/", "absolute path"),
        ("DATABASE_URL", "/var/lib/results.sqlite3", "not supported"),
        ("DATABASE_URL", "postgresql://u:hunter2@db", "/database"),
        ("DATABASE_URL", "postgresql://u:hunter2@db:port/x", "/database"),
        ("DATABASE_URL", "postgresql:///x", "/database"),
        ("RELEASE_ID", "a b", "letters"),
        ("GEMINI_API_KEY", "your_production_gemini_key", "placeholder"),
        ("GEMINI_API_KEY", "tiny-7531", "shorter than 16"),
        ("GEMINI_MODEL", "gemini/../../secrets", "model's name"),
        ("GEMINI_ENDPOINT", "http://a.kr,http://b.kr", "one origin"),
        ("GEMINI_INPUT_PRICE", "-1", "US dollars"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/app/gcp-key.json", "No such file"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/etc/hostname", "not JSON"),
        ("GOOGLE_CREDENTIALS_JSON", "/app/gcp-key.json", "not JSON"),
        ("GOOGLE_CREDENTIALS_JSON", '{"private_key": "t"}', "holds no Google credentials"),
        ("GOOGLE_CREDENTIALS_JSON", '{"type": "service_account"}', "lacks these"),
        ("READER", "tesseract", "one of auto, vision, embedded"),
        ("ANALYZER_FALLBACK", "true", "one of none, embedded"),
        ("API_RATE_LIMIT", "100/minute", "whole number"),
        ("REDIS_URL", "cache:6379", "redis://"),
        ("REDIS_URL", "redis://:hunter2@:6379", "redis://"),
        ("OCR_CACHE_TTL", "1h", "whole number"),
        ("JWT_SECRET", "s3cret-that-is-too-short", "shorter than 32"),
        ("LOG_LEVLE", "INFO", "not a variable"),
        ("API_KEY", KEY, "not a variable"),
        ("IMAGE_MAX_SIZE", "1024", "not a variable"),
        ("LOGLEVEL", "INFO", "not a variable"),
        ("ALOWED_HOST", "a", "not a variable"),
    ],
)
def test_one_wrong_variable_is_named_without_its_value(name: str, value: str, says: str) -> None:
    tokens = {"JWT_ISSUER": "i", "JWT_AUDIENCE": "a"} if name == "JWT_SECRET" else {}
    _, problems = inspect({name: value, **tokens})
    assert [problem.name for problem in problems] == [name]
    assert says in problems[0].problem
    assert problems[0].hint
    if name == "API_KEY" or any(v.secret for v in VARIABLES if v.name == name):
        assert value not in str(SettingsError(problems))


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"ANALYZER": "gemini"}, ["GEMINI_API_KEY"]),
        ({"JWT_SECRET": SIGNING}, ["JWT_ISSUER", "JWT_AUDIENCE"]),
        ({"JWT_SECRET": SIGNING, "JWT_ISSUER": "i"}, ["JWT_AUDIENCE"]),
        ({"JWT_ISSUER": "i"}, ["JWT_ISSUER"]),
        ({"READER": "vision"}, []),
        ({"JWT_SECRET": SIGNING, "JWT_ISSUER": "i", "JWT_AUDIENCE": "a"}, []),
    ],
)
def test_variables_that_need_each_other(environment: dict[str, str], named: list[str]) -> None:
    assert [problem.name for problem in inspect(environment)[1]] == named


def test_all_problems_come_in_one_message() -> None:
    with pytest.raises(SettingsError) as caught:
        load({"PORT": "0", "DEBUG": "perhaps", "LOG_LEVLE": "INFO", "GEMINI_API_KEY": "x"})
    assert len(caught.value.problems) == 4
    for name in ("PORT", "DEBUG", "LOG_LEVLE", "Did you mean LOG_LEVEL?", "GEMINI_API_KEY"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["PATH", "HOME", "HOSTNAME", "LANG", "USER", "PWD", "SHLVL", "PYTHONPATH", "HTTP_PROXY", "PROMETHEUS_MULTIPROC_DIR",
     "ADMISSION_LINK", "LISTEN_ON", "SERVICE_LOG", "KUBERNETES_PORT", "API_PORT", "FORWARDED_ALLOW_IPS", "TZ", "PORTS"],
)  # fmt: skip
def test_other_variables_are_nobodys_business(name: str) -> None:
    assert inspect({name: "anything"})[1] == ()


@pytest.mark.parametrize("name", ["RELEASE_ID", "GEMINI_MODEL", "WORKERS", "LOG_LEVEL"])
def test_a_blank_variable_is_one_that_is_not_set(name: str) -> None:
    assert inspect({name: "  "})[1] == ()


@given(st.text(max_size=12), st.text(max_size=12))
def test_edit_distance_is_a_distance(left: str, right: str) -> None:
    assert edits(left, right) == edits(right, left)
    assert (edits(left, right) == 0) == (left == right)
    assert abs(len(left) - len(right)) <= edits(left, right) <= max(len(left), len(right))


@given(st.sampled_from([v.name for v in VARIABLES if len(v.name) > 8]), st.data())
def test_any_swap_of_neighbours_is_understood(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 2))
    swapped = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    assert closest(swapped, [v.name for v in VARIABLES]) == name


def test_a_price_of_nothing_is_a_price() -> None:
    free = load({"GEMINI_INPUT_PRICE": "0", "GEMINI_OUTPUT_PRICE": "0.0"})
    assert (free.gemini_input_price, free.gemini_output_price) == (Decimal(0), Decimal(0))
    usual = load({})
    assert (usual.gemini_input_price, usual.gemini_output_price) == (Decimal("0.30"), Decimal("2.50"))


@given(st.dictionaries(st.sampled_from([v.name for v in VARIABLES]), st.text(st.characters(exclude_characters="\0"))))
def test_no_environment_is_too_strange(environment: dict[str, str]) -> None:
    """Either it is right, or it says what is wrong: nothing else is raised."""
    found, problems = inspect(environment)
    assert {name for name in found if found[name] is None} - {"GEMINI_INPUT_PRICE", "GEMINI_OUTPUT_PRICE"} <= {
        problem.name for problem in problems
    }


@pytest.mark.parametrize(
    ("mine", "limits", "expected"),
    [
        ("0::/", {"cpu.max": "200000 100000"}, 2),
        ("0::/", {"cpu.max": "50000 100000"}, 1),
        ("0::/", {"cpu.max": "max 100000"}, 64),
        ("0::/", {}, 64),
        ("0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "250000 100000"}, 3),
        ("0::/a/b", {"a/b/cpu.max": "400000 100000", "a/cpu.max": "900000 100000"}, 4),
        ("4:cpu,cpuacct:/x\n0::/", {"cpu/x/cpu.cfs_quota_us": "200000", "cpu/x/cpu.cfs_period_us": "100000"}, 2),
        ("4:memory:/x\n0::/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 64),
    ],
)
def test_processors_are_counted_by_quota(
    mine: str, limits: dict[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in limits.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_text(text + "\n")
    (tmp_path / "mine").write_text(mine + "\n")
    monkeypatch.setattr(processors, "CGROUPS", tmp_path / "tree")
    monkeypatch.setattr(processors, "MINE", tmp_path / "mine")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    assert processors.count() == expected
    assert load({"DATABASE_URL": "none"}).workers == max(2, expected)


def _check_env(*flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    argv = (sys.executable, "-m", "decodeat", "--check-env", *flags)
    child = variables_of_a_child(PYTHONDONTWRITEBYTECODE="1", **environment)
    return subprocess.run(argv, env=child, capture_output=True, text=True, timeout=60, check=False)


def test_check_env_answers_with_one_json_object() -> None:
    done = _check_env("--json", API_KEYS=KEY, PORT="9000")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert (report["format"], report["ok"], report["problems"]) == (1, True, [])
    listed = {variable["name"]: variable for variable in report["variables"]}
    assert listed["API_KEYS"] == {"name": "API_KEYS", "secret": True, "set": True, "default": ""}
    assert listed["PORT"] == {"name": "PORT", "secret": False, "set": True, "default": "8000"}
    assert not listed["WORKERS"]["set"]
    assert KEY not in done.stdout


def test_check_env_exits_3_and_shows_no_secret() -> None:
    done = _check_env("--json", API_KEYS="tooshort-7531", DATABASE_URL="mysql://u:hunter2@db/x", LOG_LEVLE="INFO")
    report = json.loads(done.stdout)
    assert done.returncode == 3
    assert [problem["name"] for problem in report["problems"]] == ["API_KEYS", "DATABASE_URL", "LOG_LEVLE"]
    assert "tooshort" not in done.stdout + done.stderr
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("origin", ["https://shop.example", "https://예시.example"])
def test_check_env_needs_nothing_that_is_installed(origin: str) -> None:
    """The operator's tool runs it before the service's packages are there; -S leaves all packages out."""
    argv = (sys.executable, "-S", "-m", "decodeat", "--check-env", "--json")
    child = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    child |= {"CORS_ORIGINS": origin, "IMAGE_ALLOWED_ORIGINS": origin, "WORKRES": "1"}
    done = subprocess.run(argv, env=child, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 3, done.stderr
    assert [problem["name"] for problem in json.loads(done.stdout)["problems"]] == ["WORKRES"]


def test_check_env_for_a_person() -> None:
    done = _check_env(PORT="none")
    assert done.returncode == 3
    assert "PORT must be a whole number from 1 to 65535." in done.stdout
    assert not done.stdout.startswith("{")


def test_check_env_loads_neither_server_nor_pictures() -> None:
    code = (
        "import sys, decodeat.__main__ as m; m.main(['--check-env']);"
        "loaded = {'fastapi', 'PIL', 'gunicorn', 'httpcore', 'pydantic', 'prometheus_client'} & set(sys.modules);"
        "sys.exit(f'loaded {loaded}' if loaded else 0)"
    )
    argv = (sys.executable, "-c", code)
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("given", "loads"),
    [
        ({}, set()),
        ({"REDIS_URL": "redis://127.0.0.1:9"}, set()),  # each worker connects, once it has started
        ({"API_RATE_LIMIT": "5"}, {"limits", "redis", "cryptography"}),
        ({"JWT_SECRET": "s" * 32, "JWT_ISSUER": "i", "JWT_AUDIENCE": "a"}, {"jwt", "cryptography"}),
    ],
    ids=["nothing", "redis", "limit", "tokens"],
)
def test_a_worker_loads_only_packages_that_its_settings_need(given: dict[str, str], loads: set[str]) -> None:
    code = (
        "import sys, decodeat.main;"
        "print(*{'redis', 'limits', 'jwt', 'cryptography', 'alembic', 'grpc', 'onnxruntime'} & set(sys.modules))"
    )
    child = variables_of_a_child(**given)
    argv = (sys.executable, "-c", code)
    done = subprocess.run(argv, env=child, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == loads


def test_a_wrong_environment_does_not_start() -> None:
    child = variables_of_a_child(PORT="none", REDIS_URL="cache")
    argv = (sys.executable, "-m", "decodeat")
    done = subprocess.run(argv, env=child, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "PORT" in done.stderr and "REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr
