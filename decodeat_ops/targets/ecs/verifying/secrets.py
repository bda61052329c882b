"""Judge whether each secret that a task starts with is there, with its JSON key."""

import json
from typing import Any

from decodeat_ops.core.aws import Answer, AwsRefused
from decodeat_ops.targets.ecs import secrets
from decodeat_ops.targets.ecs.arns import SUFFIX, Arns
from decodeat_ops.targets.ecs.findings import Findings, listed
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.rights import own_secrets

LOGIN = ("username", "password")  # the keys that ECS reads a registry's login from
NO_SECRET = frozenset({secrets.MISSING})


def judge(place: Place, findings: Findings) -> None:
    """Add secrets that are missing, marked for deletion, or without a key that is referred to, to the problems."""
    names = place.names
    if own_secrets(place):
        _own(place, findings)
    for secret, keys in _referred(place).items():
        if _there(place, secret, findings):
            _keyed(place, secret, keys, findings)
    if names.pull_secret:
        _keyed(place, names.pull_secret, LOGIN, findings)


def _referred(place: Place) -> dict[str, tuple[str, ...]]:
    """Return the JSON keys that references name of each secret of Secrets Manager; "" stands for its whole value."""
    found: dict[str, tuple[str, ...]] = {}
    for reference in place.loaded.settings.service.references("aws-secretsmanager").values():
        secret, _, key = reference.partition("#")
        found[secret] = (*found.get(secret, ()), key)
    return found


def _own(place: Place, findings: Findings) -> None:
    """Ask for no value: a deploy writes the secret where it is missing or differs."""
    name = place.names.secret
    told = findings.ask(f"the secret {name}", lambda: _described(place, name), NO_SECRET)
    if told is not None:
        _marked(name, told, findings)


def _there(place: Place, secret: str, findings: Findings) -> bool:
    """Return whether a secret may be there, and add what keeps a task definition from naming its version.

    A look that is denied is a problem here: without the version nothing can be registered.
    """
    try:
        told = _described(place, secret)
    except AwsRefused as error:
        if not error.denied:
            there = f"the secret {secret} could not be looked at: {error.message.rstrip('.')} ({error.error})"
            findings.problem(f"there is no secret {secret}" if error.error in NO_SECRET else there)
            return False
        findings.problem(f"the version of the secret {secret} can't be named: {error.operation} is denied")
        return True
    if _marked(secret, told, findings):
        return False
    if not secrets.current_of(told):
        findings.problem(f"the secret {secret} holds no value yet")
        return False
    return True


def _described(place: Place, secret: str) -> Answer:
    return _noted(place, secret, place.aws.call("secretsmanager", "DescribeSecret", SecretId=secret))


def _noted(place: Place, secret: str, told: Answer) -> Answer:
    place.remembered["ARN of secret", secret] = told.get("ARN", "")
    return told


def arn(place: Place, secret: str) -> str:
    """Return the ARN of a secret that was looked at, or one that it may have: AWS ends it with six characters."""
    known = place.remembered.get(("ARN of secret", secret))
    return str(known) if known else Arns(place.names).secret(secret).replace(SUFFIX, "-000000")


def _marked(secret: str, told: Answer, findings: Findings) -> bool:
    """Return whether a secret is about to be deleted, which is a problem."""
    if told.get("DeletedDate"):
        findings.problem(f"the secret {secret} is marked for deletion; restore it or wait until it is gone")
    return bool(told.get("DeletedDate"))


def _keyed(place: Place, secret: str, keys: tuple[str, ...], findings: Findings) -> None:
    """Look for the keys in a secret's value, which is not read where no key is named."""
    wanted = {key for key in keys if key}
    if not wanted:
        return
    told = findings.look(
        f"the secret {secret}",
        lambda: _noted(place, secret, place.aws.call("secretsmanager", "GetSecretValue", SecretId=secret)),
        NO_SECRET,
        f"there is no secret {secret} with a value",
    )
    lacking = wanted - _keys(told) if told is not None else set()
    if lacking:
        findings.problem(f"the secret {secret} has no key {listed(lacking)}; its value is a JSON object of texts")


def _keys(told: Answer) -> set[str]:
    """Return the keys of a secret's JSON object, none when its value is no such thing. The values go no further."""
    try:
        value: Any = json.loads(told.get("SecretString") or "")
    except ValueError:
        return set()
    return {key for key, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else set()
