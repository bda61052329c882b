"""The table [vm]: what is taken, and what is refused in words that don't repeat it."""

from pathlib import Path

import pytest

from decodeat_ops.core.errors import Configuration
from tests.support.vm_settings import DIGEST, vm_settings

GOOD = (
    'hosts = ["api1", "10.0.0.5", "api.example.com"]',
    'domains = ["api.example.com", "xn--3e0b707e.example"]',
    f'nginx_image = "{DIGEST}"',
    f'nginx_image = "registry.example.com:5000/team/nginx:1.28-alpine@{DIGEST}"',
    f'redis_image = "redis@{DIGEST}"',
    'postgres_password = "file:/etc/secrets/postgres"',
    'acme_server = "https://localhost:14000/dir"',
    'memory = "512m"',
    'directory = "/srv/apps"',
    "cpus = 0.5",
)
WRONG = (
    ('hosts = ["api1", "api1"]', "twice"),
    ('hosts = [""]', "empty"),
    ('hosts = ["-oProxyCommand=x"]', "a machine as ssh knows it"),
    ('hosts = ["root@api1"]', "a machine as ssh knows it"),
    ('domains = ["Api.example.com"]', "a domain in small letters"),
    ('domains = ["localhost"]', "a domain"),
    ('domains = ["10.0.0.5"]', "a domain"),
    ('domains = ["*.example.com"]', "a domain"),
    ('domains = ["a.example.com; return 200"]', "a domain"),
    (f'domains = ["{"a" * 64}.example.com"]', "a domain"),
    ('nginx_image = "nginx:latest"', "by digest"),
    ('nginx_image = "nginx@sha256:12"', "by digest"),
    (f'nginx_image = "-x@{DIGEST}"', "by digest"),
    ('postgres_password = "hunter2-hunter2"', "a reference"),
    ('redis_password = "env:"', "a reference"),
    ('acme_email = "me"', "electronic mail"),
    ('acme_server = "http://a.example/dir"', "https://"),
    ('memory = "1"', "with m or g"),
    ('memory = ""', "empty"),
    ('directory = "opt"', "absolute path"),
    ('directory = "/opt/../etc"', "absolute path"),
    ('directory = "/opt/a b"', "absolute path"),
    ("https_port = 0", "https_port"),
    ('certificate = "letsencrypt"', "certificate"),
    ("cpu = 1", "cpu"),
)


@pytest.mark.parametrize("line", GOOD)
def test_what_is_right_is_taken(tmp_path: Path, line: str) -> None:
    assert vm_settings(tmp_path, section=f"[vm]\n{line}\n").settings.target == "vm"


@pytest.mark.parametrize(("line", "says"), WRONG)
def test_what_is_wrong_is_refused_by_its_key(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(Configuration) as caught:
        vm_settings(tmp_path, section=f"[vm]\n{line}\n")
    text = " ".join((caught.value.advice.what, *caught.value.advice.lines, caught.value.advice.hint))
    assert says in text and f"vm.{line.partition(' ')[0]}" in text
    assert "hunter2" not in text
