"""Given an environment, the service starts with what it says, or says everything that is wrong with it at once."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decodeat import values
from decodeat.settings import VARIABLES, Settings, SettingsError, inspect, load
from decodeat.spelling import edits, meant
from tests.unit.decodeat.web import ROOT

KEY, OTHER_KEY = "k3y-for-tests-0001-abcdef", "k3y-for-tests-0002-abcdef"


def test_an_empty_environment_is_right() -> None:
    found = load({})
    assert (found.port, found.max_requests, found.request_timeout) == (8000, 1000, 120)
    assert found.workers >= 2
    assert found.analysis_seconds == 100
    assert found.database is None
    assert found.api_keys == ()


def test_every_variable_reaches_the_settings() -> None:
    found = load(
        {
            "WORKERS": "3", "MAX_REQUESTS": "0", "MAX_REQUESTS_JITTER": "7", "LOG_LEVEL": "warning", "HOST": "::1",
            "PORT": "9000", "ALLOWED_HOSTS": '["API.example.com", "*.example.org"]', "CORS_ORIGINS": "https://a.kr,https://b.kr/",
            "MAX_IMAGE_SIZE": "2048", "REQUEST_TIMEOUT": "60", "IMAGE_ALLOWED_ORIGINS": "http://127.0.0.1:8099",
            "API_KEYS": f"{KEY}, {OTHER_KEY}", "DATABASE_URL": "sqlite:////var/lib/decodeat/results.sqlite3",
            "RELEASE_ID": "20261124T020000Z-ab12cd3",
        }
    )  # fmt: skip
    assert found == Settings(
        workers=3, max_requests=0, max_requests_jitter=7, log_level="WARNING", debug=False, host="::1", port=9000,
        allowed_hosts=("api.example.com", "*.example.org"), cors_origins=("https://a.kr", "https://b.kr"),
        max_image_size=2048, request_timeout=60, image_allowed_origins=frozenset({"http://127.0.0.1:8099"}),
        api_keys=(KEY, OTHER_KEY), database=Path("/var/lib/decodeat/results.sqlite3"),
        release_id="20261124T020000Z-ab12cd3",
    )  # fmt: skip


def test_keys_do_not_show_in_the_settings() -> None:
    assert KEY not in repr(load({"API_KEYS": KEY}))


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
        ("DATABASE_URL", "postgresql://decodeat:hunter2@db/decodeat", "does not support"),
        ("DATABASE_URL", "sqlite:///relative.sqlite3", "absolute path"),
        ("DATABASE_URL", "sqlite:////var/lib/", "absolute path"),
        ("DATABASE_URL", "/var/lib/results.sqlite3", "does not support"),
        ("RELEASE_ID", "a b", "letters"),
        ("GEMINI_API_KEY", "anything", "not supported"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/app/gcp-key.json", "not supported"),
        ("API_RATE_LIMIT", "100", "not supported"),
        ("REDIS_URL", "redis://cache", "not supported"),
        ("LOG_LEVLE", "INFO", "not a variable"),
        ("API_KEY", KEY, "not a variable"),
        ("IMAGE_MAX_SIZE", "1024", "not a variable"),
        ("LOGLEVEL", "INFO", "not a variable"),
        ("ALOWED_HOST", "a", "not a variable"),
    ],
)
def test_one_wrong_variable_is_named_without_its_value(name: str, value: str, says: str) -> None:
    _, problems = inspect({name: value})
    assert [problem.name for problem in problems] == [name]
    assert says in problems[0].problem
    assert problems[0].hint
    if name in {"API_KEYS", "DATABASE_URL", "API_KEY"}:
        assert value not in str(SettingsError(problems))


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


@pytest.mark.parametrize("name", ["GEMINI_API_KEY", "API_KEYS", "WORKERS", "LOG_LEVEL"])
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
    assert meant(swapped, [v.name for v in VARIABLES]) == name


@given(st.dictionaries(st.sampled_from([v.name for v in VARIABLES]), st.text(st.characters(exclude_characters="\0"))))
def test_no_environment_is_too_strange(environment: dict[str, str]) -> None:
    """Either it is right, or it says what is wrong: nothing else is raised."""
    found, problems = inspect(environment)
    assert {problem.name for problem in problems} <= {name for name in found if found[name] is None}


@pytest.mark.parametrize(("limit", "expected"), [("200000 100000", 2.0), ("50000 100000", 0.5), ("max 100000", 0.0)])
def test_processors_are_counted_by_quota(
    limit: str, expected: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quota = tmp_path / "cpu.max"
    quota.write_text(limit + "\n")
    monkeypatch.setattr(values, "_CGROUP_V2", quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    assert values.processors() == (64 if not expected else 2 if expected > 1 else 1)


def _check_env(*flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    argv = (sys.executable, "-m", "decodeat", "--check-env", *flags)
    child = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.run(argv, env=child, capture_output=True, text=True, timeout=30, check=False)


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
    done = _check_env("--json", API_KEYS="tooshort-7531", DATABASE_URL="postgresql://u:hunter2@db/x", LOG_LEVLE="INFO")
    report = json.loads(done.stdout)
    assert done.returncode == 3
    assert [problem["name"] for problem in report["problems"]] == ["API_KEYS", "DATABASE_URL", "LOG_LEVLE"]
    assert "tooshort" not in done.stdout + done.stderr
    assert "hunter2" not in done.stdout + done.stderr


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
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


def test_a_wrong_environment_does_not_start() -> None:
    began = time.monotonic()
    child = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PORT": "none", "REDIS_URL": "redis://cache"}
    argv = (sys.executable, "-m", "decodeat")
    done = subprocess.run(argv, env=child, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 3
    assert "PORT" in done.stderr and "REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - began < 30
