"""Bring an image to machines: by their own pull from a registry, or by sending the layers that their engines lack."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from decodeat_ops.core.amounts import megabytes, size
from decodeat_ops.core.errors import Configuration, Lost, OpsError, StepFailed, Unreachable
from decodeat_ops.core.image import Login, Reference, refuses_login
from decodeat_ops.core.layers import BuiltImage, Export
from decodeat_ops.core.remote import Answer, Remote
from decodeat_ops.core.secret import mask
from decodeat_ops.deployment import image as images_of
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm.keeping import guarded, judged, token
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.scripts import frame, images
from decodeat_ops.targets.vm.scripts.images import Stock, stock
from decodeat_ops.targets.vm.side import each

SPARE = 64 * 2**20  # bytes that an engine has to have left beside what comes
_ORPHAN = 300.0  # seconds that a look waits for an earlier script, which may be an engine that unpacks
_PULL = 1800.0  # seconds that a machine may take to pull an image
_FULL = "no space left on device"
_AGAIN = "Run the command again: it sends only what is missing."


@dataclass(frozen=True)
class Arrived:
    """Tell what the image is called there, and what had to move: `brought` are machines, `moved` is in bytes."""

    image: str
    brought: tuple[str, ...] = ()
    moved: int = 0


def stocks(place: Place, hosts: Sequence[Remote], image: str, context: Context) -> Mapping[str, Stock]:
    """Look at what the machines' engines have of an image, side by side."""
    return each(hosts, lambda host: _stock(place, host, image), context)


def _stock(place: Place, host: Remote, image: str) -> Stock:
    script = guarded(place, host.name, images.look(place.names, image), wait=_ORPHAN)
    return stock(_done(judged(host.run(script, timeout=2 * _ORPHAN), host.name), host).stdout)


def _has(place: Place, found: Stock, image: str) -> str:
    """Return what an engine calls the image, "" when it has none: by its name, or by our tag if it means the same."""
    if image in found.named:
        return image
    marked = found.named.get(images.mark(place.names, image))
    return marked.id if marked and (found.packed or marked.id == image) else ""


# By a registry


def pull(place: Place, context: Context, hosts: Sequence[Remote], image: str, made: BuiltImage | None) -> Arrived:
    """Let every machine that lacks repository@digest pull it. `made` is the same image in the engine here, if known."""
    found = stocks(place, hosts, image, context)
    lacking = [host for host in hosts if not _has(place, found[host.name], image)]
    if made is not None:
        _require_room({host.name: (found[host.name], _unpacked(made, found[host.name])) for host in lacking})
    if lacking:
        registry = Reference.parse(image).registry
        login = images_of.logins(place.loaded)(registry)
        context.progress(f"pulling at {_named(lacking)}")
        each(lacking, lambda host: _pull(place, host, image, login), context)
    return Arrived(image, tuple(host.name for host in lacking))


def _pull(place: Place, host: Remote, image: str, login: Login | None) -> None:
    registry = Reference.parse(image).registry
    password = login.password.reveal() if login else ""
    if "\n" in password:
        raise Configuration("A password of a registry is one line.", where="image.password")
    script = images.pull(place.names, image, registry, login.user) if login else images.pull(place.names, image)
    answer = host.run(guarded(place, host.name, script), given=f"{password}\n", timeout=_PULL)
    if judged(answer, host.name).status == 0:
        return
    told = mask(_said(answer), (login.password,) if login else ())
    if answer.status in (images.REFUSED, images.NOT_PULLED) and refuses_login(told):
        raise _login_refused(host.name, registry, login, told)
    if answer.status == images.REFUSED:
        raise StepFailed(
            f"{host.name} could not log in to {registry}: {told}.",
            hint="Can that machine reach the registry? Nothing was pulled.",
        )
    if answer.status == images.NOT_PULLED:
        raise _full(host.name, stock(answer.stdout), 0, told) or StepFailed(
            f"{host.name} could not pull {image}: {told}.",
            hint="Can that machine reach the registry, and does it still have the image? What came is kept: run the "
            "command again.",
        )
    _done(answer, host)


def _login_refused(host: str, registry: str, login: Login | None, told: str) -> Configuration:
    if login is None:
        return Configuration(
            f"{registry} lets {host} pull nothing without a login: {told}.",
            hint=f"Set image.user and image.password, or run `docker login {registry}` as root there.",
            where="image.user",
        )
    return Configuration(
        f"{registry} refuses the login of {login.user} from {host}: {told}.",
        hint="Check image.user and image.password.",
        where="image.password",
    )


# Without one


def send(place: Place, context: Context, hosts: Sequence[Remote], name: str, image: str) -> Arrived:
    """Send every machine the layers that it lacks. `name` is the image's in the engine here, `image` its id if known.

    The engine here is not asked while the id is known and every machine has the image.
    """
    made = None if image else _made(place, name)
    image = image or (made.id if made else "")
    found = stocks(place, hosts, image, context)
    called = {host.name: _has(place, found[host.name], image) for host in hosts}
    lacking = [host for host in hosts if not called[host.name]]
    moved = _Moved(context, len(lacking))
    if lacking:
        made = made or _made(place, name)
        if made.id != image:
            raise StepFailed(f"{name} is another image by now.", hint="Run the command again: it plans anew.")
        missing = {host.name: frozenset(_missing(made, found[host.name])) for host in lacking}
        with place.images().export(name, frozenset().union(*missing.values()), moved.report) as export:
            _require_room({name: (found[name], export.room(layers)) for name, layers in missing.items()})
            moved.total = sum(map(export.length, missing.values()))
            called |= each(lacking, lambda host: _send(place, host, export, image, missing[host.name], moved), context)
    return Arrived(_one(called), tuple(host.name for host in lacking), moved.done)


