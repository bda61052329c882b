"""What virtual machines are given: Compose files of hardened containers, variables, and no secret in any file."""

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from decodeat.api import body
from decodeat.settings import inspect
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.secret import Secret
from decodeat_ops.settings import envfile
from decodeat_ops.targets.vm import documents, labels
from decodeat_ops.targets.vm.documents import edge, service
from tests.support.vm_settings import NGINX, POSTGRES, SECTION, vm_settings

STORES = f"""redis_password = "env:REDIS_PASSWORD"
postgres = true
postgres_image = "{POSTGRES}"
postgres_password = "env:POSTGRES_PASSWORD"
"""
PLAIN = "[service.environment]\nREQUEST_TIMEOUT = 60\nAPI_RATE_LIMIT = 100\nALLOWED_HOSTS = ['api.example.com']\n"
SECRETS = '[service.secrets]\nAPI_KEYS = "env:KEYS"\n'
PASSWORDS = {"REDIS_PASSWORD": "r/e:d@is?", "POSTGRES_PASSWORD": "p$o'stgres-1"}
HARDENED = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "restart": "unless-stopped",
    "networks": ["deployment"],
}


def rendered(home: Path, more: str = "", name: str = "compose.yaml", section: str = SECTION) -> Any:
    return yaml.safe_load(documents.files(vm_settings(home, more, section), "r1")[name])


def test_a_colour_is_exactly_this(tmp_path: Path) -> None:
    found = rendered(tmp_path, PLAIN + SECRETS)
    root = "/opt/decodeat-ops/demo-production"
    assert found == {
        "services": {
            "api": HARDENED
            | {
                "image": "${DECODEAT_IMAGE:?}",
                "container_name": "demo-production-${DECODEAT_COLOUR:?}",
                "labels": {
                    labels.DEPLOYMENT: "demo-production",
                    labels.RELEASE: "r1",
                    labels.SECRETS: "${DECODEAT_SECRETS:-}",
                },
                "environment": {
                    "ALLOWED_HOSTS": "api.example.com",
                    "API_KEYS": None,
                    "API_RATE_LIMIT": "100",
                    "DATABASE_URL": "sqlite:////data/decodeat.sqlite3",
                    "FORWARDED_ALLOW_IPS": "*",
                    "REDIS_URL": "redis://redis:6379/0",
                    "RELEASE_ID": "r1",
                    "REQUEST_TIMEOUT": "60",
                    "SOCKET": "/run/api/api.sock",
                },
                "user": "10001:10010",
                "mem_limit": "1g",
                "memswap_limit": "1g",
                "cpus": 2.0,
                "pids_limit": 1024,
                "tmpfs": ["/tmp:size=64m,mode=1777"],
                "volumes": [
                    {
                        "type": "bind",
                        "source": f"{root}/run/${{DECODEAT_COLOUR:?}}",
                        "target": "/run/api",
                        "bind": {"create_host_path": False},
                    },
                    {
                        "type": "bind",
                        "source": f"{root}/data",
                        "target": "/data",
                        "bind": {"create_host_path": False},
                    },
                ],
                "stop_grace_period": "100s",
                "healthcheck": {
                    "test": ["CMD", "python", "-m", "decodeat.healthcheck"],
                    "interval": "10s",
                    "timeout": "5s",
                    "retries": 3,
                    "start_period": "60s",
                },
                "logging": {"driver": "local", "options": {"max-size": "10240k", "max-file": "5"}},
            }
        },
        "networks": {"deployment": {"name": "demo-production", "external": True}},
    }


