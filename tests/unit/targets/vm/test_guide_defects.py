"""The deployment guide's mistakes, by number: each check finds one in the guide's own lines, and none in our files.

Of 1 to 24 the one that no file of ours can show is 20, a library.
"""

import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from decodeat_ops.core.errors import Configuration
from decodeat_ops.settings import envfile
from decodeat_ops.targets.vm import documents
from tests.support.vm_settings import POSTGRES, vm_settings

ROOT = Path(__file__).parents[4]
EVERYTHING = f"""redis_password = "env:R"
postgres = true
postgres_image = "{POSTGRES}"
postgres_password = "env:P"
[service.environment]
API_RATE_LIMIT = 100
REQUEST_TIMEOUT = 120
[service.secrets]
GEMINI_API_KEY = "env:GEMINI_API_KEY"
"""
LIMIT, REQUEST, BODY = 100, 120, 64 * 1024  # the service's own, as the settings above say, and its bound


@dataclass(frozen=True)
class Ours:
    """The texts of a release: nginx's files with all included, both Compose files, and what the image is made of."""

    nginx: str
    compose: tuple[str, ...]
    environment: str
    dockerfile: str
    gunicorn: str


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Ours:
    files = documents.files(vm_settings(tmp_path_factory.mktemp("settings"), EVERYTHING), "r1")

    def whole(name: str) -> str:
        text = files[f"{documents.NGINX}{name}"]
        return re.sub(r"include (\S+);", lambda found: whole(found[1]), re.sub(r"#.*", "", text))

    return Ours(
        whole("nginx.conf"),
        (files["compose.yaml"], files["edge/compose.yaml"]),
        files["service.env"],
        re.sub(r"(?m)^#.*\n", "", (ROOT / "Dockerfile").read_text()),
        (ROOT / "decodeat" / "gunicorn_conf.py").read_text(),
    )


def shows(find: Callable[[str], object], guide: str, *texts: str) -> None:
    """Require that a check finds the mistake in the guide's lines, and in no text of ours."""
    assert find(guide), "it would be found"
    for text in texts:
        assert not find(text), find(text)


def blocks(text: str, kind: str) -> Iterator[str]:
    """The inner texts of nginx's blocks of a kind, nested ones included."""
    for found in re.finditer(rf"\b{kind}\b[^;{{}}]*{{", text):
        depth, at = 1, found.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        yield text[found.end() : at - 1]


