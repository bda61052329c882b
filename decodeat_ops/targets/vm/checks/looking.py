"""Share one look at all machines between the checks of one run, which follow on each other within seconds."""

from collections.abc import Iterable

from decodeat_ops.core.errors import Unreachable
from decodeat_ops.targets.vm import observing
from decodeat_ops.targets.vm.observed import Seen
from decodeat_ops.targets.vm.place import Place

FRESH = 3.0  # seconds
_KEY = "look of the checks"


def all_of(place: Place) -> tuple[Seen, ...]:
    """Return what every machine has, the silent ones too."""
    at, found = place.remembered.get(_KEY, (float("-inf"), ()))
    if place.clock.now() - at > FRESH or not found:
        found = observing.seen(place)
        place.remembered[_KEY] = (place.clock.now(), found)
    return tuple(found)


def forget(place: Place) -> None:
    """Look anew next time: something was changed."""
    place.remembered.pop(_KEY, None)


def there(place: Place) -> tuple[Seen, ...]:
    """Return what every machine has that answers. Raises `Unreachable` when none does."""
    hosts = all_of(place)
    found = tuple(one for one in hosts if not one.silent)
    if not found:
        raise Unreachable(f"No machine answers: {told(hosts)}.", hint="`decodeat-ops doctor` looks at each of them.")
    return found


def told(hosts: Iterable[Seen]) -> str:
    return "; ".join(f"{one.host}: {one.problem}" for one in hosts)
