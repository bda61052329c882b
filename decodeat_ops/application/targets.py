"""Open the configured target: the only file that names one, and that opens adapters."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from decodeat_ops.core.secret import Secret

if TYPE_CHECKING:
    from decodeat_ops.adapters.ssh.operator import Operator
    from decodeat_ops.application.desk import Desk
    from decodeat_ops.core.image import Images
    from decodeat_ops.core.ledger import Ledger
    from decodeat_ops.core.ports import Host, Terminal
    from decodeat_ops.core.view import View
    from decodeat_ops.deployment.machine import Machine
    from decodeat_ops.settings.schema import Loaded
    from decodeat_ops.targets.ecs.place import Place
    from decodeat_ops.targets.vm.place import Place as Machines


NAMES = ("local", "ecs", "vm")  # a test compares them with the settings' schema, whose import takes half a second


def this_machine() -> "Host":
    """Return what runs programs on the operator's own machine."""
    from decodeat_ops.adapters.this_machine import ThisMachine

    return ThisMachine()


def this_terminal() -> "Terminal":
    """Return the operator's own terminal."""
    from decodeat_ops.adapters.this_machine import ThisMachine

    return ThisMachine()


_QUESTIONS: dict[str, "Callable[..., Any]"] = {}  # what `asks` was given


def asks(**questions: "Callable[..., Any]") -> None:
    """Let a person answer what connections need: `accept`, `sudo_password` and `passphrase`, as `Operator` names them.

    Without it nobody is asked: no unknown host is accepted, and no password is known.
    """
    _QUESTIONS.update(questions)


@cache
def this_operator() -> "Operator":
    """Return whoever answers for all connections of this process, so that each thing is asked once."""
    from decodeat_ops.adapters.ssh.operator import Operator

    return Operator(**_QUESTIONS)


def variables(loaded: "Loaded") -> Mapping[str, str]:
    """Return the plain variables of the service that a deploy would bring. Raises `Configuration` for a bad setting."""
    if loaded.settings.target == "ecs":
        from decodeat_ops.targets.ecs import documents

        return documents.variables(loaded)
    if loaded.settings.target == "vm":
        from decodeat_ops.targets.vm import documents as files

        return files.variables(loaded)
    from decodeat_ops.targets.local import configuration

    return configuration.variables(loaded)


def open_ledger(loaded: "Loaded") -> "Ledger":
    """Open the lock and the journals alone. Raises `Configuration` when the state is another deployment's."""
    if loaded.settings.target == "vm":
        from decodeat_ops.targets.vm.ledger import VmLedger

        return VmLedger(_machines(loaded))
    from decodeat_ops.deployment.ledger import StateLedger
    from decodeat_ops.deployment.places import layout_of

    return StateLedger(layout_of(loaded), loaded)


def open_view(loaded: "Loaded") -> "View[Any, Any]":
    """Open the look at a deployment alone, without secrets: it finds what it is asked for, and nothing else.

    What it is asked raises `Configuration` where `open_desk` would.
    """
    if loaded.settings.target == "ecs":
        from decodeat_ops.targets.ecs.view import EcsView

        return EcsView(_place(loaded), {})
    if loaded.settings.target == "vm":
        from decodeat_ops.targets.vm.view import VmView

        return VmView(_machines(loaded), {})
    from decodeat_ops.targets.local.view import LocalView

    return LocalView(_machine(loaded), {})


def open_images(loaded: "Loaded") -> "Callable[[], Images]":
    """Return what opens the Docker engine when it is first needed. It raises `Unreachable` without one."""
    if loaded.settings.target == "ecs":
        return _place(loaded).images

    @cache
    def opened() -> "Images":
        from decodeat_ops.adapters.docker_engine import DockerEngine
        from decodeat_ops.deployment import image

        return DockerEngine.opened(image.logins(loaded))

    return opened


def open_desk(loaded: "Loaded", *, secrets: Mapping[str, Secret] | None = None) -> "Desk":
    """Open everything that a command needs for this deployment; secrets are resolved unless given.

    Raises `Configuration` when they don't resolve, or the state is another deployment's or of a newer version.
    """
    if secrets is None:
        from decodeat_ops.settings.secrets import resolve

        secrets = resolve(loaded)
    openers = {"ecs": _ecs, "vm": _vm, "local": _local}
    return openers[loaded.settings.target](loaded, secrets)


