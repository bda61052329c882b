"""Judge the service's variables: what its own code refuses, and secrets that a task definition would show to all."""

from collections.abc import Mapping

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.target import Origin
from decodeat_ops.deployment import service_variables
from decodeat_ops.targets.ecs import documents
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease


def problems(place: Place, release: EcsRelease, origin: Origin, secrets: Mapping[str, Secret]) -> tuple[str, ...]:
    """Return what is wrong with the variables of a release that is made now; one that ran before keeps its own.

    The code here judges them, unless an image is named, which may hold other code. Nothing that looks like a secret may
    stand in plain text in either case: whoever may describe a task definition reads it, for ever. A release whose
    variables are good is not judged again for a while (`Place.unless_good`).
    """
    if origin.how != "built":
        return ()
    return place.unless_good(("variables", release), lambda: _judged(place, origin, secrets), lambda found: not found)


def _judged(place: Place, origin: Origin, secrets: Mapping[str, Secret]) -> tuple[str, ...]:
    loaded = place.loaded
    plain = documents.variables(loaded)
    if origin.package:
        judged = service_variables.judge(place.host, origin.package, loaded, plain, secrets)
        if judged.secret:  # the code has answered
            return tuple(map(str, judged.problems))
    try:
        service_variables.refuse_exposed(place.host, loaded, plain)
    except Configuration as error:
        return error.advice.lines or (f"{error.advice.what} {error.advice.hint}",)
    return ()
