"""Judge machines before anything is changed on them: what refuses a bootstrap, and what is only told."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

from decodeat_ops.core.amounts import size
from decodeat_ops.core.errors import Configuration
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.settings.vm import Vm
from decodeat_ops.targets.vm.bootstrap import packages, systems
from decodeat_ops.targets.vm.bootstrap.ground import Ground, settings_of
from decodeat_ops.targets.vm.names import Names

GIB = 1024**3
# Both colours run for a while at each release, and nginx, Redis, the engine and the system want their share.
BESIDE = GIB // 2
# Room for a release's image beside the one that serves, and for what is unpacked of it meanwhile.
ROOM, EASY_ROOM = 3 * GIB, 10 * GIB
CLOCK, CLOCK_TOLD = 30.0, 3.0  # seconds; certificates and tokens are refused by clocks that are wrong
OLDEST_ENGINE = (20, 10)
MACHINES = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}


def problems(ground: Ground, loaded: Loaded, names: Names, today: date) -> Iterator[str]:
    """Yield all that keeps a machine from being bootstrapped, a sentence each without its end."""
    vm, engine = loaded.settings.vm, ground.engine
    if not ground.root:
        yield "the user there is not root and can't become it by sudo"
    old = systems.life(ground.system, ground.version, ground.pretty, today).problem
    if old:
        yield old
    platform = MACHINES.get(ground.machine, ground.machine)
    if platform != loaded.settings.image.platform:
        yield f"it is {platform}, and images are made for {loaded.settings.image.platform} (image.platform)"
    yield from _sizes(ground, vm)
    yield from _ports(ground, vm, names)
    if abs(ground.offset) - ground.unsure > CLOCK:
        yield f"its clock is {_clock(ground)}: turn on time synchronisation (apt-get install systemd-timesyncd)"
    yield from _engine(ground)
    lack = packages.lacking(ground, upgrades=vm.unattended_upgrades, certificate=vm.certificate)
    if lack.problem:
        yield lack.problem
    if lack.packages:
        if not ground.apt:
            yield f"it has no apt, by which alone bootstrap installs; needed are {packages.DOCKERS_OWN} with Compose v2"
        for address, why in ground.unreached.items():
            if "/dists/" in address:
                yield f"apt does not reach {address}: {why}"
    if engine.said and engine.path and engine.version == "" and "permission denied" in engine.said:
        yield f"the engine refuses even root: {engine.said}"


def _sizes(ground: Ground, vm: Vm) -> Iterator[str]:
    if vm.cpus > ground.cpus:
        yield f"vm.cpus is {vm.cpus:g} and it has {ground.cpus}, at which the engine refuses to start a container"
    wanted = 2 * memory(vm.memory) + BESIDE
    if ground.memory < wanted:
        yield (
            f"it has {size(ground.memory)} of memory; two colours of {vm.memory} (vm.memory) and what runs beside them "
            f"want {size(wanted)}"
        )
    for path, free in ground.free.items():
        if free < ROOM:
            yield f"{size(free)} are free at {path}, and {size(ROOM)} are wanted"


def memory(text: str) -> int:
    """Return an amount of the settings, such as 512m or 2g, in bytes."""
    return int(text[:-1]) * (GIB if text.endswith("g") else GIB // 1024)


def _ports(ground: Ground, vm: Vm, names: Names) -> Iterator[str]:
    for port in (vm.http_port, vm.https_port):
        if port not in ground.listening:
            continue
        publishes = [line.split()[0] for line in ground.published if f":{port}->" in line]
        if names.container("nginx") in publishes:
            continue
        by = publishes or [
            line.split("users:")[1] for line in ground.listeners if f":{port} " in line and "users:" in line
        ]
        yield f"port {port} is taken{f' by {by[0]}' if by else ''}"


def _engine(ground: Ground) -> Iterator[str]:
    engine = ground.engine
    if engine.path.startswith("/snap/"):
        yield "its Docker is a snap, which sees no directory outside of /home: remove it (snap remove docker)"
    if "podman-docker" in ground.packages:
        yield "its docker is podman, which knows neither live restore nor our Compose files: remove podman-docker"
    version = tuple(int(part) for part in engine.version.split(".")[:2] if part.isdigit())
    if engine.version and version < OLDEST_ENGINE:
        yield f"its Docker is {engine.version}, and 20.10 is the oldest that will do"
    try:
        settings_of(engine.file)
    except ValueError as error:
        yield f"/etc/docker/daemon.json can't be read: {error}"


def doubts(ground: Ground, loaded: Loaded, today: date) -> Iterator[str]:
    """Yield what an operator should know of a machine before agreeing."""
    vm = loaded.settings.vm
    young = systems.life(ground.system, ground.version, ground.pretty, today).doubt
    if young:
        yield young
    if ground.cpus < 2 or ground.memory < 3.5 * GIB:
        yield f"{ground.cpus} CPU and {size(ground.memory)} of memory are less than 2 and 4 GB, which are recommended"
    for path, free in ground.free.items():
        if ROOM <= free < EASY_ROOM:
            yield f"{size(free)} are free at {path}; {size(EASY_ROOM)} are recommended"
    if CLOCK_TOLD < abs(ground.offset) - ground.unsure <= CLOCK:
        yield f"its clock is {_clock(ground)}"
    if ground.synchronised is False:
        yield "its clock is not synchronised"
    if not ground.systemd:
        yield "it has no systemd: that Docker starts with the machine is up to you"
    if ground.taken:
        yield f"{', '.join(ground.taken)} there has the number of a container's user or group, and may read its files"
    for address, why in ground.unreached.items():
        if "/dists/" not in address:
            yield f"the registry {address} did not answer apt's way of asking: {why}"
    if not vm.unattended_upgrades and "unattended-upgrades" not in ground.packages:
        yield "it installs no security updates by itself (vm.unattended_upgrades)"


def _clock(ground: Ground) -> str:
    way = "ahead of" if ground.offset > 0 else "behind"
    return f"{abs(ground.offset):.1f} s {way} this machine's, sure to {ground.unsure:.1f} s"


def everything(grounds: Sequence[Ground], loaded: Loaded, names: Names) -> tuple[str, ...]:
    """Return all problems of all machines, a line each."""
    today = _today()
    return tuple(f"{one.host}: {problem}." for one in grounds for problem in problems(one, loaded, names, today))


def refuse(grounds: Sequence[Ground], unseen: Sequence[str], loaded: Loaded, names: Names) -> None:
    """Raise `Configuration` with all problems of all machines; `unseen` are those that could not be looked at."""
    found = (*unseen, *everything(grounds, loaded, names))
    if found:
        count = "One problem keeps" if len(found) == 1 else f"{len(found)} problems keep"
        raise Configuration(
            f"{count} {names.deployment} from being bootstrapped.", hint="Mend what is named above.", lines=found
        )


def told(grounds: Sequence[Ground], loaded: Loaded) -> tuple[tuple[str, str], ...]:
    """Return what an operator should know, as facts of a plan."""
    today, root = _today(), f"{loaded.settings.vm.directory}/{loaded.deployment}"
    also = ("besides", f"directories below {root}, with their owners and modes, before the first step")
    return also, *(("to know", f"{one.host}: {doubt}") for one in grounds for doubt in doubts(one, loaded, today))


def _today() -> date:
    return datetime.now(UTC).date()
