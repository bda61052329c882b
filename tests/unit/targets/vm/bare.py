"""Bare machines as tests need them: their place, and what the look finds on each."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from decodeat_ops.adapters.tls_handshake import TlsHandshake
from decodeat_ops.core.remote import Remote
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.vm.bootstrap.ground import Engine, Ground
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.place import Place
from tests.support.aws import NoHost, NoHttp, PassingClock, loaded_from, no_images

VM = 'hosts = ["one", "two"]\nmemory = "512m"\ncpus = 1.0\n'
GIB = 1024**3
LISTED = '{"live-restore": true, "log-driver": "local", "log-opts": {"max-size": "10m", "max-file": "5"}}'
DOCKER = Engine("/usr/bin/docker", "26.1.5", "2.26.1", LISTED, driver="local", live_restore=True, network=True)
ON = {"Update-Package-Lists": "1", "Unattended-Upgrade": "1"}


def loaded(home: Path, more: str = "", before: str = "") -> Loaded:
    """Return the settings; `more` are further lines of [vm], `before` of what stands above it."""
    return loaded_from(home, f'target = "vm"\nname = "demo"\n{before}\n[vm]\n{VM}{more}')


def place(home: Path, hosts: Mapping[str, Remote], more: str = "") -> Place:
    """Return a place with these machines."""
    settings = loaded(home, more)
    return Place(settings, Names.of(settings), hosts, NoHttp(), NoHost(), no_images, PassingClock(), TlsHandshake())


def ground(host: str = "one", **more: Any) -> Ground:
    """Return the ground of a new Debian 13, but for what is given otherwise."""
    found = Ground(
        host,
        root=True,
        system="debian",
        version="13",
        pretty="Debian GNU/Linux 13 (trixie)",
        machine="x86_64",
        cpus=2,
        memory=4 * GIB,
        free={"/opt/decodeat-ops/demo-production": 20 * GIB, "/var/lib/docker": 20 * GIB},
        systemd=True,
        synchronised=True,
        apt=True,
        packages={"ca-certificates": "20250419", "unattended-upgrades": "2.12"},
    )
    return replace(found, **more)


def made(host: str = "one", **more: Any) -> Ground:
    """Return the ground of a machine that lacks nothing."""
    return ground(host, **{"engine": DOCKER, "periodic": ON, **more})
