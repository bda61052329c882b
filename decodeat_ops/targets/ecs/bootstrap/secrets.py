"""Make the secrets that tasks start with, and delete those that were made."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from decodeat_ops.core.aws import Answer, AwsRefused
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.plan import Action, Params, Step
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.target import Steps
from decodeat_ops.engine.executor import Context
from decodeat_ops.settings import secrets as references
from decodeat_ops.targets.ecs import secrets as stored
from decodeat_ops.targets.ecs.bootstrap.marks import MARK, of_pairs, pairs, tags
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.rights import own_secrets
from decodeat_ops.targets.ecs.verifying.secrets import NO_SECRET

_THERE = frozenset({"ResourceExistsException"})
_LOGIN = "image.password"
Secrets = Mapping[str, Secret]


def steps(place: Place, secrets: Secrets, mark: str) -> Steps:
    """Return the steps that make the secrets that are missing; no step contains a value.

    Raises `Configuration` when one is marked for deletion, which keeps its name.
    """
    names, variables = place.names, own_secrets(place)
    made: list[Step] = []
    if variables and not _there(place, names.secret):
        about = {"version": stored.version(place, secrets)}
        says = f"CreateSecret {names.secret} with {', '.join(variables)}"
        made.append(_step("secret", "Make the secret of the service", about, says))
    user = place.loaded.settings.image.user
    if names.pull_secret and user and not names.pull_secret.startswith("arn:") and not _there(place, names.pull_secret):
        about = {"secret": names.pull_secret, "mark": mark}
        says = f"CreateSecret {names.pull_secret} with the login of {user}"
        made.append(_step("pull-secret", "Make the secret of the image registry", about, says))
    return tuple(made)


def _step(name: str, title: str, about: Mapping[str, Any], says: str) -> Step:
    return Step(name, title, Action(f"make-{name}", about), undo=Action(f"unmake-{name}", about), preview=(says,))


def make(place: Place, context: Context, params: Params) -> None:
    """Make the secret of the values that the service's variables have today."""
    stored.write(place, context.secrets)


def unmake(place: Place, context: Context, params: Params) -> None:
    """Delete the secret, unless it holds another version by now than the one that was made."""
    stored.unwrite(place, params["version"], created=True)


def make_pull(place: Place, context: Context, params: Params) -> None:
    """Make the secret with which tasks log in to the registry. Raises `Configuration` when its password is missing.

    After a lost answer the same call again finds what the first one made.
    """
    image, name, mark = place.loaded.settings.image, params["secret"], params["mark"]
    password = references.one(place.loaded, _LOGIN, image.password)
    try:
        place.aws.call(
            "secretsmanager",
            "CreateSecret",
            Name=name,
            Description="Made by decodeat-ops",
            ClientRequestToken=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name}#{mark}")),
            SecretString=json.dumps({"username": image.user, "password": password.reveal()}),
            Tags=pairs(tags(place, mark)),
        )
    except AwsRefused as error:
        if error.error not in _THERE:
            raise


def unmake_pull(place: Place, context: Context, params: Params) -> None:
    """Delete the registry's secret at once if it was made by this change."""
    told = _told(place, params["secret"])
    if told is None or of_pairs(told.get("Tags", ())).get(MARK) != params["mark"]:
        return
    place.aws.call("secretsmanager", "DeleteSecret", SecretId=params["secret"], ForceDeleteWithoutRecovery=True)


def _there(place: Place, name: str) -> bool:
    told = _told(place, name)
    if told is None:
        return False
    if told.get("DeletedDate"):
        raise Configuration(
            f"The secret {name} is marked for deletion, and its name is taken until it is gone.",
            hint=f"`aws secretsmanager restore-secret --secret-id {name}` brings it back.",
        )
    return True


def _told(place: Place, name: str) -> Answer | None:
    try:
        return place.aws.call("secretsmanager", "DescribeSecret", SecretId=name)
    except AwsRefused as error:
        if error.error in NO_SECRET:
            return None
        raise


ACTIONS: Acts = {
    "make-secret": make,
    "make-pull-secret": make_pull,
    "unmake-secret": unmake,
    "unmake-pull-secret": unmake_pull,
}
