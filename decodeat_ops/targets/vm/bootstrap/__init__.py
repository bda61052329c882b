"""Make the ground of a deployment on bare machines: Docker with Compose, a network, updates if asked.

The directories of a deployment come with its ledger, which every change prepares.
"""

import time

from decodeat_ops.core.errors import Configuration, Lost, OpsError, Unreachable
from decodeat_ops.core.names import joined
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.remote import Remote
from decodeat_ops.targets.vm.bootstrap import (
    daemon,
    ground,
    judging,
    looking,
    network,
    packages,
    steps,
    upgrades,
)
from decodeat_ops.targets.vm.bootstrap.ground import Ground
from decodeat_ops.targets.vm.place import Acts, Place
from decodeat_ops.targets.vm.side import each

ACTIONS: Acts = joined(daemon.ACTIONS, network.ACTIONS, packages.ACTIONS, upgrades.ACTIONS)


def plan(place: Place, mark: str, serves_now: str = "") -> Plan | None:
    """Return the plan that makes what is missing and leaves alone what is there, None when nothing is missing.

    `mark` identifies the command. Raises `Configuration` with all problems of all machines, `Unreachable` when the only
    problem is that some can't be reached.
    """
    if not place.hosts:
        raise Configuration("There is no machine to bootstrap.", hint="Name them: vm.hosts.", where="vm.hosts")
    grounds, unseen = looked(place)
    judging.refuse(grounds, unseen, place.loaded, place.names)
    found = steps.steps(grounds, place.loaded, place.names, mark)
    if not found:
        return None
    facts = judging.told(grounds, place.loaded)
    where = ", ".join(place.hosts)
    return Plan("bootstrap", place.names.deployment, where, found, facts, "", serves_now)


def looked(place: Place) -> tuple[tuple[Ground, ...], tuple[str, ...]]:
    """Return the ground of each machine, and a line for each that could not be looked at.

    Raises `Unreachable` when nothing else is known to be wrong with any.
    """
    script = looking.script(place.loaded, place.names)

    def one(host: Remote) -> Ground | OpsError:
        before = time.time()
        try:
            answer = host.run(script, timeout=looking.LASTS)
            return ground.read(host.name, answer.stdout, before, time.time())
        except Lost as error:  # a look changes nothing: there is nothing to find out afterwards
            return Unreachable(error.advice.what, hint=error.advice.hint)
        except OpsError as error:
            return error

    found = each(place.hosts.values(), one)
    grounds = tuple(one for one in found.values() if isinstance(one, Ground))
    errors = {name: one for name, one in found.items() if isinstance(one, OpsError)}
    if errors and not judging.everything(grounds, place.loaded, place.names):
        each([place.hosts[name] for name in errors], lambda host: _raise(errors[host.name]))
    return grounds, tuple(f"{name}: {error.advice.what}" for name, error in errors.items())


def _raise(error: OpsError) -> None:
    raise error