@pytest.mark.parametrize(("more", "parts"), [("", {"nginx", "redis"}), (STORES, {"nginx", "redis", "postgres"})])
def test_all_that_stands_beside_it_is_as_hardened_and_bounded(tmp_path: Path, more: str, parts: set[str]) -> None:
    found = rendered(tmp_path, more, "edge/compose.yaml")["services"]
    assert set(found) == parts
    for name, one in found.items():
        assert {key: one[key] for key in HARDENED} == HARDENED, name
        assert one["user"] in {"10002:10010", name}
        assert {"mem_limit", "memswap_limit", "cpus", "pids_limit", "healthcheck", "logging"} <= set(one)
        assert one["logging"]["options"] == {"max-size": "10240k", "max-file": "5"}
        assert one["container_name"] == f"demo-production-{name}"
        assert ("ports" in one) is (name == "nginx")
    assert found["nginx"]["ports"] == ["80:80", "443:443"]
    assert found["nginx"]["image"] == NGINX
    assert all(one["bind"] == {"create_host_path": False} and one["read_only"] for one in found["nginx"]["volumes"])


def test_without_redis_there_is_none(tmp_path: Path) -> None:
    section = SECTION + "redis = false\n"
    assert set(rendered(tmp_path, "", "edge/compose.yaml", section)["services"]) == {"nginx"}
    assert "REDIS_URL" not in documents.variables(vm_settings(tmp_path, section=section))


@pytest.mark.parametrize("name", sorted(service.OURS))
def test_variables_that_belong_to_us_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Configuration, match=name):
        documents.variables(vm_settings(tmp_path, f'[service.environment]\n{name} = "x"\n'))


def test_stores_of_ours_leave_no_choice_and_others_do(tmp_path: Path) -> None:
    for more, name in (("", "REDIS_URL"), (STORES, "DATABASE_URL")):
        with pytest.raises(Configuration, match=name):
            documents.variables(vm_settings(tmp_path, f'{more}[service.secrets]\n{name} = "env:X"\n'))
    loaded = vm_settings(tmp_path, 'redis = false\n[service.secrets]\nREDIS_URL = "env:R"\nDATABASE_URL = "env:D"\n')
    assert set(documents.variables(loaded)) == {"SOCKET", "FORWARDED_ALLOW_IPS"}
    assert documents.secret_names(loaded) == ("DATABASE_URL", "REDIS_URL")
    assert len(rendered(tmp_path, '[service.environment]\nDATABASE_URL = "none"\n')["services"]["api"]["volumes"]) == 1


def test_the_file_of_variables_is_what_the_service_takes(tmp_path: Path) -> None:
    values = envfile.parse(documents.files(vm_settings(tmp_path, PLAIN), "r1")["service.env"])
    assert values == documents.variables(vm_settings(tmp_path, PLAIN)) | {"RELEASE_ID": "r1"}
    assert inspect(values)[1] == ()


def test_passwords_become_addresses_that_only_the_containers_get(tmp_path: Path) -> None:
    loaded = vm_settings(tmp_path, STORES + SECRETS)
    made = documents.of_service(loaded, {"API_KEYS": Secret("k")}, PASSWORDS)
    assert set(made) == set(documents.secret_names(loaded)) == {"API_KEYS", "REDIS_URL", "DATABASE_URL"}
    assert made["REDIS_URL"].reveal() == "redis://:r%2Fe%3Ad%40is%3F@redis:6379/0"
    assert made["DATABASE_URL"].reveal() == "postgresql://decodeat:p%24o%27stgres-1@postgres:5432/decodeat"
    assert inspect({name: made[name].reveal() for name in ("REDIS_URL", "DATABASE_URL")})[1] == ()
    edge_secrets = documents.of_edge(loaded, PASSWORDS)
    assert set(edge_secrets) == {"REDIS_PASSWORD_SHA256", "POSTGRES_PASSWORD"}
    services = rendered(tmp_path, STORES + SECRETS, "edge/compose.yaml")["services"]
    named = {name for one in services.values() for name, value in one.get("environment", {}).items() if value is None}
    assert named == set(edge_secrets)
    text = "".join(documents.files(loaded, "r1").values())
    assert not any(value in text for value in PASSWORDS.values())


