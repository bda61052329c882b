"""Keep the service's secrets in Secrets Manager, and refer to them by version.

Values of `env:` and `file:` references are in one secret of the deployment, as JSON by variable. A salt lies beside
them, so that a digest of a value, which a release's record shows, can't be tried out by whoever reads the record; every
operator's machine finds the same salt there. What `aws-secretsmanager:` refers to is never read here.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.errors import Configuration, StepFailed
from decodeat_ops.core.secret import Secret
from decodeat_ops.deployment import inputs
from decodeat_ops.targets.ecs.names import DEPLOYMENT
from decodeat_ops.targets.ecs.place import Place

SERVICE = "secretsmanager"
SALT = "decodeat-ops:salt"  # no variable has such a name
CURRENT, PREVIOUS, MISSING = "AWSCURRENT", "AWSPREVIOUS", "ResourceNotFoundException"
Secrets = Mapping[str, Secret]


@dataclass(frozen=True)
class Stored:
    """Hold the current version of the deployment's own secret."""

    arn: str
    version: str
    salt: str = ""
    values: Secrets = field(default_factory=dict, repr=False)


def stored(place: Place) -> Stored | None:
    """Read the deployment's own secret, None when it holds nothing yet.

    Raises `Configuration` when it holds something else than texts by variable, or is about to be deleted.
    """
    name = place.names.secret
    try:
        answer = place.aws.call(SERVICE, "GetSecretValue", SecretId=name)
    except AwsRefused as error:
        if _is_absence(place, error):
            return None
        if error.error == "InvalidRequestException":
            raise Configuration(
                f"The secret {name} can't be read: {error.message}",
                hint=f"If it was deleted by mistake: `aws secretsmanager restore-secret --secret-id {name}`.",
                where=name,
            ) from error
        raise
    found = _parsed(str(answer.get("SecretString", "")), name)
    salt = found.pop(SALT, "")
    values = {variable: Secret(text) for variable, text in found.items()}
    return Stored(str(answer["ARN"]), str(answer["VersionId"]), salt, values)


def _is_absence(place: Place, error: AwsRefused) -> bool:
    """Return whether a value was refused because there is none.

    IAM is asked before the secret is looked for: where there is none, its name fits no ARN that a policy allows.
    """
    return error.error == MISSING or (error.denied and not exists(place))


def _parsed(text: str, name: str) -> dict[str, str]:
    try:
        found = json.loads(text)
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise ValueError("it is no table of texts")
    except ValueError:
        raise Configuration(
            f"The secret {name} does not hold a JSON object of texts by variable.",
            hint="It is this deployment's own by its name. Give the deployment another name, or move that secret away.",
            where=name,
        ) from None  # the cause would repeat the secret
    return found


def own(place: Place, secrets: Secrets) -> dict[str, Secret]:
    """Return the secrets whose values come from the operator's machine."""
    stays = place.loaded.settings.service.references("aws-secretsmanager")
    return {name: secret for name, secret in secrets.items() if name not in stays}


def digest(place: Place, secrets: Secrets) -> str:
    """Return the SHA-256 in hex over every variable, with its value's salted digest or the version that AWS holds.

    What `aws-secretsmanager:` refers to and can't be found counts as "": the verification names all such secrets at
    once, and `references` refuses them.
    """
    values = own(place, secrets)
    grain = salt(place, stored(place)) if values else ""
    lines = {name: secret.digest(grain) for name, secret in values.items()}
    lines |= {name: version for name, (_, version) in _elsewhere(place, _found).items()}
    return hashlib.sha256("\n".join(f"{name}={text}" for name, text in sorted(lines.items())).encode()).hexdigest()


def salt(place: Place, found: Stored | None) -> str:
    """Return the salt beside the values; before there is one, that of the operator's machine, which is stored then."""
    return found.salt if found is not None and found.salt else inputs.salt(place.layout)


def exists(place: Place) -> bool:
    """Return whether the deployment's own secret is there, with a value or without one.

    One that may not be looked at counts as there.
    """
    try:
        place.aws.call(SERVICE, "DescribeSecret", SecretId=place.names.secret)
    except AwsRefused as error:
        return error.error != MISSING
    return True


def differs(place: Place, secrets: Secrets) -> bool:
    """Return whether the secret in AWS has to be written before a release can refer to it."""
    values = own(place, secrets)
    return bool(values) and not _holds(stored(place), values)


def _holds(found: Stored | None, values: Secrets) -> bool:
    return found is not None and bool(found.salt) and all(found.values.get(name) == one for name, one in values.items())


def references(place: Place, secrets: Secrets) -> dict[str, str]:
    """Return what each variable refers to in a task definition, with today's versions.

    Raises `StepFailed` when the deployment's own secret holds other values than `secrets`, `Configuration` when one
    that is referred to is missing or empty.
    """
    values = own(place, secrets)
    found = stored(place) if values else None
    elsewhere = _elsewhere(place, _described)
    refers = {name: f"{arn}:{_parts(place, name)[1]}::{version}" for name, (arn, version) in elsewhere.items()}
    if not values:
        return refers
    if found is None or not _holds(found, values):
        raise StepFailed(
            f"The secret {place.names.secret} does not hold the values that this release needs.",
            hint="Somebody else changed it, or the files here, meanwhile. Run the command again.",
        )
    return refers | {name: f"{found.arn}:{name}::{found.version}" for name in values}


