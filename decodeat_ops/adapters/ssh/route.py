"""Ask ssh itself how it reaches a host, so that its configuration holds here word for word."""

import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from decodeat_ops.core.errors import Configuration

TIMEOUT = 20.0  # seconds; to connect, and for the first words, where ssh's configuration says nothing
_ALIVE = ("-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3")
_HOP = re.compile(r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?P<host>\[[^\]]+\]|[^:]+)(?::(?P<port>\d+))?")


@dataclass(frozen=True)
class Route:
    """Hold how a host is reached: what `ssh -G` says, paths and proxies filled in."""

    name: str  # as the settings call it
    options: tuple[str, ...]  # of ssh, before the name
    host: str
    port: int
    user: str
    identities: tuple[Path, ...]
    identities_only: bool
    agent: str  # "": none, SSH_AUTH_SOCK: the variable's, else a socket's path
    alias: str  # the name in the files of known hosts, "" for host and port
    known: tuple[Path, ...]  # files of the user, the first of which gets new keys
    known_to_all: tuple[Path, ...]
    revoked: Path | None
    hashed: bool
    proxy: tuple[str, ...]  # the program whose input and output are the connection
    timeout: float

    @property
    def place(self) -> str:
        """Return the address for people."""
        return self.host if self.port == 22 else f"{self.host} port {self.port}"

    @property
    def known_as(self) -> str:
        """Return the name that the host's key is kept under."""
        if self.alias:
            return self.alias
        return self.host.lower() if self.port == 22 else f"[{self.host.lower()}]:{self.port}"

    def by_hand(self, *words: str) -> str:
        """Return the command by which a person gets there, with more options of ssh if any."""
        return shlex.join(("ssh", *words, *self.options, self.name))


def route(name: str, *, config: str = "", user: str = "") -> Route:
    """Return how ssh reaches a host. Raises `Configuration` with its own words where it does not know."""
    options = (*(("-F", config) if config else ()), *(("-l", user) if user else ()))
    said = _said(name, options)

    def last(key: str, default: str = "") -> str:
        return said.get(key, [default])[-1]

    host, port, login = last("hostname", name), int(last("port", "22")), last("user")
    tokens = {
        "%": "%", "h": host, "n": name, "p": str(port), "r": login, "u": Path.home().name, "d": str(Path.home()),
        "i": str(os.getuid()), "k": last("hostkeyalias", host),
    }  # fmt: skip

    def paths(text: str) -> tuple[Path, ...]:
        return tuple(_path(word, tokens) for word in shlex.split(text) if word.lower() != "none")

    revoked = paths(last("revokedhostkeys"))
    return Route(
        name=name,
        options=options,
        host=host,
        port=port,
        user=login,
        identities=tuple(_path(text, tokens) for text in said.get("identityfile", []) if text.lower() != "none"),
        identities_only=last("identitiesonly") == "yes",
        agent=_agent(last("identityagent", "SSH_AUTH_SOCK"), tokens),
        alias=last("hostkeyalias"),
        known=paths(last("userknownhostsfile")),
        known_to_all=paths(last("globalknownhostsfile")),
        revoked=revoked[0] if revoked else None,
        hashed=last("hashknownhosts") == "yes",
        proxy=_proxy(last("proxyjump"), last("proxycommand"), config, tokens),
        timeout=float(last("connecttimeout", "none").replace("none", "0")) or TIMEOUT,
    )


def _said(name: str, options: tuple[str, ...]) -> dict[str, list[str]]:
    """Return what ssh says of a host, each word's values in order."""
    argv = ("ssh", "-G", *options, "--", name)
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=60, check=False
        )
    except FileNotFoundError as error:
        raise Configuration("There is no ssh on this machine.", hint="Install OpenSSH's client.") from error
    except subprocess.TimeoutExpired as error:
        what = f"ssh did not say within 60 s how it reaches {name}."
        raise Configuration(what, hint="Look at `Match exec` in ssh's configuration.", where="vm.ssh_config") from error
    if done.returncode != 0:
        reason = done.stderr.strip() or f"status {done.returncode}"
        raise Configuration(f"ssh does not know how to reach {name}: {reason}", where="vm.ssh_config")
    said: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        said.setdefault(key, []).append(value)
    return said


def _path(text: str, tokens: dict[str, str]) -> Path:
    return Path(_filled(os.path.expandvars(text.strip('"')), tokens)).expanduser()


def _filled(text: str, tokens: dict[str, str]) -> str:
    return re.sub(r"%(.)", lambda found: tokens.get(found[1], found[0]), text)


def _agent(text: str, tokens: dict[str, str]) -> str:
    if text.lower() == "none":
        return ""
    return text if text == "SSH_AUTH_SOCK" or text.startswith("$") else str(_path(text, tokens))


def _proxy(jump: str, command: str, config: str, tokens: dict[str, str]) -> tuple[str, ...]:
    """Return the program that leads to the host, with nobody to ask at its own terminal."""
    if command and command.lower() != "none":
        return ("sh", "-c", f"exec {_filled(command, tokens)}")
    if not jump or jump.lower() == "none":
        return ()
    *before, last = jump.split(",")
    hop = _HOP.fullmatch(last.strip())
    if hop is None:
        raise Configuration(f"ProxyJump {jump} is not understood.", where="vm.ssh_config")
    return (
        "ssh",
        *(("-F", config) if config else ()),
        *(("-l", hop["user"]) if hop["user"] else ()),
        *(("-p", hop["port"]) if hop["port"] else ()),
        *(("-J", ",".join(before)) if before else ()),
        "-o", "BatchMode=yes", *_ALIVE, "-W", f"[{tokens['h']}]:{tokens['p']}", "--", hop["host"].strip("[]"),
    )  # fmt: skip