def services(text: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load(text)["services"]
    return found


def test_defect_01_ciphers_that_do_not_exist(ours: Ours) -> None:
    def unknown(text: str) -> list[str]:
        named = [name for found in re.findall(r"ssl_ciphers (\S+);", text) for name in found.split(":")]
        return [name for name in named if not _exists(name)]

    shows(unknown, "ssl_ciphers ECDHE-RSA-AES256-GCM-SHA512:DHE-RSA-AES256-GCM-SHA512;", ours.nginx)
    assert "ssl_ciphers ECDHE-" in ours.nginx


def _exists(cipher: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(cipher)
    except ssl.SSLError:
        return False
    return True


def test_defect_02_no_way_for_a_certificate_s_proof(ours: Ours) -> None:
    def closed(text: str) -> list[str]:
        named = [one for one in blocks(text, "server") if "listen 80" in one and "default_server" not in one]
        return [one for one in named if "listen 8081" not in one and "acme-challenge" not in one]

    guide = "server { listen 80; server_name yourdomain.com; return 301 https://$server_name$request_uri; }"
    shows(closed, guide, ours.nginx)


def test_defect_03_an_upstream_that_has_to_resolve(ours: Ours) -> None:
    def named(text: str) -> list[str]:
        return [one for block in blocks(text, "upstream") for one in re.findall(r"server (?!unix:)\S+;", block)]

    shows(named, "upstream nutrition_api { server nutrition-api:8000; }", ours.nginx)
    assert "server unix:/run/api/active/api.sock" in ours.nginx


def test_defect_04_a_location_that_loses_the_host(ours: Ours) -> None:
    def without_host(text: str) -> list[str]:
        locations = [one for one in blocks(text, "location") if "proxy_pass" in one]
        above = re.sub(r"location[^{]*{[^{}]*}", "", text)
        inherited = "proxy_set_header Host $host;" in above
        own = [one for one in locations if "proxy_set_header" in one]
        return [one for one in (own if inherited else locations) if "proxy_set_header Host" not in one]

    shows(without_host, "location /health { proxy_pass http://nutrition_api; access_log off; }", ours.nginx)


def test_defect_05_another_rate_than_the_service_s_and_another_status(ours: Ours) -> None:
    def wrong(text: str) -> bool:
        rates = {int(found) for found in re.findall(r"rate=(\d+)r/m", text)}
        return rates != {LIMIT} or "limit_req_status 429;" not in text

    shows(wrong, "limit_req_zone $binary_remote_addr zone=api:10m rate=10r/m;", ours.nginx)


def test_defect_06_headers_that_are_dropped_or_doubled(ours: Ours) -> None:
    def lost(text: str) -> list[str]:
        added = re.findall(r"add_header [^;]*;", text)
        found = [one for one in added if "Content-Type " in one or not one.endswith(" always;")]
        of_locations = [one for one in blocks(text, "location") if "add_header" in one]
        return found + [one for one in of_locations if "add_header X-Frame-Options" not in one]

    shows(lost, 'location / { return 200 "{}"; add_header Content-Type application/json; }', ours.nginx)


def test_defect_07_documentation_that_is_open_and_broken(ours: Ours) -> None:
    def is_open(text: str) -> bool:
        (docs,) = re.findall(r"location (?:\^~ )?/docs {([^}]*)}", text)
        return "proxy_pass" in docs

    shows(is_open, "location /docs { proxy_pass http://nutrition_api; }", ours.nginx)
    assert re.search(r"location \^~ /openapi.json {\s*return 404;", ours.nginx)


def test_defect_08_other_hosts_preload_old_headers_and_another_bound(ours: Ours) -> None:
    shows(lambda text: "default_server" not in text, "server { listen 443 ssl http2; }", ours.nginx)
    policy = 'add_header Strict-Transport-Security "max-age=63072000; includeSubDomains; preload";'
    shows(lambda text: re.search(r"max-age=\d+[^\"]*preload", text), policy, ours.nginx)
    shows(lambda text: "X-XSS-Protection" in text, 'add_header X-XSS-Protection "1; mode=block";', ours.nginx)
    shows(lambda text: f"client_max_body_size {BODY};" not in text, "client_max_body_size 20M;", ours.nginx)


def test_defect_09_time_outs_that_end_together(ours: Ours) -> None:
    def together(text: str) -> bool:
        return any(int(seconds) <= REQUEST for seconds in re.findall(r"proxy_read_timeout (\d+)s;", text))

    def short(text: str) -> list[str]:
        grace = {name: int(one.get("stop_grace_period", "10s").rstrip("s")) for name, one in services(text).items()}
        return [name for name in ("nutrition-api", "api", "nginx") if grace.get(name, 1000) <= REQUEST + 30]

    shows(together, "proxy_read_timeout 120s;", ours.nginx)
    shows(short, "services: {nutrition-api: {restart: unless-stopped}}", *ours.compose)


def test_defect_10_a_key_in_a_layer(ours: Ours) -> None:
    shows(lambda text: re.search(r"(?m)^COPY .*\.json", text), "COPY gcp-key.json .", ours.dockerfile)


def test_defect_11_a_health_check_by_a_program_that_is_not_there(ours: Ours) -> None:
    def by_curl(text: str) -> list[str]:
        return [one for one in re.findall(r'(?:CMD|test:).*"?curl.*', text) if "wget" not in one]

    guide = 'test: ["CMD", "curl", "-f", "http://localhost:8000/health"]'
    shows(by_curl, guide, ours.compose[0], ours.dockerfile)
    shows(by_curl, "CMD curl -f http://localhost:8000/health || exit 1", ours.compose[0], ours.dockerfile)


PORTS = 'services: {nutrition-api: {ports: ["8000:8000"]}, redis: {ports: ["6379:6379"]}}'


@pytest.mark.parametrize("name", [pytest.param("redis", id="12"), pytest.param("nutrition-api", id="13")])
def test_defects_12_and_13_published_ports_besides_nginx_s(ours: Ours, name: str) -> None:
    def published(text: str) -> list[str]:
        return [known for known, one in services(text).items() if "ports" in one and known != "nginx"]

    assert name in published(PORTS)
    shows(published, PORTS, *ours.compose)


def test_defect_14_a_key_that_may_be_empty(ours: Ours) -> None:
    def may_be_empty(text: str) -> list[str]:
        return re.findall(r"\$\{[A-Z_]*\}", text)

    guide = "services: {nutrition-api: {environment: ['GEMINI_API_KEY=${GEMINI_API_KEY}']}}"
    shows(may_be_empty, guide, *ours.compose)
    assert services(ours.compose[0])["api"]["environment"]["GEMINI_API_KEY"] is None, "named, and given at the start"


def test_defect_15_values_that_readers_take_differently(ours: Ours) -> None:
    def unclear(text: str) -> bool:
        try:
            envfile.parse(text)
        except Configuration:
            return True
        return False

    shows(unclear, "API_RATE_LIMIT=100  # 분당 요청 수\n", ours.environment)
    shows(unclear, 'ALLOWED_HOSTS=["yourdomain.com", "api.yourdomain.com"]\n', ours.environment)


def test_defect_16_a_log_where_the_user_can_t_write(ours: Ours) -> None:
    def to_a_file(text: str) -> object:
        return re.search(r'(accesslog|errorlog) = "/|/logs\b', text)

    shows(to_a_file, 'errorlog = "/app/logs/error.log"', ours.gunicorn, *ours.compose)
    shows(to_a_file, "- ./logs:/app/logs", ours.gunicorn, *ours.compose)


def test_defect_17_workers_that_are_fixed_or_counted_by_the_host(ours: Ours) -> None:
    def fixed(text: str) -> object:
        return re.search(r'"-w", "\d+"|cpu_count\(\)', text)

    shows(fixed, 'CMD ["gunicorn", "decodeat.main:app", "-w", "4"]', ours.dockerfile, ours.gunicorn)
    shows(fixed, "workers = multiprocessing.cpu_count() * 2 + 1", ours.dockerfile, ours.gunicorn)


def test_defect_18_clients_made_before_the_fork(ours: Ours) -> None:
    shows(lambda text: re.search(r"preload_app\s*=\s*True", text), "preload_app = True", ours.gunicorn)


def test_defect_19_every_client_looks_like_nginx(ours: Ours) -> None:
    def believes_nobody(text: str) -> list[str]:
        colours = [one for name, one in services(text).items() if name in {"api", "nutrition-api"}]
        return [str(one) for one in colours if "FORWARDED_ALLOW_IPS" not in str(one["environment"])]

    shows(believes_nobody, "services: {nutrition-api: {environment: ['WORKERS=4']}}", ours.compose[0])
    shows(lambda text: "uvicorn.workers" in text, 'worker_class = "uvicorn.workers.UvicornWorker"', ours.gunicorn)
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in ours.nginx, "overwritten: a client can't lie"


def test_defect_21_too_little_time_to_start(ours: Ours) -> None:
    def short(text: str) -> list[str]:
        return [one for one in re.findall(r"start[-_]period[=:] ?(\d+)s", text) if int(one) < 10]

    guide = "HEALTHCHECK --interval=30s --timeout=30s --start-period=5s --retries=3"
    shows(short, guide, ours.dockerfile, *ours.compose)


def test_defect_22_images_that_change_and_containers_that_may_do_anything(ours: Ours) -> None:
    def floats(text: str) -> list[str]:
        images = [one.get("image", "") for one in services(text).values()]
        return [one for one in images if "@sha256:" not in one and one != "${DECODEAT_IMAGE:?}"]

    def is_soft(text: str) -> list[str]:
        return [
            name
            for name, one in services(text).items()
            if not (one.get("read_only") and one.get("cap_drop") and one.get("security_opt") and one.get("user"))
        ]

    guide = "services: {nginx: {image: 'nginx:alpine'}, redis: {image: 'redis:alpine'}}"
    shows(floats, guide, *ours.compose)
    shows(is_soft, guide, *ours.compose)
    shows(lambda text: "pip install" in text and "--require-hashes" not in text, "RUN pip install --user -r r.txt")
    assert "--require-hashes" in ours.dockerfile


def test_defect_23_compose_of_yesterday(ours: Ours) -> None:
    shows(lambda text: "version" in yaml.safe_load(text), "{version: '3.8', services: {}}", *ours.compose)

    def starts_blindly(text: str) -> list[str]:
        return [name for name, one in services(text).items() if isinstance(one.get("depends_on"), list)]

    def mounts_files(text: str) -> list[str]:
        mounts = [str(mount) for one in services(text).values() for mount in one.get("volumes", [])]
        return [one for one in mounts if re.search(r"\.(json|conf|pem)\b", one)]

    def logs_for_ever(text: str) -> list[str]:
        return [name for name, one in services(text).items() if "max-size" not in str(one.get("logging"))]

    shows(starts_blindly, "services: {nginx: {depends_on: [nutrition-api]}}", *ours.compose)
    shows(mounts_files, "services: {api: {volumes: ['./gcp-key.json:/app/gcp-key.json:ro']}}", *ours.compose)
    shows(logs_for_ever, "services: {nginx: {}}", *ours.compose)


def test_defect_24_an_install_that_belongs_to_one_user(ours: Ours) -> None:
    shows(lambda text: re.search(r"pip\b.*install[^&]*--user\b", text), "RUN pip install --user -r r", ours.dockerfile)