def version(place: Place, secrets: Secrets) -> str:
    """Return the id of the version that `write` would make current, "" when these values are current already.

    The same values are the same version, however often they are written.
    """
    values, found = own(place, secrets), stored(place)
    return "" if _holds(found, values) else _version(values, salt(place, found))


def _version(values: Secrets, grain: str) -> str:
    lines = [f"{name}={secret.digest(grain)}" for name, secret in sorted(values.items())]
    return hashlib.sha256("\n".join((grain, *lines)).encode()).hexdigest()


def write(place: Place, secrets: Secrets) -> dict[str, Any]:
    """Make a version with these values the current one, and the secret if it is missing; may be repeated.

    Return its `version`, and whether that was `written` now and the secret `created`.
    """
    values, found = own(place, secrets), stored(place)
    if found is not None and _holds(found, values):
        return {"version": found.version, "written": False, "created": False}
    grain = salt(place, found)
    wanted = _version(values, grain)
    text = json.dumps({SALT: grain, **{name: secret.reveal() for name, secret in sorted(values.items())}})
    if found is None and _create(place, wanted, text):
        return {"version": wanted, "written": True, "created": True}
    name = place.names.secret
    put = place.aws.call(SERVICE, "PutSecretValue", SecretId=name, ClientRequestToken=wanted, SecretString=text)
    if found is not None and CURRENT not in put.get("VersionStages", ()):
        _move(place, wanted, found.version)  # these values were current before: AWS keeps the version, and leaves it so
    return {"version": wanted, "written": True, "created": False}


def _create(place: Place, wanted: str, text: str) -> bool:
    """Create the secret, and return whether it was missing: it may be there and hold no value."""
    tags = [{"Key": DEPLOYMENT, "Value": place.names.deployment}]
    name = place.names.secret
    try:
        place.aws.call(SERVICE, "CreateSecret", Name=name, ClientRequestToken=wanted, SecretString=text, Tags=tags)
    except AwsRefused as error:
        if error.error == "ResourceExistsException":
            return False
        raise
    return True


def unwrite(place: Place, wanted: str, *, created: bool = False) -> None:
    """Take back `write` of the version `wanted`: the one before is current again, and a secret made by it goes.

    Nothing is done when another version is current, since somebody wrote one since, or it never was; nor for the
    version "". Releases are not affected, for each refers to its own version.
    """
    if not wanted or _staged(place, CURRENT) != wanted:
        return
    before = _staged(place, PREVIOUS)
    if before:
        _move(place, before, wanted)
    elif created:
        place.aws.call(SERVICE, "DeleteSecret", SecretId=place.names.secret, ForceDeleteWithoutRecovery=True)


def _staged(place: Place, stage: str) -> str:
    """Return the version of the deployment's own secret that has a stage, "" when none has."""
    try:
        return str(
            place.aws.call(SERVICE, "GetSecretValue", SecretId=place.names.secret, VersionStage=stage)["VersionId"]
        )
    except AwsRefused as error:
        if _is_absence(place, error):
            return ""
        raise


def _move(place: Place, to: str, away: str) -> None:
    place.aws.call(
        SERVICE,
        "UpdateSecretVersionStage",
        SecretId=place.names.secret,
        VersionStage=CURRENT,
        MoveToVersionId=to,
        RemoveFromVersionId=away,
    )


def _elsewhere(place: Place, look: Callable[[Place, str], tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return ARN and current version, by `look`, of each secret that the settings refer to in AWS, by variable."""
    found: dict[str, tuple[str, str]] = {}
    known: dict[str, tuple[str, str]] = {}
    for name in sorted(place.loaded.settings.service.references("aws-secretsmanager")):
        secret = _parts(place, name)[0]
        if secret not in known:
            known[secret] = look(place, secret)
        found[name] = known[secret]
    return found


def _parts(place: Place, name: str) -> tuple[str, str]:
    """Return the id of the secret that a variable refers to, and the key in it, "" for all of it."""
    secret, _, key = place.loaded.settings.service.references("aws-secretsmanager")[name].partition("#")
    return secret, key


def _found(place: Place, secret: str) -> tuple[str, str]:
    """Return ARN and current version of a secret, both "" where they can't be told."""
    try:
        return _described(place, secret)
    except (Configuration, AwsRefused):
        return "", ""


def _described(place: Place, secret: str) -> tuple[str, str]:
    try:
        answer = place.aws.call(SERVICE, "DescribeSecret", SecretId=secret)
    except AwsRefused as error:
        if error.error != MISSING:
            raise
        raise Configuration(
            f"There is no secret {secret} in {place.names.region}, account {place.names.account}.",
            hint="Create it, or correct the reference under service.secrets.",
            where="service.secrets",
        ) from error
    current = current_of(answer)
    if not current:
        raise Configuration(f"The secret {secret} holds no value yet.", hint="Store one.", where="service.secrets")
    return str(answer["ARN"]), current


def current_of(described: Mapping[str, Any]) -> str:
    """Return the version of a secret that is current, "" when it holds no value yet."""
    versions = described.get("VersionIdsToStages", {})
    return next((str(version) for version, stages in versions.items() if CURRENT in stages), "")
