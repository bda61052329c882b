"""Machines whose files and shells are real and whose Docker is played, with a deployment laid out on them by hand."""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from decodeat_ops.targets.vm import labels
from decodeat_ops.targets.vm.place import Place
from tests.servers.vm import PlayedHost, played_hosts
from tests.servers.vm.container import Container, Definition, Mount
from tests.servers.vm.images import made
from tests.support.local_remote import LocalRemote
from tests.unit.targets.vm.recorded import NAMES, record
from tests.unit.targets.vm.told import place_of

API = made([b"base", b"code"], tag="api:1")
NGINX = made([b"base", b"nginx"], tag="nginx:1", labels={"played": "redis"})  # it runs, and is all that is looked at


@dataclass
class LaidOut:
    """Machines with a deployment; `place` reaches them."""

    hosts: list[PlayedHost]
    remotes: list[LocalRemote]
    place: Place

    def root(self, host: PlayedHost) -> Path:
        return host.files / NAMES.deployment

    def runs(self, host: PlayedHost, part: str, release: str = "") -> Container:
        """Start a part in the place of what has its name, and lay out what a look finds of its release."""
        name, root = NAMES.container(part), self.root(host)
        old = host.engine.find(name)
        if old is not None:
            host.engine.remove(old, force=True)
        marks = {labels.DEPLOYMENT: NAMES.deployment} | ({labels.RELEASE: release} if release else {})
        mounts: tuple[Mount, ...] = ()
        if release:
            place = root / "releases" / release
            place.mkdir(parents=True, exist_ok=True)
            (place / "release.json").write_text(json.dumps(record(release, image=API.id)))
            link(root / "colours" / part, f"../releases/{release}")
            (root / "run" / part).mkdir(parents=True, exist_ok=True)
            os.chown(root / "run" / part, 10001, 10010)
            source = f"{host.directory}/{NAMES.deployment}/run/{part}"
            mounts = (host.engine.mount(source, "/run/api", read_only=False, make=False),)
        image = API if release else NGINX
        definition = Definition(
            name=name, image=image.id, named=next(iter(image.tags)), labels=marks, user="10001:10010", mounts=mounts,
            environment={"RELEASE_ID": release, "SOCKET": "/run/api/api.sock"},
        )  # fmt: skip
        container = host.engine.make(definition)
        host.engine.start(container)
        return container

    def switch(self, host: PlayedHost, colour: str) -> None:
        link(self.root(host) / "run" / "active", colour)


def link(path: Path, leads: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.symlink_to(leads)
    new.rename(path)


@contextlib.contextmanager
def laid_out(home: Path, names: Sequence[str] = ("a",)) -> Iterator[LaidOut]:
    with played_hosts(home, names) as hosts:
        for host in hosts:
            for image in (API, NGINX):
                host.engine.images.add(image)
        remotes = [LocalRemote(host.name, address=host.address, variables=host.variables) for host in hosts]
        place = place_of(home, *remotes, more=f'directory = "{hosts[0].directory}"')
        try:
            yield LaidOut(hosts, remotes, place)
        finally:
            for remote in remotes:
                remote.close()
