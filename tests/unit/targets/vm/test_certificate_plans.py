"""Given settings and what machines have, the steps to a certificate are planned, or all that is in the way is told."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.abilities import Certifying, Install, Issue, Renew
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.remote import Answer
from decodeat_ops.settings.load import load
from decodeat_ops.targets.vm.certificates import planning
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.place import Place
from tests.support.certificate_chains import chain
from tests.support.certificates import pem
from tests.support.vm_settings import vm_settings

ACME = 'certificate = "acme"\nacme_email = "ops@example.com"\n'
NAMES = ("api.example.com", "www.example.com")
MARK = "0123456789abcdef0123"
WELL = """= certbot /usr/bin/certbot
= openssl /usr/bin/openssl
= addresses 10.0.0.7 2001:db8::7
= running true
= clockwork systemd
"""
RENEWS = """= timer active
= next 1800000000
= renewal
 server = https://ca.example/dir
 account = 0a
"""


class Tells:
    """A machine that tells this of its certificate."""

    address = "192.0.2.1"

    def __init__(self, name: str, text: str, live: str = "self-signed") -> None:
        told = "\n".join(f" {line}" for line in pem(*NAMES).splitlines())
        self.name, self.live, self.text = name, live, f"{text}= live {live}\n= chain\n{told}\n= fits\n= end\n"

    def run(self, script: str, *, given: str = "", timeout: float = 60.0) -> Answer:
        return Answer(0, self.text, "")


def place(home: Path, settings: str, *machines: Any, leads: Sequence[str] = ("192.0.2.1",)) -> Place:
    vm_settings(home, settings)
    names = ", ".join(f'"{one.name}"' for one in machines)
    path = home / "decodeat-ops.toml"
    path.write_text(path.read_text().replace('["api1"]', f"[{names}]"))
    loaded = load(path, None, {}, environ={})
    hosts: dict[str, Any] = {one.name: one for one in machines}
    nothing: Any = None
    ports = (nothing,) * 5
    return Place(loaded, Names.of(loaded), hosts, *ports, addresses=lambda name: tuple(leads))


def ids(found: Certifying) -> list[str]:
    return [step.id for step in found.steps]


def refused(where: Place, wish: Issue | Renew | Install) -> str:
    with pytest.raises(Configuration) as caught:
        planning.certify(where, wish)
    advice = caught.value.advice
    assert advice.state.startswith("What serves now goes on")
    return "\n".join((advice.what, advice.hint, *advice.lines))


def test_a_first_certificate_is_looked_for_scheduled_and_issued(tmp_path: Path) -> None:
    found = planning.certify(place(tmp_path, ACME, Tells("api1", WELL)), Issue(MARK))
    assert (found.subject, ids(found)) == ("api.example.com", ["reach", "schedule", "issue"])
    reach, schedule, issue = found.steps
    assert reach.undo is None
    assert schedule.undo is not None
    assert issue.undo is not None
    assert issue.undo.params == {"hosts": {"api1": "self-signed"}}
    assert dict(found.facts)["api.example.com"] == "192.0.2.1"
    assert "Let's Encrypt" in dict(found.facts)["authority"]
    assert planning.certify(place(tmp_path, ACME, Tells("api1", WELL)), Issue(MARK)) == found, "a plan is repeatable"


def test_what_is_there_is_not_planned_again(tmp_path: Path) -> None:
    machine = Tells("api1", WELL + RENEWS, "acme-0a")
    assert ids(planning.certify(place(tmp_path, ACME, machine), Issue(MARK, look=False))) == ["issue"]
    assert ids(planning.certify(place(tmp_path, ACME, machine), Renew())) == ["renew"]


def test_a_renewal_that_nothing_runs_daily_is_scheduled(tmp_path: Path) -> None:
    text = WELL + RENEWS.replace("= timer active\n", "")
    assert ids(planning.certify(place(tmp_path, ACME, Tells("api1", text, "acme-0a")), Renew())) == [
        "schedule",
        "renew",
    ]


def test_a_machine_that_lacks_everything_is_told_at_once(tmp_path: Path) -> None:
    said = refused(place(tmp_path, ACME, Tells("api1", "= certbot\n"), leads=()), Issue(MARK))
    for part in ("6 problems", "no certbot", "no openssl", "nginx does not run", "neither systemd nor cron"):
        assert part in said
    assert "www.example.com has no address in DNS: make an A record of it that leads to 192.0.2.1" in said


def test_several_machines_are_refused_with_what_holds_for_them(tmp_path: Path) -> None:
    said = refused(place(tmp_path, ACME, Tells("a", WELL), Tells("b", WELL)), Issue(MARK))
    assert 'Set vm.certificate = "own"' in said
    assert "load balancer" in said


def test_settings_have_to_say_where_it_comes_from(tmp_path: Path) -> None:
    assert 'set it to "acme"' in refused(place(tmp_path, "", Tells("api1", WELL)), Issue(MARK))
    assert "decodeat-ops cert install" in refused(
        place(tmp_path, 'certificate = "own"\n', Tells("api1", WELL)), Renew()
    )
    wish = Install(tmp_path / "chain", tmp_path / "key")
    assert 'Set vm.certificate = "own" first' in refused(place(tmp_path, ACME, Tells("api1", WELL)), wish)


def test_nothing_is_renewed_before_it_was_issued(tmp_path: Path) -> None:
    said = refused(place(tmp_path, ACME, Tells("api1", WELL)), Renew())
    assert "has no certificate of an authority yet" in said
    assert "`decodeat-ops cert issue`" in said


def brought(home: Path) -> Install:
    whole = chain(*NAMES)
    (home / "chain").write_text("".join(one.pem for one in whole))
    (home / "key").write_text(whole[0].key_pem())
    (home / "key").chmod(0o600)
    return Install(home / "chain", home / "key")


def test_one_that_is_brought_goes_to_all_machines_and_ends_a_renewal(tmp_path: Path) -> None:
    machines = Tells("a", WELL), Tells("b", WELL + RENEWS, "acme-0a")
    wish = brought(tmp_path)
    found = planning.certify(place(tmp_path, 'certificate = "own"\n', *machines), wish)
    install, unschedule = found.steps
    assert install.do.params["hosts"] == {"a": "self-signed", "b": "acme-0a"}
    assert unschedule.do.params["hosts"] == {"b": None}
    assert "PRIVATE KEY" not in str(found), "a plan is written down"
    again = [Tells("a", WELL, f"own-{install.do.params['digest'][:12]}"), machines[1]]
    (step, _) = planning.certify(place(tmp_path, 'certificate = "own"\n', *again), wish).steps
    assert list(step.do.params["hosts"]) == ["b"], "the other has it already"
    again[0].text = again[0].text.replace("= fits\n", "")
    again[1] = Tells("b", f"{WELL}= mode 644\n", again[0].live)
    (step,) = planning.certify(place(tmp_path, 'certificate = "own"\n', *again), wish).steps
    assert list(step.do.params["hosts"]) == ["a", "b"], "a key that is damaged, or everybody's, is brought again"