def test_without_passwords_nothing_is_asked_for(tmp_path: Path) -> None:
    loaded = vm_settings(tmp_path)
    assert documents.of_edge(loaded, {}) == documents.of_service(loaded, {}, {}) == {}


@pytest.mark.parametrize("seconds", [6, 120, 3600])
def test_each_time_out_is_longer_than_the_one_it_waits_for(tmp_path: Path, seconds: int) -> None:
    loaded = vm_settings(tmp_path, f"[service.environment]\nREQUEST_TIMEOUT = {seconds}\n")
    times = documents.timeouts(loaded)
    assert times.request < times.proxy < times.graceful < times.stop
    assert times.graceful == seconds + 30, "as the service's own gunicorn_conf.py has it"
    assert f"proxy_read_timeout {times.proxy}s;" in documents.files(loaded)["edge/nginx/proxy.conf"]


def test_nginx_has_the_bounds_of_the_service(tmp_path: Path) -> None:
    assert edge.MOST_BODY == body.MOST_BODY
    text = documents.files(vm_settings(tmp_path, PLAIN))["edge/nginx/nginx.conf"]
    assert f"client_max_body_size {body.MOST_BODY};" in text
    assert "rate=100r/m" in text and "burst=100" in text
    assert "limit_req" not in documents.files(vm_settings(tmp_path))["edge/nginx/nginx.conf"]


@pytest.mark.parametrize(
    ("image", "listen", "directive"),
    [
        ("nginx:1.18@", "443 ssl http2", False),
        ("nginx:1.25.4@", "443 ssl http2", False),
        ("nginx:1.27-alpine@", "443 ssl", True),
        ("nginx:stable@", "443 ssl http2", False),
        ("", "443 ssl http2", False),
        ("r.example:5000/nginx:1.28.0@", "443 ssl", True),
    ],
)
def test_http_2_is_spelt_as_the_version_wants_it(tmp_path: Path, image: str, listen: str, directive: bool) -> None:
    section = f'[vm]\nnginx_image = "{image}sha256:{"a" * 64}"\n'
    text = documents.files(vm_settings(tmp_path, section=section))["edge/nginx/nginx.conf"]
    assert f"listen {listen} default_server;" in text
    assert ("http2 on;" in text) is directive


def test_a_generation_is_of_all_that_nginx_reads(tmp_path: Path) -> None:
    first, again = (documents.files(vm_settings(tmp_path, PLAIN), name) for name in ("r1", "r2"))
    assert documents.generation(first) == documents.generation(again), "a release alone reloads nothing"
    assert f"return 200 {documents.generation(first)};" in first["edge/nginx/generation.conf"]
    others = {
        documents.generation(documents.files(vm_settings(tmp_path, more), "r1"))
        for more in ("docs_public = true\n", "https_port = 8443\n", "[service.environment]\nAPI_RATE_LIMIT = 99\n", "")
    }
    assert len(others | {documents.generation(first)}) == 5


def mark(home: Path, more: str = "", code: str = "c", lock: str = "l", base: str = "b") -> str:
    return documents.fingerprint(vm_settings(home, more), code, lock, {"base": base})


def test_the_fingerprint_is_of_all_that_a_release_is_made_of(tmp_path: Path) -> None:
    changed = {
        mark(tmp_path, code="d"),
        mark(tmp_path, lock="m"),
        mark(tmp_path, base="x"),
        mark(tmp_path, 'memory = "2g"\n'),
        mark(tmp_path, "http_port = 8080\n"),
        mark(tmp_path, PLAIN),
        mark(tmp_path, SECRETS),
        mark(tmp_path, SECRETS.replace("KEYS", "OTHER")),
        mark(tmp_path, STORES),
    }
    assert len(changed | {mark(tmp_path)}) == 10
    for more in ("keep_releases = 9\n", "watch_seconds = 0.0\n", "group = 1\n", "[backup]\nmax_age_hours = 1.0\n"):
        assert mark(tmp_path, more) == mark(tmp_path), more
