"""Given a machine whose nginx serves its own certificate, when an authority is asked, clients get the new one."""

import os
from collections.abc import Iterator

import pytest

from decodeat_ops.application import certificates
from decodeat_ops.application.workflow import Change
from tests.servers.vm_certificates import World, world
from tests.servers.vm_edge import DOMAIN
from tests.support.certificate_clients import Clients

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="a machine's scripts run as root"),
    pytest.mark.share(3, part=0),
]
SHORT = 20  # days: certbot's own rule finds them due at once


@pytest.fixture(scope="module")
def fresh() -> Iterator[World]:
    with world(days=SHORT) as made:
        yield made


@pytest.fixture
def short(fresh: World) -> World:
    """Return a machine that has an authority's certificate, whichever test comes first."""
    if not fresh.live.startswith("acme"):
        certificates.issue(fresh.desk(), Change())
    return fresh


def test_a_certificate_is_issued_renewed_when_due_and_no_request_fails(fresh: World) -> None:
    short = fresh
    before = short.served()
    assert (before.self_signed, short.live) == (True, "self-signed"), "without any, nginx could not have started"
    short.edge.activate("blue")
    with short.edge.release("blue", "r1"), Clients(short.edge) as clients:
        clients.seen()
        outcome = certificates.issue(short.desk(), Change())
        assert (outcome.changed, outcome.warnings) == (2, ()), "the certificate, and the daily renewal"
        issued = short.served()
        assert (issued.names, issued.self_signed, short.live[:5]) == ((DOMAIN,), False, "acme-")
        clients.seen()
        assert certificates.renew(short.desk(), Change()).changed == 1
        renewed = short.served()
        clients.seen()
        daily = short.daily()
        assert (daily.returncode, "outcome=renewed" in daily.stdout) == (0, True), daily
        clients.seen()
    serials = {one.serial for one in (before, issued, renewed, short.served())}
    assert len(serials) == 4
    assert (clients.failed, clients.well > 20) == ([], True)


def test_the_key_is_for_nginx_alone_and_the_chain_complete(short: World) -> None:
    place = short.root / "certificates" / short.live
    modes = {one.name: (one.stat().st_mode & 0o777, one.stat().st_uid, one.stat().st_gid) for one in place.iterdir()}
    assert modes == {"fullchain.pem": (0o640, 0, 10010), "privkey.pem": (0o640, 0, 10010)}
    assert (place / "fullchain.pem").read_text().count("BEGIN CERTIFICATE") == 2
    assert (short.root / "certbot").stat().st_mode & 0o777 == 0o700


def test_directories_of_old_certificates_do_not_pile_up(short: World) -> None:
    place = short.root / "certificates"
    for number in range(8):
        (place / f"acme-old{number}").mkdir()
        os.utime(place / f"acme-old{number}", (number, number))
    certificates.renew(short.desk(), Change(), force=True)
    kept = {one.name for one in place.glob("acme-*")}
    assert (len(kept), short.live in kept, "acme-old0" in kept, (place / "self-signed").is_dir()) == (
        5,
        True,
        False,
        True,
    )


def test_status_tells_what_is_served_and_when_it_is_renewed(short: World) -> None:
    view = short.desk().view.certificates()  # type: ignore[attr-defined]
    (host,) = view.told["hosts"]
    assert (host["source"], host["certificate"], host["problems"]) == ("acme", host["served"], [])
    assert host["renewal"]["scheduled"], host
    assert host["renewal"]["next_at"] == "2030-01-01T06:12:34+00:00"
    assert host["renewal"]["last_at"] is not None
    assert len(host["chain"]) == 1
    assert view.wrong == ()


def test_a_certificate_that_nginx_was_not_told_of_is_noticed(short: World) -> None:
    live = short.live
    short.edge.lead(short.root / "certificates" / "live", "self-signed")
    wrong = short.desk().view.certificates().wrong  # type: ignore[attr-defined]
    assert any("clients are shown another one" in one for one in wrong), wrong
    assert any("vm.certificate is acme" in one for one in wrong), wrong
    short.edge.lead(short.root / "certificates" / "live", live)


def test_nginx_that_refuses_the_new_one_goes_on_with_the_old(short: World) -> None:
    live, serial = short.live, short.served().serial
    (short.home / "refuses").touch()
    daily = short.daily()
    assert "outcome=undeployed" in daily.stdout
    assert daily.returncode == 84
    assert (short.live, short.served().serial) == (live, serial)
    (wrong,) = short.desk().view.certificates().wrong  # type: ignore[attr-defined]
    assert "the renewed one is not served, and the one before goes on (nginx: [emerg] it is told to refuse)" in wrong
    (short.home / "refuses").unlink()
    assert certificates.renew(short.desk(), Change()).changed == 1
    assert short.served().serial != serial


def test_units_are_what_systemd_takes(short: World) -> None:
    unit = "decodeat-ops-demo-production-certificate"
    service = (short.home / "systemd" / f"{unit}.service").read_text()
    assert f"ExecStart={short.root}/certbot/renew timer" in service
    assert "RandomizedDelaySec=12h" in (short.home / "systemd" / f"{unit}.timer").read_text()
    assert f"enable --now {unit}.timer" in (short.home / "systemctl").read_text()
