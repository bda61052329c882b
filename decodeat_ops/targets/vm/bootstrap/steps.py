"""Plan what machines lack: a step for each kind of thing, over all machines that lack it; pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from decodeat_ops.core.plan import Action, Step
from decodeat_ops.core.target import Steps
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.vm.bootstrap import daemon, packages, upgrades
from decodeat_ops.targets.vm.bootstrap.ground import Ground
from decodeat_ops.targets.vm.names import Names


def steps(grounds: Sequence[Ground], loaded: Loaded, names: Names, mark: str) -> Steps:
    """Return the steps that make what is missing, none when nothing is."""
    return tuple(_steps(grounds, loaded, names, mark))


def _steps(grounds: Sequence[Ground], loaded: Loaded, names: Names, mark: str) -> Iterator[Step]:
    upgraded, kind = loaded.settings.vm.unattended_upgrades, loaded.settings.vm.certificate
    needs = {one.host: packages.lacking(one, upgrades=upgraded, certificate=kind).packages for one in grounds}
    lacks = {host: list(found) for host, found in needs.items() if found}
    if lacks:
        previews = [f"{host}: apt-get install {' '.join(found)}" for host, found in lacks.items()]
        yield _step("packages", "Install packages", "install-packages", "remove-packages", lacks, previews, mark)
    added = {one.host: daemon.additions(one.engine) for one in grounds}
    engines = {one.host: added[one.host] for one in grounds if added[one.host] or not one.engine.version}
    if engines:
        previews = [f"{host}: {_daemon(found)}" for host, found in engines.items()]
        title = "Rotate the engine's logs, and keep containers when it restarts"
        yield _step("engine", title, "configure-engine", "unconfigure-engine", engines, previews, mark)
    networks: dict[str, Any] = {one.host: {} for one in grounds if not one.engine.network}
    if networks:
        previews = [f"{host}: docker network create {names.network}" for host in networks]
        yield _step("network", "Make the network", "make-network", "unmake-network", networks, previews, mark)
    updates: dict[str, Any] = {
        one.host: {} for one in grounds if upgraded and not (upgrades.on(one.periodic) and one.timer)
    }
    if updates:
        previews = [f"{host}: {upgrades.FILE}" for host in updates]
        title = "Turn on security updates"
        yield _step("upgrades", title, "make-upgrades", "unmake-upgrades", updates, previews, mark)


def _daemon(added: Mapping[str, Any]) -> str:
    return f"/etc/docker/daemon.json gets {', '.join(sorted(added))}" if added else "the engine is started"


def _step(
    name: str, title: str, do: str, undo: str, hosts: Mapping[str, Any], previews: Sequence[str], mark: str
) -> Step:
    about = {"hosts": dict(hosts), "mark": mark}
    where = ", ".join(hosts)
    return Step(name, f"{title} on {where}", Action(do, about), undo=Action(undo, about), preview=tuple(previews))
