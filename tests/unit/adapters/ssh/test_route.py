"""Test what is read of ssh's configuration, by asking ssh."""

import getpass
import os
from pathlib import Path

import pytest

from decodeat_ops.adapters.ssh.route import TIMEOUT, Route, route
from decodeat_ops.core.errors import Configuration


def routed(tmp_path: Path, text: str, name: str = "there", user: str = "") -> Route:
    (tmp_path / "config").write_text(text)
    return route(name, config=str(tmp_path / "config"), user=user)


def test_a_name_without_configuration_is_an_address(tmp_path: Path) -> None:
    bare = routed(tmp_path, "", "10.0.0.9")
    assert (bare.host, bare.port, bare.user, bare.proxy) == ("10.0.0.9", 22, getpass.getuser(), ())
    assert (bare.known_as, bare.agent, bare.timeout) == ("10.0.0.9", "SSH_AUTH_SOCK", TIMEOUT)
    assert Path.home() / ".ssh/id_ed25519" in bare.identities
    assert Path.home() / ".ssh/known_hosts" == bare.known[0]


def test_all_that_counts_is_read(tmp_path: Path) -> None:
    text = (
        "Host there\n  HostName Api.Example.com\n  Port 2222\n  User deploy\n  IdentityFile ~/.ssh/%r-%h\n"
        f'  IdentityFile "{tmp_path}/with space"\n  IdentitiesOnly yes\n  IdentityAgent {tmp_path}/sock\n'
        f"  UserKnownHostsFile {tmp_path}/a {tmp_path}/b\n  GlobalKnownHostsFile none\n  RevokedHostKeys {tmp_path}/r\n"
        "  HashKnownHosts yes\n  ConnectTimeout 7\n"
    )
    all_of_it = routed(tmp_path, text)
    assert all_of_it.known_as == "[api.example.com]:2222"
    assert all_of_it.identities == (Path.home() / f".ssh/deploy-{all_of_it.host}", tmp_path / "with space")
    assert (all_of_it.identities_only, all_of_it.agent, all_of_it.hashed) == (True, f"{tmp_path}/sock", True)
    assert (all_of_it.known, all_of_it.known_to_all) == ((tmp_path / "a", tmp_path / "b"), ())
    assert (all_of_it.revoked, all_of_it.timeout) == (tmp_path / "r", 7.0)
    assert routed(tmp_path, text, user="root").user == "root"
    assert routed(tmp_path, f"{text}  HostKeyAlias api\n").known_as == "api"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ProxyJump gate", ("-W", "[there]:22", "--", "gate")),
        ("ProxyJump me@gate:2200", ("-l", "me", "-p", "2200", "-W", "[there]:22", "--", "gate")),
        ("ProxyJump first,me@[fd00::1]:2200", ("-J", "first", "-W", "--", "fd00::1")),
        ("ProxyCommand nc -X 5 %h %p", ("sh", "-c", "exec nc -X 5 there 22")),
        ("ProxyJump none", ()),
        ("ProxyCommand none", ()),
    ],
)
def test_a_proxy_is_a_program(tmp_path: Path, line: str, words: tuple[str, ...]) -> None:
    proxy = routed(tmp_path, f"Host there\n  {line}\n").proxy
    assert [word for word in proxy if word in words] == [*words]
    assert bool(proxy) == bool(words)
    if "Jump" in line and words:
        assert ("-F", str(tmp_path / "config")) == proxy[1:3]
        assert "BatchMode=yes" in proxy


def test_keys_may_be_named_by_variables_and_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYS", str(tmp_path))
    text = "Host there\n  HostKeyAlias api\n  IdentityFile ${KEYS}/%i-%k\n"
    assert routed(tmp_path, text).identities == (tmp_path / f"{os.getuid()}-api",)


def test_what_ssh_refuses_is_a_setting(tmp_path: Path) -> None:
    with pytest.raises(Configuration, match="Bad configuration option"):
        routed(tmp_path, "Nonsense yes")
