"""Make the network that a deployment's containers are in, and delete one that was made."""

from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm.bootstrap import marks
from decodeat_ops.targets.vm.labels import DEPLOYMENT
from decodeat_ops.targets.vm.place import Acts, Place
from decodeat_ops.targets.vm.scripts.quoting import lines, word

MADE = "decodeat-ops.made"  # its label with the mark of the command

_MAKE = """\
docker network inspect "$name" >/dev/null 2>&1 && exit 0
docker network create --label "$whose" --label "$made" "$name" >/dev/null
"""
_UNMAKE = """\
[ -n "$(docker network ls -q --filter "label=$made" --filter "name=^$name\\$" 2>/dev/null)" ] || exit 0
docker network rm "$name" >/dev/null 2>&1 || echo "the network $name stays: containers are in it by now"
"""


def making(place: Place, mark: str, body: str) -> str:
    """Return the script that makes the network, or takes it back."""
    name = place.names.network
    values = (f"name={word(name)}", f"whose={word(f'{DEPLOYMENT}={name}')}", f"made={word(f'{MADE}={mark}')}")
    return marks.script(mark, "network", lines(*values, body))


def make(place: Place, context: Context, params: Params) -> None:
    """Make the network on each machine. One that is there by now stays as it is."""
    text = making(place, params["mark"], _MAKE)
    marks.at_each(place, context, params, lambda host: marks.run(place, host, text))


def unmake(place: Place, context: Context, params: Params) -> dict[str, list[str]]:
    """Delete the network if it was made by this change; one with containers stays."""
    text = making(place, params["mark"], _UNMAKE)
    return marks.at_each(place, context, params, lambda host: marks.run(place, host, text), undo=True)


ACTIONS: Acts = {"make-network": make, "unmake-network": unmake}
