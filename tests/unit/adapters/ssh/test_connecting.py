"""Test the way to a machine with a real sshd: the host's key, the operator's keys, jumps, and what fails."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from decodeat_ops.adapters.ssh.operator import Operator
from decodeat_ops.adapters.ssh.remote import SshRemote
from decodeat_ops.core.errors import Configuration, Lost, OpsError, Unreachable
from decodeat_ops.core.remote import Remote
from decodeat_ops.core.secret import Secret
from tests.servers.sshd import Sshd, agent, make_key, sshd
from tests.support.ports import free_port
from tests.support.waiting import wait_for
from tests.unit.adapters.ssh.conftest import Reached


def refusal(remote: Remote) -> OpsError:
    """Return the error of a first use, which says that nothing was run."""
    with pytest.raises(Unreachable) as caught:
        remote.run("true")
    assert not isinstance(caught.value, Lost)
    assert caught.value.advice.state == "Nothing was run there."
    assert caught.value.advice.hint
    return caught.value


@contextmanager
def authorized(server: Sshd, public: Path) -> Iterator[None]:
    """Let a key in, and the server's own one no more."""
    file = server.directory / "authorized"
    before = file.read_text()
    file.write_text(public.read_text())
    try:
        yield
    finally:
        file.write_text(before)


def fingerprint(public: Path) -> str:
    return subprocess.run(("ssh-keygen", "-lf", public), capture_output=True, text=True, check=True).stdout.split()[1]


def test_one_connection_serves_all_and_the_next_one_comes_by_itself(server: Sshd, reach: Reached) -> None:
    remote = reach()
    place = remote.run("echo $SSH_CONNECTION").stdout
    with remote.hold("read x; echo $SSH_CONNECTION") as held, remote.lines("echo $SSH_CONNECTION") as lines:
        told = {held.ask("x"), *lines, remote.send("echo $SSH_CONNECTION", []).stdout.strip()}
    assert told == {place.strip()}
    assert remote.address == "127.0.0.1"
    remote.close()
    assert remote.run("echo $SSH_CONNECTION").stdout != place


def test_a_terminal_is_left_to_ssh_itself(server: Sshd, reach: Reached) -> None:
    attached = reach().attached("id -u; echo 'a b'")
    assert attached.argv[:2] == ("ssh", "-t")
    done = subprocess.run(attached.argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=True)
    assert done.stdout.splitlines() == ["0", "a b"]


def test_an_unknown_host_key_is_refused_with_its_fingerprint(server: Sshd, reach: Reached, tmp_path: Path) -> None:
    config = server.config(f"Host *\n  UserKnownHostsFile {tmp_path}/deep/known")
    error = refusal(reach(config))
    assert fingerprint(server.directory / "host.pub") in str(error)
    assert f"ssh -F {config} near true" in error.advice.hint
    asked: list[tuple[str, str]] = []

    def accept(host: str, shown: str) -> bool:
        asked.append((host, shown))
        return len(asked) > 1

    refusal(reach(config, operator=Operator(accept)))
    assert not (tmp_path / "deep").exists()
    assert reach(config, operator=Operator(accept)).run("echo in").stdout == "in\n"
    assert reach(config).run("echo again").stdout == "again\n"
    assert asked == [("near", f"{fingerprint(server.directory / 'host.pub')} (ssh-ed25519)")] * 2
    assert (tmp_path / "deep/known").read_text() == f"{server.known_as} {server.host_key}\n"
    assert (tmp_path / "deep/known").stat().st_mode & 0o777 == 0o600


def test_a_key_is_added_below_what_is_there_hashed_where_ssh_does_so(
    server: Sshd, reach: Reached, tmp_path: Path
) -> None:
    known = tmp_path / "known"
    known.write_text("other ssh-ed25519 AAAA")
    config = server.config(f"Host *\n  UserKnownHostsFile {known}\n  HashKnownHosts yes")
    reach(config, operator=Operator(lambda host, shown: True)).run("true")
    lines = known.read_text().splitlines()
    assert (lines[0], lines[1][:3]) == ("other ssh-ed25519 AAAA", "|1|")
    done = subprocess.run(
        ("ssh", "-F", config, "-o", "BatchMode=yes", "near", "echo in"), capture_output=True, check=True
    )
    assert done.stdout == b"in\n"
    assert reach(config).run("echo in").stdout == "in\n"


@pytest.mark.parametrize("alias", ["", "by-another-name"])
def test_a_changed_host_key_is_refused_whoever_accepts(
    server: Sshd, reach: Reached, tmp_path: Path, alias: str
) -> None:
    make_key(tmp_path / "other")
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    (tmp_path / "known").write_text(f"{alias or server.known_as} {other}\n")
    named = f"  HostKeyAlias {alias}\n" if alias else ""
    config = server.config(f"Host *\n  UserKnownHostsFile {tmp_path}/known\n{named}")
    error = refusal(reach(config, operator=Operator(lambda host, shown: True)))
    assert "another one than before" in str(error)
    assert str(tmp_path / "known") in str(error)
    assert "ssh-keygen -f" in error.advice.hint
    assert (tmp_path / "known").read_text().count("\n") == 1


