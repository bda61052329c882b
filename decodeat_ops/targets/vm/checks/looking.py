"""Share one look at all machines between the checks of one run, which follow on each other within seconds."""

from collections.abc import Iterable

from decodeat_ops.core.errors import Unreachable
from decodeat_ops.targets.vm import observing
from decodeat_ops.targets.vm.observed import Seen
from decodeat_ops.targets.vm.place import Place


def all_of(place: Place) -> tuple[Seen, ...]:
    """Return what every machine has, the silent ones too."""
    return observing.seen_lately(place)


def there(place: Place) -> tuple[Seen, ...]:
    """Return what every machine has that answers. Raises `Unreachable` when none does."""
    hosts = all_of(place)
    found = tuple(one for one in hosts if not one.silent)
    if not found:
        raise Unreachable(f"No machine answers: {told(hosts)}.", hint="`decodeat-ops doctor` looks at each of them.")
    return found


def told(hosts: Iterable[Seen]) -> str:
    return "; ".join(f"{one.host}: {one.problem}" for one in hosts)
