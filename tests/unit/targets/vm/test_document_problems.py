"""Settings that don't fit together are told at once, each with what mends it, before anything is built."""

from pathlib import Path

import pytest

from decodeat_ops.targets.vm import documents
from tests.support.vm_settings import POSTGRES, SECTION, vm_settings

ACME = 'certificate = "acme"\n'
NAMELESS = SECTION.replace('"api.example.com", "www.example.com"', "")
TWO = SECTION.replace('["api1"]', '["api1", "api2"]')
ENVIRONMENT = "[service.environment]\n"


@pytest.mark.parametrize(
    ("more", "section"),
    [
        ("", SECTION),
        (f'{ACME}acme_email = "ops@example.com"\n', SECTION),
        (f'{ENVIRONMENT}DATABASE_URL = "none"\n', TWO),
        ('[service.secrets]\nDATABASE_URL = "env:D"\n', TWO),
        (f'postgres = true\npostgres_image = "{POSTGRES}"\npostgres_password = "env:P"\n', SECTION),
        (f'{ENVIRONMENT}ALLOWED_HOSTS = ["*.example.com"]\n', SECTION),
        (f'{ENVIRONMENT}ALLOWED_HOSTS = \'["api.example.com", "www.example.com"]\'\n', SECTION),
        (f'{ENVIRONMENT}DATABASE_URL = "sqlite:////data/other.sqlite3"\n', SECTION),
    ],
)
def test_what_fits_has_no_problems(tmp_path: Path, more: str, section: str) -> None:
    assert documents.problems(vm_settings(tmp_path, more, section)) == ()


def test_nothing_set_is_all_told_at_once(tmp_path: Path) -> None:
    found = documents.problems(vm_settings(tmp_path, section=""))
    assert [one.split()[0] for one in found] == ["vm.hosts", "vm.nginx_image", "vm.redis_image"]
    assert "docker pull nginx" in found[1]


@pytest.mark.parametrize(
    ("more", "section", "says"),
    [
        (ACME, SECTION, "vm.acme_email is empty"),
        (f'{ACME}acme_email = "o@example.com"\n', NAMELESS, "vm.domains is empty"),
        ("http_port = 443\n", SECTION, "are the same"),
        (f'postgres = true\npostgres_image = "{POSTGRES}"\n', SECTION, "needs a password"),
        (f'postgres = true\npostgres_image = "{POSTGRES}"\npostgres_password = "env:P"\n', TWO, "names several"),
        ('postgres = true\npostgres_password = "env:P"\n', SECTION, "vm.postgres_image"),
        ('postgres_password = "env:P"\n', SECTION, "vm.postgres is false"),
        ('redis = false\nredis_password = "env:P"\n', SECTION, "vm.redis is false"),
        ("", TWO, "several machines can't share"),
        (f'{ENVIRONMENT}DATABASE_URL = "sqlite:////data/x"\n', TWO, "several machines can't share"),
        (f'{ENVIRONMENT}DATABASE_URL = "sqlite:////var/x"\n', SECTION, "only what is below /data"),
        (f'{ENVIRONMENT}ALLOWED_HOSTS = "api.example.com"\n', SECTION, "leaves out www.example.com"),
        (f'{ENVIRONMENT}GOOGLE_APPLICATION_CREDENTIALS = "/key.json"\n', SECTION, "GOOGLE_CREDENTIALS_JSON"),
        (f'{ENVIRONMENT}SOCKET = "/x"\n', SECTION, "may not set SOCKET"),
        (f'{ENVIRONMENT}REQUEST_TIMEOUT = "long"\n', SECTION, "REQUEST_TIMEOUT must be a whole number"),
        (f'{ENVIRONMENT}API_RATE_LIMIT = "100/minute"\n', SECTION, "API_RATE_LIMIT must be a whole number"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_its_mend(tmp_path: Path, more: str, section: str, says: str) -> None:
    (found,) = documents.problems(vm_settings(tmp_path, more, section))
    assert says in found and found.endswith((".", ")."))