def _made(place: Place, name: str) -> BuiltImage:
    made = place.images().layers(name)
    if made is None:
        raise StepFailed(
            f"The image {name} is neither at every machine nor in the engine here.",
            hint="`decodeat-ops deploy` builds one of the code here and sends it.",
        )
    return made


def _missing(made: BuiltImage, found: Stock) -> tuple[str, ...]:
    return made.layers if found.packed else made.above(found.images)


def _unpacked(made: BuiltImage, found: Stock) -> int:
    return made.size(_missing(made, found))


def _send(place: Place, host: Remote, export: Export, image: str, layers: frozenset[str], moved: "_Moved") -> str:
    """Send one machine its archive, and return what its engine calls the image.

    When the connection breaks off, a look over a new one tells what came of it. Raises `Lost` when that is not to be
    had, too.
    """
    name = images.mark(place.names, image)
    script = guarded(place, host.name, images.load(place.names, name, token(place, host.name)))
    try:
        answer = host.send(script, moved.through(export.archive(name, layers)))
    except Lost as error:
        return _looked_after(place, host, image, error)
    judged(answer, host.name)
    if answer.status == images.NOT_LOADED:
        told = _said(answer)
        raise _full(host.name, stock(answer.stdout), export.room(layers), told) or StepFailed(
            f"The engine of {host.name} did not take the image: {told}.", hint=_AGAIN
        )
    found = stock(_done(answer, host).stdout)
    loaded = found.named.get(name)
    if loaded is None or loaded.layers != export.image.layers or not (found.packed or loaded.id == image):
        raise StepFailed(
            f"The engine of {host.name} made {loaded.id if loaded else 'nothing'} of the image {image}.",
            hint="Look at that engine's log. Nothing uses what it made.",
        )
    return loaded.id


def _looked_after(place: Place, host: Remote, image: str, error: Lost) -> str:
    try:
        called = _has(place, _stock(place, host, image), image)
    except Unreachable as again:
        raise error from again
    if not called:
        raise StepFailed(
            f"{error.advice.what.rstrip('.')}. Its engine has not taken the image, of which nothing can be used yet.",
            hint=_AGAIN,
        ) from error
    return called


def _one(called: Mapping[str, str]) -> str:
    """Return what the machines call the image. Raises `StepFailed` when they don't agree."""
    names = sorted(set(called.values()))
    if len(names) > 1:
        told = "; ".join(f"{name}: {', '.join(host for host in called if called[host] == name)}" for name in names)
        raise StepFailed(
            f"The machines' engines keep images in different stores, and call this one differently. {told}.",
            hint="Let all engines use the same store (containerd-snapshotter in daemon.json), or set image.repository.",
        )
    return names[0]


class _Moved:
    """Count the bytes that all machines together have been sent, from several threads."""

    def __init__(self, context: Context, machines: int) -> None:
        self._context = context
        self._machines = machines
        self._lock = threading.Lock()
        self.total = 0
        self.done = 0

    def report(self, text: str, done: int = 0, total: int = 0, unit: str = "") -> None:
        self._context.checkpoint()
        self._context.progress(text, done, total, unit)

    def through(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        to = "" if self._machines == 1 else f" to {self._machines} machines"
        for piece in pieces:
            with self._lock:
                self.done += len(piece)
                self.report(f"{megabytes(self.done, self.total)}{to}", self.done, max(self.done, self.total), "bytes")
            yield piece


# What goes wrong


def _require_room(needs: Mapping[str, tuple[Stock, int]]) -> None:
    """Raise `StepFailed` for every machine that has not the room for what will come, before anything comes."""
    short = [(name, found, need + SPARE) for name, (found, need) in needs.items() if 0 <= found.free < need + SPARE]
    if short:
        raise StepFailed(" ".join(_lacks(*one) for one in short), hint=_room_hint())


def _full(host: str, found: Stock, need: int, told: str) -> OpsError | None:
    """Return the error for an engine that found its disk full, None when it says something else."""
    if _FULL not in told:
        return None
    return StepFailed(_lacks(host, found, need + SPARE if need else 0), hint=_room_hint(), lines=(told,))


def _lacks(host: str, found: Stock, need: int) -> str:
    at = found.root or "its engine"
    known = found.free >= 0
    room = f"{size(found.free)} free at {at}" if known else f"how much is free at {at} is unknown"
    needed = f", {size(need)} needed" if need else (", less than it needs" if known else "")
    return f"{host} has no room for the image: {room}{needed}."


def _room_hint() -> str:
    return "`decodeat-ops prune` deletes old releases with their images, `docker system df` shows what else takes room."


def _done(answer: Answer, host: Remote) -> Answer:
    """Return the answer of a script that came to its end. Raises `StepFailed` else."""
    if answer.status == frame.NO_ENGINE:
        raise StepFailed(
            f"The engine of {host.name} does not answer: {_said(answer)}.",
            hint="`systemctl status docker` there tells more; `decodeat-ops bootstrap` installs it.",
        )
    if answer.status:
        raise StepFailed(f"A script at {host.name} ended with status {answer.status}: {_said(answer)}.")
    return answer


def _said(answer: Answer) -> str:
    """Return the last line of what a program said of its failure."""
    said = [line.strip() for line in answer.stderr.splitlines() if line.strip()]
    return said[-1].rstrip(".") if said else "it does not say why"


def _named(hosts: Sequence[Remote]) -> str:
    return hosts[0].name if len(hosts) == 1 else f"{len(hosts)} machines"