def test_another_port_of_a_known_name_may_be_another_machine(server: Sshd, reach: Reached, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    (tmp_path / "known").write_text(f"127.0.0.1 {other}\n")
    config = server.config(f"Host *\n  UserKnownHostsFile {tmp_path}/known")
    assert "is not known" in str(refusal(reach(config)))
    (tmp_path / "known").write_text(f"127.0.0.1 {server.host_key}\n")
    assert reach(config).run("echo in").stdout == "in\n", "as ssh takes it"


@pytest.mark.parametrize("how", ["marker", "list", "krl"])
def test_a_revoked_host_key_is_refused_though_it_is_known(
    server: Sshd, reach: Reached, tmp_path: Path, how: str
) -> None:
    known, revoked = tmp_path / "known", tmp_path / "revoked"
    known.write_text(f"{server.known_as} {server.host_key}\n")
    text = f"Host *\n  UserKnownHostsFile {known}\n"
    if how == "marker":
        known.write_text(known.read_text() + f"@revoked * {server.host_key}\n")
    elif how == "list":
        revoked.write_text(f"# lost\n{server.host_key}\n")
    else:
        argv = ("ssh-keygen", "-q", "-k", "-f", revoked, server.directory / "host.pub")
        subprocess.run(argv, check=True, capture_output=True)
    text += "" if how == "marker" else f"  RevokedHostKeys {revoked}\n"
    error = refusal(reach(server.config(text), operator=Operator(lambda host, shown: True)))
    assert "is revoked" in str(error)


def test_a_host_that_an_authority_vouches_for_is_not_known_by_its_key(
    server: Sshd, reach: Reached, tmp_path: Path
) -> None:
    (tmp_path / "known").write_text(f"@cert-authority * {server.host_key}\n")
    error = refusal(reach(server.config(f"Host *\n  UserKnownHostsFile {tmp_path}/known")))
    assert "authority's certificate" in error.advice.hint


def test_the_kind_of_key_that_is_known_is_asked_for(reach: Reached, tmp_path: Path) -> None:
    """A host with several keys would show another one than the known one otherwise."""
    make_key(tmp_path / "second", kind="ecdsa")
    with sshd(f"HostKey={tmp_path}/second") as other:
        public = " ".join((tmp_path / "second.pub").read_text().split()[:2])
        other.known_hosts.write_text(f"{other.known_as} {public}\n")
        assert reach(other.config()).run("echo in").stdout == "in\n"


def test_a_machine_that_takes_no_key_says_which_were_tried(server: Sshd, reach: Reached, tmp_path: Path) -> None:
    make_key(tmp_path / "mine")
    config = server.directory / "config-strange"
    text = Path(server.config()).read_text().replace(str(server.key), str(tmp_path / "mine"))
    config.write_text(text)
    error = refusal(reach(str(config)))
    assert "does not let root in: it took none of 1 keys" in str(error)
    assert error.advice.lines == (f"tried: {tmp_path / 'mine'} (ssh-ed25519)",)
    assert f"`ssh -v -F {config} near`" in error.advice.hint
    for missing in ("missing", "m" * 300):  # nobody can even look for the second one
        config.write_text(text.replace(str(tmp_path / "mine"), str(tmp_path / missing)))
        assert "there is no key to sign in with" in str(refusal(reach(str(config))))


def test_a_key_with_a_passphrase_is_asked_for_once(server: Sshd, reach: Reached, tmp_path: Path) -> None:
    for kind in ("ed25519", "ecdsa", "rsa"):
        make_key(tmp_path / kind, "five words", kind)
    config = tmp_path / "config"
    with authorized(server, tmp_path / "rsa.pub"):
        names = "".join(f"  IdentityFile {tmp_path / kind}\n" for kind in ("ed25519", "ecdsa", "rsa"))
        config.write_text(Path(server.config()).read_text().replace(f"  IdentityFile {server.key}\n", names))
        error = refusal(reach(str(config)))
        assert any("is encrypted" in line for line in error.advice.lines)
        wrong = refusal(reach(str(config), operator=Operator(passphrase=lambda path: Secret("four"))))
        assert any("passphrase may be wrong" in line for line in wrong.advice.lines)
        asked: list[Path] = []

        def phrase(path: Path) -> Secret:
            asked.append(path)
            return Secret("five words")

        operator = Operator(passphrase=phrase)
        for _ in range(2):
            assert reach(str(config), operator=operator).run("echo in").stdout == "in\n"
        assert asked == [tmp_path / kind for kind in ("ed25519", "ecdsa", "rsa")]


def test_an_agent_signs_and_files_say_which_of_its_keys(server: Sshd, reach: Reached, tmp_path: Path) -> None:
    for number in range(3):
        make_key(tmp_path / f"key{number}")
    keys = [tmp_path / f"key{number}" for number in range(3)]
    text = Path(server.config()).read_text().replace("IdentityAgent none", f"IdentityAgent {tmp_path}/agent")
    text = text.replace(str(server.key), str(tmp_path / "key2"))
    config = tmp_path / "config"
    with agent(tmp_path, *keys, server.key), authorized(server, tmp_path / "key2.pub"):
        (tmp_path / "key2").unlink()  # its public part says which one of the agent's
        config.write_text(text)
        assert reach(str(config)).run("echo in").stdout == "in\n"
        config.write_text(text.replace("IdentitiesOnly yes", "").replace(f"IdentityFile {tmp_path}/key2", ""))
        assert reach(str(config)).run("echo in").stdout == "in\n"
    config.write_text(text.replace("key2", "key0"))
    error = refusal(reach(str(config)))
    assert any("no agent at" in line for line in error.advice.lines)


def test_too_many_keys_are_told_from_a_network_that_breaks(server: Sshd, reach: Reached, tmp_path: Path) -> None:
    keys = [tmp_path / f"key{number}" for number in range(7)]
    for key in keys:
        make_key(key)
    config = tmp_path / "config"
    names = "".join(f"  IdentityFile {key}\n" for key in keys)
    config.write_text(Path(server.config()).read_text().replace(f"  IdentityFile {server.key}\n", names))
    error = refusal(reach(str(config)))
    assert any("too many keys" in line for line in error.advice.lines)


def test_a_jump_goes_through_ssh(server: Sshd, reach: Reached) -> None:
    """`Match` and `Include` are ssh's own business; the one in between is refused with ssh's own words."""
    inner = server.config()
    included = server.directory / "included"
    included.write_text(Path(inner).read_text() + Path(inner).read_text().replace("Host near", "Match originalhost far")
                        + "  ProxyJump near\n")  # fmt: skip
    config = server.config(f"Include {included}", name="unused")
    remote = reach(config, name="far")
    assert remote.run("echo $SSH_CONNECTION").stdout.startswith("127.0.0.1 ")
    assert remote.send("wc -c", [b"x" * 100_000] * 20).stdout.strip() == "2000000"
    remote.close()
    included.write_text(included.read_text().replace("ProxyJump near", "ProxyJump root@no-such-name.invalid:22"))
    error = refusal(reach(config, name="far"))
    assert "no-such-name.invalid" in "".join(error.advice.lines)
    assert f"ssh -F {config} far true" in error.advice.hint, "which may ask, as what goes through it may not"


def test_what_can_not_be_reached_says_why(server: Sshd, reach: Reached) -> None:
    config = server.config(f"Host refused\n  HostName 127.0.0.1\n  Port {free_port()}\nHost nowhere.invalid\n")
    assert "refuses the connection" in str(refusal(reach(config, name="refused")))
    assert "is not known here" in str(refusal(reach(config, name="nowhere.invalid")))
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:
        config = server.config(f"Host other\n  HostName 127.0.0.1\n  Port {deaf.getsockname()[1]}\n")

        def hang_up() -> None:
            deaf.accept()[0].close()

        hanging_up = threading.Thread(target=hang_up)
        hanging_up.start()
        assert "can't be reached" in str(refusal(reach(config, name="other")))
        hanging_up.join()
        config = server.config("Host *\n  ConnectTimeout 1\n" + Path(config).read_text(), name="unused")
        assert "can't be reached" in str(refusal(reach(config, name="other")))


def test_what_ssh_does_not_understand_is_a_setting(server: Sshd, reach: Reached) -> None:
    with pytest.raises(Configuration, match="Bad configuration option: nonsense"):
        reach(server.config("Nonsense yes")).run("true")


def test_two_machines_answer_side_by_side(server: Sshd, reach: Reached, tmp_path: Path) -> None:
    """Each waits for the other one's script to have begun."""
    said: dict[str, str] = {}

    def run(remote: SshRemote, mine: str, other: str) -> None:
        script = f"touch {tmp_path}/{mine}; until test -e {tmp_path}/{other}; do sleep 0.02; done; echo {mine}"
        said[mine] = remote.run(script).stdout

    threads = [threading.Thread(target=run, args=(reach(), *names)) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == {"a": "a\n", "b": "b\n"}


def test_what_is_needed_for_no_connection_is_not_imported() -> None:
    code = "import sys, decodeat_ops.adapters.ssh.remote; print(*{'invoke', 'unittest.mock'} & set(sys.modules))"
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_machine_is_connected_to_before_it_is_used(reach: Reached) -> None:
    with sshd() as server:
        remote = reach(server.config())
        remote.approach()
        wait_for(lambda: remote.connected)
        assert remote.run("echo there").stdout == "there\n"
        assert (server.directory / "log").read_text().count("Accepted publickey") == 1


def test_what_kept_it_from_being_connected_to_is_told_once_and_then_tried_again(reach: Reached) -> None:
    with sshd() as server:
        remote = reach(server.config())
        server.stop()
        remote.approach()
        with pytest.raises(Unreachable, match="refuses the connection"):
            remote.run("true")
        server.start()
        assert remote.run("echo there").stdout == "there\n"
