"""Test how a user becomes root: nothing but the password reaches sudo, and what goes wrong is a setting."""

import os
from pathlib import Path

import pytest

from decodeat_ops.adapters.ssh.operator import Operator
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.secret import Secret
from tests.servers.sshd import PASSWORD, Sshd
from tests.unit.adapters.ssh.conftest import Reached


class Asked:
    """Who is asked for a password, and what is answered."""

    def __init__(self, answer: str = PASSWORD) -> None:
        self.answer = answer
        self.hosts: list[str] = []

    def __call__(self, host: str) -> Secret:
        self.hosts.append(host)
        return Secret(self.answer)


def test_a_user_with_a_password_is_asked_for_it_once(server: Sshd, reach: Reached) -> None:
    asked = Asked()
    operator = Operator(sudo_password=asked)
    config = server.config(user="operator")
    for _ in range(2):
        remote = reach(config, operator=operator)
        assert remote.run("id -u; cat", given="é\n").stdout == "0\né\n"
        content = os.urandom(200_000)
        assert remote.send("id -u; wc -c", [content]).stdout.split() == ["0", "200000"]
        with remote.hold("read x; echo $x $(id -u)") as held, remote.lines("id -u") as lines:
            assert (held.ask("a"), *lines) == ("a 0", "0")
    assert asked.hosts == ["near"]


def test_a_password_shows_nowhere(server: Sshd, reach: Reached) -> None:
    remote = reach(server.config(user="operator"), operator=Operator(sudo_password=Asked()))
    shown = remote.run("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; set; true")
    assert "correct horse" not in shown.stdout + shown.stderr


def test_a_user_without_a_password_is_asked_for_none(server: Sshd, reach: Reached) -> None:
    asked = Asked()
    remote = reach(server.config(user="automaton"), operator=Operator(sudo_password=asked))
    assert remote.run("id -u").stdout == "0\n"
    assert asked.hosts == []


def test_a_wrong_password_is_told_from_everything_else(server: Sshd, reach: Reached, tmp_path: Path) -> None:
    remote = reach(server.config(user="operator"), operator=Operator(sudo_password=Asked("wrong")))
    with pytest.raises(Configuration, match="does not accept the password") as caught:
        remote.run(f"touch {tmp_path}/was-run")
    assert "wrong" not in str(caught.value.advice)
    assert not [*tmp_path.iterdir()]


def test_nobody_to_ask_is_said(server: Sshd, reach: Reached) -> None:
    with pytest.raises(Configuration, match="nobody to ask"):
        reach(server.config(user="operator")).run("true")


def test_a_user_without_rights_is_told_in_the_words_of_sudo(server: Sshd, reach: Reached) -> None:
    remote = reach(server.config(user="stranger"), operator=Operator(sudo_password=Asked()))
    with pytest.raises(Configuration, match="stranger is not in the sudoers file"):
        remote.run("true")


def test_a_terminal_asks_for_itself(server: Sshd, reach: Reached) -> None:
    argv = reach(server.config(user="automaton")).attached("id -u").argv
    assert "sudo -- sh" in argv[-1]
