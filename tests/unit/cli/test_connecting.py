"""Test what a connection to a machine asks on a terminal, with a real sshd and a real sudo."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.sshd import PASSWORD, Sshd, sshd
from tests.support.terminal import terminal
from tests.unit.cli.program import run


@pytest.fixture(scope="module")
def server() -> Iterator[Sshd]:
    with sshd() as started:
        yield started


def settings(home: Path, server: Sshd, user: str, known: Path) -> None:
    config = Path(server.config(f"Host near\n  UserKnownHostsFile {known}", user=user))
    (home / "decodeat-ops.toml").write_text(
        f'name = "demo"\ntarget = "vm"\n[local]\nstate_dir = "state"\n'
        f'[vm]\nhosts = ["near"]\nssh_config = "{config}"\ndirectory = "{home}/opt"\n'
    )


def test_an_unknown_key_is_shown_and_accepted_once(home: Path, server: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    settings(home, server, "root", known)
    refused = run(home, "lock", "status")
    assert refused.status == 8, refused.stderr
    (fingerprint,) = re.findall(r"SHA256:\S+", refused.stderr)
    with terminal(home, "lock", "status") as shown:
        shown.wait_for("Accept it for good?")
        assert f"The key of near is not known yet: {fingerprint}" in shown.shown
        shown.answer("y")
        assert shown.end() == 8, "only a whole yes counts"
    with terminal(home, "lock", "status", "--json") as shown:
        shown.wait_for("Accept it for good?")
        shown.answer("yes")
        assert shown.end() == 0, shown.shown
    assert server.host_key in known.read_text()
    assert run(home, "lock", "status").status == 0


def test_a_password_of_sudo_is_asked_for_once_and_shown_nowhere(home: Path, server: Sshd) -> None:
    settings(home, server, "operator", server.known_hosts)
    nobody = run(home, "lock", "status")
    assert (nobody.status, "there is nobody to ask for it" in nobody.stderr) == (3, True)
    with terminal(home, "lock", "status") as shown:
        shown.wait_for("Password of sudo at near")
        shown.answer(PASSWORD)
        assert shown.end() == 0, shown.shown
        assert shown.shown.count("Password of sudo") == 1
        assert PASSWORD not in shown.shown
