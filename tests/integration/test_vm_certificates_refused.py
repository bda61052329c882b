"""Given a certificate that is served, when no new one is to be had, clients keep it and the operator hears why."""

import os
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from decodeat_ops.application import certificates
from decodeat_ops.application.workflow import Change
from decodeat_ops.core.errors import Configuration, GateFailed, OpsError, StepFailed
from tests.servers.vm_certificates import World, world
from tests.servers.vm_edge import DOMAIN
from tests.support.ports import free_port
from tests.support.serving import serving

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="a machine's scripts run as root"),
    pytest.mark.share(3, part=1),
]


@pytest.fixture(scope="module")
def long() -> Iterator[World]:
    """Certificates of 90 days, which are not due after they were issued."""
    with world(days=90) as made:
        certificates.issue(made.desk(), Change())
        yield made


@pytest.fixture(autouse=True)
def one(long: World) -> Iterator[World]:
    """Return the machine, and see that nothing of a test's refusal has touched what is served."""
    live, serial = long.live, long.served().serial
    assert live.startswith("acme-")
    yield long
    assert (long.live, long.served().serial) == (live, serial)
    long.leads[DOMAIN], long.network.ports = ("127.0.0.1",), {"127.0.0.1": long.edge.plain}
    long.authority.most = None
    long.authority.lead(DOMAIN, "127.0.0.1")


def refused(one: World, kind: type[OpsError] = StepFailed, *, renewal: bool = True, **more: bool) -> str:
    """Ask in vain, and return all that the operator is told."""
    ask = certificates.renew if renewal else certificates.issue
    with pytest.raises(kind) as caught:
        ask(one.desk(), Change(), **({"force": True} if renewal else {}), **more)
    advice = caught.value.advice
    return "\n".join((advice.what, advice.state, advice.hint, *advice.lines))


def test_what_is_not_due_is_0_changed(one: World) -> None:
    outcome = certificates.renew(one.desk(), Change())
    assert (outcome.changed, outcome.exit_code, outcome.summary) == (0, 0, f"0 changed: nothing is due for {DOMAIN}.")
    assert certificates.issue(one.desk(), Change()).changed == 0
    daily = one.daily()
    assert (daily.returncode, "outcome=kept" in daily.stdout) == (0, True)


def test_an_authority_that_does_not_reach_us(one: World) -> None:
    one.authority.lead(DOMAIN, "127.0.0.77")
    said = refused(one)
    assert f"{DOMAIN}: it can't reach port 80" in said
    assert "The certificate that was served goes on." in said
    assert "A few failures an hour" in said
    (wrong,) = one.desk().view.certificates().wrong  # type: ignore[attr-defined]
    assert "the last renewal came to nothing" in wrong
    certificates.renew(one.desk(), Change())
    assert one.desk().view.certificates().wrong == ()  # type: ignore[attr-defined]


@pytest.mark.parametrize("retry_after", ["7200", formatdate(4102444800, usegmt=True)])
def test_a_limit_of_the_authority(one: World, retry_after: str) -> None:
    one.authority.orders, one.authority.most, one.authority.retry_after = 0, 0, retry_after
    said = refused(one)
    assert "the authority has had too many requests for these names" in said
    assert "too many certificates (5) already issued" in said
    assert "Try again not before 2" in said
    assert ("2100-01-01 00:00 UTC" in said) == (retry_after != "7200")
    assert one.authority.orders == 1, "it is not asked again and again"


def test_a_wrong_dns_record_is_told_before_the_authority_counts(one: World) -> None:
    port, asked = free_port(), one.authority.orders

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with serving(HTTPServer(("127.0.0.1", port), Other)):
        one.leads[DOMAIN], one.network.ports = ("127.0.0.9",), {"127.0.0.9": port}
        said = refused(one, GateFailed, renewal=False)
    assert f"{DOMAIN} leads to 127.0.0.9, which answers 404 with something else on port 80" in said
    assert f"correct the DNS record of {DOMAIN}" in said
    assert one.authority.orders == asked


def test_a_name_without_an_address(one: World) -> None:
    one.leads[DOMAIN] = ()
    said = refused(one, Configuration, renewal=False)
    assert f"{DOMAIN} has no address in DNS: make an A record of it that leads to 127.0.0.1" in said


def test_a_blocked_port_80(one: World) -> None:
    one.network.ports, asked = {"127.0.0.1": free_port()}, one.authority.orders
    said = refused(one, GateFailed, renewal=False)
    assert "port 80 does not answer" in said
    assert "open it in every firewall" in said
    assert one.authority.orders == asked
    assert not list((one.root / "acme" / ".well-known" / "acme-challenge").iterdir()), "nothing is left there"


def test_one_address_of_two_is_wrong(one: World) -> None:
    """As with an AAAA record that nobody looked after: authorities may ask there first."""
    one.leads[DOMAIN] = ("127.0.0.1", "::1")
    one.network.ports = {"127.0.0.1": one.edge.plain, "::1": free_port()}
    said = refused(one, GateFailed, renewal=False)
    assert f"{DOMAIN} leads to ::1, which does not answer" in said
    assert "leads to 127.0.0.1" not in said


def test_an_authority_that_is_away(one: World) -> None:
    one.authority.stop()
    said = refused(one)
    one.authority.start()
    assert "the authority has trouble of its own" in said or "does not reach the authority" in said


def test_nothing_is_done_for_settings_that_do_not_fit(one: World) -> None:
    one.kind = "self-signed"
    try:
        assert 'set it to "acme"' in refused(one, Configuration, renewal=False)
        assert 'Set vm.certificate = "acme"' in refused(one, Configuration)
    finally:
        one.kind = "acme"
