"""Ask each name for a file of ours as certificate authorities do, before one of them counts a failure."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.ports import Endpoint
from decodeat_ops.targets.vm.certificates.state import State
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.scripts.certificates import CHALLENGES

PORT = 80  # authorities ask no other one
_ASKS = 5.0  # seconds that an answer may take
_SIDE = 8  # addresses that are asked at once


def addresses(place: Place, names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return where each name leads, by this machine's name servers; nowhere for one that has no address."""
    found = {}
    for name in names:
        try:
            found[name] = tuple(place.addresses(name))
        except Unreachable:
            found[name] = ()
    return found


def known(place: Place, state: State) -> tuple[str, ...]:
    """Return the addresses by which a machine is known: the one that it is connected to, and its own."""
    return tuple(dict.fromkeys((place.hosts[state.host].address, *state.addresses)))


def unresolved(led: Mapping[str, Sequence[str]], own: Sequence[str]) -> Iterator[str]:
    """Yield the names that lead nowhere, a sentence each."""
    for name, to in led.items():
        if not to:
            yield f"{name} has no address in DNS: make an A record of it that leads to {own[0]}"


def problems(place: Place, state: State, names: Sequence[str], token: str, content: str) -> tuple[str, ...]:
    """Return why an authority would not find the file `token` with this content, a sentence each."""
    led, own = addresses(place, names), known(place, state)
    asked = [(name, address) for name, to in led.items() for address in to]

    def ask(one: tuple[str, str]) -> str:
        return _said(place, one, f"/{CHALLENGES}/{token}", content)

    with ThreadPoolExecutor(_SIDE) as pool:
        said = pool.map(ask, asked)
        found = [_sentence(state.host, *one, own, why) for one, why in zip(asked, said, strict=True) if why]
    return (*unresolved(led, own), *found)


def _said(place: Place, one: tuple[str, str], path: str, content: str) -> str:
    """Return what is wrong with the answer for one name and address, "" when it is ours."""
    name, address = one
    endpoint = Endpoint(host=address, port=PORT, name=name)
    try:
        answer = place.http.request(endpoint, "GET", path, timeout=_ASKS)
    except Unreachable as error:
        return f"does not answer ({error.advice.what.rstrip('.')})"
    if answer.status == 200 and answer.body.decode("ascii", "replace").strip() == content:
        return ""
    if answer.status in {301, 302, 307, 308}:
        return f"leads on to {answer.headers.get('location', 'somewhere else')}"
    return f"answers {answer.status} with something else"


def _sentence(host: str, name: str, address: str, own: Sequence[str], why: str) -> str:
    if address not in own:
        return (
            f"{name} leads to {address}, which {why} on port {PORT}, and is no address of {host} ({', '.join(own)}): "
            f"correct the DNS record of {name}, or let that address pass port {PORT} on"
        )
    if why.startswith("does not answer"):
        return (
            f"{name}, {address}: port {PORT} {why}: open it in every firewall, the provider's too; authorities ask no "
            "other port"
        )
    return f"{name}, {address}: port {PORT} {why}: nginx has to answer there, and nothing in front of it"