def _local(loaded: "Loaded", secrets: Mapping[str, Secret]) -> "Desk":
    from decodeat_ops.application.desk import Desk
    from decodeat_ops.deployment import image as images_of
    from decodeat_ops.deployment.ledger import StateLedger
    from decodeat_ops.targets.common import image
    from decodeat_ops.targets.local import boot
    from decodeat_ops.targets.local.data import LocalData
    from decodeat_ops.targets.local.target import Local
    from decodeat_ops.targets.local.view import LocalView

    machine = _machine(loaded)
    machine.require_places()
    images = open_images(loaded)
    return Desk(
        loaded=loaded,
        target=Local(machine, secrets, boot.look()),
        view=LocalView(machine, secrets),
        data=LocalData(machine),
        ledger=StateLedger(machine.layout, loaded),
        records=machine.layout.records,
        secrets=secrets,
        images=images,
        repository=partial(images_of.repository, loaded),
        shared=image.bound(loaded, images),
    )


def _machine(loaded: "Loaded") -> "Machine":
    from decodeat_ops.adapters.direct_http import DirectHttp
    from decodeat_ops.deployment.machine import Machine

    return Machine(loaded, this_machine(), DirectHttp())


def _ecs(loaded: "Loaded", secrets: Mapping[str, Secret]) -> "Desk":
    from decodeat_ops.application.desk import Desk
    from decodeat_ops.deployment.ledger import StateLedger
    from decodeat_ops.targets.common import image
    from decodeat_ops.targets.ecs import names
    from decodeat_ops.targets.ecs.data import EcsData
    from decodeat_ops.targets.ecs.target import Ecs
    from decodeat_ops.targets.ecs.view import EcsView

    place = _place(loaded)
    return Desk(
        loaded=loaded,
        target=Ecs(place, secrets),
        view=EcsView(place, secrets),
        data=EcsData(place),
        ledger=StateLedger(place.layout, loaded),
        records=place.layout.records,
        secrets=secrets,
        images=place.images,
        repository=partial(names.built_repository, loaded),
        shared=image.bound(loaded, place.images),
    )


def _vm(loaded: "Loaded", secrets: Mapping[str, Secret]) -> "Desk":
    place = _machines(loaded)
    for remote in place.hosts.values():
        remote.approach()  # which takes some round trips: meanwhile the rest is imported

    import decodeat_ops.adapters.docker_engine  # noqa: F401 # for place.images
    from decodeat_ops.application.desk import Desk
    from decodeat_ops.deployment import image as images_of
    from decodeat_ops.targets.common import image
    from decodeat_ops.targets.vm.data import VmData
    from decodeat_ops.targets.vm.ledger import VmLedger
    from decodeat_ops.targets.vm.target import Vm
    from decodeat_ops.targets.vm.view import VmView

    return Desk(
        loaded=loaded,
        target=Vm(place, secrets),
        view=VmView(place, secrets),
        data=VmData(place),
        ledger=VmLedger(place),
        records=place.layout.records,
        secrets=secrets,
        images=place.images,
        repository=partial(images_of.repository, loaded),
        shared=image.bound(loaded, place.images),
    )


def _machines(loaded: "Loaded") -> "Machines":
    from decodeat_ops.adapters.direct_http import DirectHttp
    from decodeat_ops.adapters.name_lookup import addresses
    from decodeat_ops.adapters.ssh.remote import SshRemote
    from decodeat_ops.adapters.system_clock import SystemClock
    from decodeat_ops.adapters.tls_handshake import TlsHandshake
    from decodeat_ops.targets.vm.names import Names
    from decodeat_ops.targets.vm.place import Place

    vm = loaded.settings.vm
    config = str(loaded.path(vm.ssh_config)) if vm.ssh_config else ""
    reached = partial(SshRemote, operator=this_operator(), config=config, user=vm.user)  # each time a new connection
    hosts, images = {name: reached(name) for name in vm.hosts}, open_images(loaded)
    known = (this_machine(), images, SystemClock(), TlsHandshake())
    return Place(loaded, Names.of(loaded), hosts, DirectHttp(), *known, another=reached, addresses=addresses)


def _place(loaded: "Loaded") -> "Place":
    from decodeat_ops.adapters.aws import Sdk
    from decodeat_ops.adapters.direct_http import DirectHttp
    from decodeat_ops.adapters.system_clock import SystemClock
    from decodeat_ops.targets.ecs.identity import OwnAccount
    from decodeat_ops.targets.ecs.names import Names
    from decodeat_ops.targets.ecs.place import Place

    ecs, names, clock = loaded.settings.ecs, Names.of(loaded), SystemClock()
    aws = OwnAccount(Sdk(ecs.profile, ecs.region, ecs.role, ecs.endpoint), names.account)

    @cache
    def images() -> "Images":
        from decodeat_ops.adapters.docker_engine import DockerEngine
        from decodeat_ops.deployment import image
        from decodeat_ops.targets.ecs.login import EcrLogins

        return DockerEngine.opened(EcrLogins(aws, image.logins(loaded), clock))

    return Place(loaded, names, aws, DirectHttp(), this_machine(), images, clock)
