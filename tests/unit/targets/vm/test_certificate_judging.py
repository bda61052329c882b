"""Given what a machine has and what clients are shown, what is wrong is told, and what is well is not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from decodeat_ops.core import certificate
from decodeat_ops.settings.vm import Vm
from decodeat_ops.targets.vm.certificates import report
from decodeat_ops.targets.vm.certificates.judging import wrong
from decodeat_ops.targets.vm.certificates.state import State
from tests.support.certificates import pem

NAME = "api.example.com"
ERROR = "urn:ietf:params:acme:error"
ACME = Vm(hosts=["a"], domains=[NAME], certificate="acme", acme_email="ops@example.com")


def state(source: str = "acme", **more: object) -> State:
    """Return a machine's certificate as it should be, with what a test says."""
    days, names = float(str(more.pop("days", 80))), more.pop("names", NAME)
    begins = float(str(more.pop("begins", -10)))
    issuer = "" if source == "self-signed" else "Authority"
    leaf = certificate.of_pem(pem(str(names), days=days, issuer=issuer, begins=begins))
    well = State(
        "a", live=f"{source}-0a" if source != "self-signed" else source, chain=(leaf,), fits=True, mode="640",
        server="https://ca.example/dir", renewed="kept", renewed_at=datetime.now(UTC).timestamp() - 3600,
        timer="active", clockwork="systemd", running=True, certbot=True, openssl=True,
    )  # fmt: skip
    return replace(well, **more)  # type: ignore[arg-type]


def judged(found: State, vm: Vm = ACME, served: object = None) -> str:
    shown = found.leaf if served is None else served
    return "; ".join(wrong(found, shown, vm, datetime.now(UTC)))  # type: ignore[arg-type]


def test_nothing_is_wrong_with_a_certificate_that_renews_itself() -> None:
    assert judged(state()) == ""
    assert judged(state(renewed="", renewed_at=0.0)) == "", "it was issued a moment ago"


def test_other_sources_are_well_while_they_last() -> None:
    own = ACME.model_copy(update={"certificate": "own"})
    assert judged(state("own", timer="", server=""), own) == ""
    assert "ends in 10 days, and nothing renews it" in judged(state("own", days=10), own)
    assert judged(state("self-signed", timer=""), ACME.model_copy(update={"certificate": "self-signed"})) == ""


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: state(days=-1), "it has ended"),
        (lambda: state(days=3), "it ends in 3 days, and should have been renewed"),
        (lambda: state(begins=1), "it begins at"),
        (lambda: state(names="www.example.com"), f"it is not for {NAME}"),
        (lambda: state(fits=False), "its key is not there, or is another one's"),
        (lambda: state(mode="644"), "everybody on the machine gets at its key (mode 644)"),
        (lambda: state("self-signed"), "it is self-signed, and vm.certificate is acme: `decodeat-ops cert issue`"),
        (lambda: state("own"), "it is own, and vm.certificate is acme"),
        (lambda: state(server=""), "certbot does not know how to renew it"),
        (lambda: state(timer=""), "nothing renews it daily: `decodeat-ops cert renew`"),
        (lambda: state(timer="inactive"), "nothing renews it daily (systemd says inactive)"),
        (lambda: state(renewed_at=1e9), "the daily renewal has not run since 2001-09-09"),
        (lambda: state(renewed="undeployed", said="a\nit is busy\n"), "the one before goes on (it is busy)"),
        (
            lambda: state(renewed="failed", renewed_at=1.8e9, retry_after="3600", said=f"{ERROR}:rateLimited :: no"),
            "not before 2027-01-15 09:00 UTC",
        ),
        (lambda: state(renewed="failed", said="x"), "the last renewal came to nothing: certbot says: x"),
        (lambda: State("a"), "there is no certificate yet"),
        (lambda: State("a", live="own-1", damaged="it is odd"), "certificates/live can't be read: it is odd"),
    ],
)
def test_what_is_wrong(made: Callable[[], State], says: str) -> None:
    assert says in judged(made())


def test_clients_are_shown_something_else() -> None:
    other = certificate.of_pem(pem(NAME, issuer="Authority"))
    assert f"clients are shown another one (serial {other.serial}" in judged(state(), served=other)
    assert judged(state(), served="nobody listens") == "clients are shown none: nobody listens"
    assert judged(state(running=False), served="nobody listens") == "nginx does not run"


def test_a_short_lived_certificate_is_not_late_all_the_time() -> None:
    assert judged(state(days=5, begins=-1)) == ""


def test_the_report_has_a_machine_that_is_wrong_and_what_mends_it() -> None:
    well, bad = state(), state("self-signed")
    assert well.leaf is not None
    now = datetime.now(UTC)
    details = report.told(ACME, {"a": well, "b": replace(bad, host="b")}, {"a": well.leaf, "b": "away"}, now)
    assert [one["problems"] == [] for one in details.told["hosts"]] == [True, False]
    assert all(one.startswith("b: ") for one in details.wrong)
    assert details.next == ("decodeat-ops cert issue",)
    assert ("  served", ("away", "bad")) in details.rows
    assert report.told(ACME, {"a": well}, {"a": well.leaf}, now).next == ()
