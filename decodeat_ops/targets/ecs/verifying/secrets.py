"""Judge whether each secret that a task starts with is there, with its JSON key."""

import json
from typing import Any

from decodeat_ops.core.aws import Answer
from decodeat_ops.targets.ecs.findings import Findings, listed
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.rights import own_secrets

LOGIN = ("username", "password")  # the keys that ECS reads a registry's login from
NO_SECRET = frozenset({"ResourceNotFoundException"})


def judge(place: Place, findings: Findings) -> None:
    """Add secrets that are missing, marked for deletion, or without a key that is referred to, to the problems."""
    names = place.names
    if own_secrets(place):
        _own(place, findings)
    for secret, keys in _referred(place).items():
        _judge(place, secret, keys, findings)
    if names.pull_secret:
        _judge(place, names.pull_secret, LOGIN, findings)


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
    told = findings.ask(
        f"the secret {name}",
        lambda: place.aws.call("secretsmanager", "DescribeSecret", SecretId=name),
        NO_SECRET,
    )
    if told is not None and told.get("DeletedDate"):
        findings.problem(f"the secret {name} is marked for deletion; restore it or wait until it is gone")


def _judge(place: Place, secret: str, keys: tuple[str, ...], findings: Findings) -> None:
    told = findings.look(
        f"the secret {secret}",
        lambda: place.aws.call("secretsmanager", "GetSecretValue", SecretId=secret),
        NO_SECRET,
        f"there is no secret {secret}",
    )
    wanted = {key for key in keys if key}
    if told is None or not wanted:
        return
    lacking = wanted - _keys(told)
    if lacking:
        findings.problem(f"the secret {secret} has no key {listed(lacking)}; its value is a JSON object of texts")


def _keys(told: Answer) -> set[str]:
    """Return the keys of a secret's JSON object, none when its value is no such thing. The values go no further."""
    try:
        value: Any = json.loads(told.get("SecretString") or "")
    except ValueError:
        return set()
    return {key for key, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else set()
