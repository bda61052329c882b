"""Given a machine that serves one certificate, when another one is brought, nginx serves it or goes on as before."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.application import certificates
from decodeat_ops.application.workflow import Change
from decodeat_ops.core.errors import Configuration, StepFailed
from decodeat_ops.core.outcome import Outcome
from tests.servers.vm_certificates import World, world
from tests.servers.vm_edge import DOMAIN
from tests.support.certificate_chains import One, chain

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a machine's scripts run as root")


@pytest.fixture(scope="module")
def there() -> Iterator[World]:
    with world() as made:
        made.kind = "own"
        yield made


def install(there: World, home: Path, *certificates_: One) -> Outcome:
    files = home / "chain.pem", home / "key.pem"
    files[0].write_text("".join(one.pem for one in certificates_))
    files[1].write_text(certificates_[0].key_pem())
    files[1].chmod(0o600)
    return certificates.install(there.desk(), Change(), *files)


def test_it_is_served_and_the_second_time_is_0_changed(there: World, tmp_path: Path) -> None:
    whole = chain(DOMAIN)
    assert install(there, tmp_path, *whole).changed == 1
    assert there.served().serial.lstrip("0") == f"{whole[0].signed.serial_number:x}"
    place = there.root / "certificates" / there.live
    assert (place / "privkey.pem").stat().st_mode & 0o777 == 0o640
    assert (place / "fullchain.pem").read_text() == "".join(one.pem for one in whole)
    again = install(there, tmp_path, *whole)
    assert (again.changed, again.summary) == (0, f"0 changed: {DOMAIN} has this certificate already.")
    assert there.desk().view.certificates().wrong == ()  # type: ignore[attr-defined]


def test_the_key_is_in_no_script_no_journal_and_no_file_left_over(there: World, tmp_path: Path) -> None:
    whole = chain(DOMAIN)
    install(there, tmp_path, *whole)
    secret = whole[0].key_pem().splitlines()[1]
    assert not [script for remote in there.opened for script in remote.scripts if secret in script]
    places = [one for one in there.root.rglob("*") if one.is_file() and secret in one.read_text(errors="replace")]
    assert [one.relative_to(there.root).parts[:2] for one in places] == [("certificates", there.live)]


@pytest.mark.share(3, part=1)
def test_an_authoritys_renewal_ends_with_it_and_leaves_it_alone(there: World, tmp_path: Path) -> None:
    there.kind = "acme"
    certificates.issue(there.desk(), Change())
    there.kind = "own"
    unit = there.home / "systemd" / "decodeat-ops-demo-production-certificate.timer"
    assert unit.exists()
    whole = chain(DOMAIN)
    assert install(there, tmp_path, *whole).changed == 2
    assert not unit.exists()
    live = there.live
    assert "stays" in there.daily().stdout + (there.root / "certbot" / "said").read_text()
    assert (there.live, live[:4]) == (live, "own-")


def test_nginx_that_refuses_it_goes_on_and_the_operator_hears_why(there: World, tmp_path: Path) -> None:
    live, serial = there.live, there.served().serial
    (there.home / "refuses").touch()
    with pytest.raises(StepFailed) as caught:
        install(there, tmp_path, *chain(DOMAIN))
    (there.home / "refuses").unlink()
    assert (there.live, there.served().serial) == (live, serial)
    assert "nginx refuses the new certificate, and goes on with the one before" in caught.value.advice.what
    assert "nginx: [emerg] it is told to refuse" in caught.value.advice.lines


def test_what_clients_would_refuse_never_gets_to_the_machine(there: World, tmp_path: Path) -> None:
    live = there.live
    with pytest.raises(Configuration, match="2 problems keep this certificate from being served"):
        install(there, tmp_path, *chain("www.example.com", days=-1, begins=-9))
    assert there.live == live


def test_files_that_are_others_by_the_time_of_the_change_are_refused(there: World, tmp_path: Path) -> None:
    def exchanged(plan: object) -> bool:
        (tmp_path / "chain.pem").write_text("".join(one.pem for one in other))
        (tmp_path / "key.pem").write_text(other[0].key_pem())
        return True

    first, other, live = chain(DOMAIN), chain(DOMAIN), there.live
    for name, text in (("chain.pem", "".join(one.pem for one in first)), ("key.pem", first[0].key_pem())):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    with pytest.raises(StepFailed, match="is another one by now"):
        certificates.install(there.desk(), Change(approve=exchanged), tmp_path / "chain.pem", tmp_path / "key.pem")
    assert there.live == live
