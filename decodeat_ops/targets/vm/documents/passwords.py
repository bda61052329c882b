"""Make the secrets that containers are started with, out of those that the settings refer to."""

import hashlib
from collections.abc import Mapping

from decodeat_ops.core.secret import Secret
from decodeat_ops.settings import secrets
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.vm.documents.service import POSTGRES, REDIS, url


def of_service(
    loaded: Loaded, resolved: Mapping[str, Secret], environ: Mapping[str, str] | None = None
) -> dict[str, Secret]:
    """Return the secrets of a colour by variable: the service's own, and addresses with the passwords of our stores.

    Raises `Configuration` when a password can't be read.
    """
    vm, found = loaded.settings.vm, dict(resolved)
    if vm.redis and vm.redis_password:
        found["REDIS_URL"] = url("redis", "", _redis(loaded, environ), REDIS)
    if vm.postgres:
        found["DATABASE_URL"] = url("postgresql", "decodeat", _postgres(loaded, environ), POSTGRES)
    return found


def of_edge(loaded: Loaded, environ: Mapping[str, str] | None = None) -> dict[str, Secret]:
    """Return the secrets of Redis and PostgreSQL by variable. Redis is told its password's digest alone.

    Raises `Configuration` when a password can't be read.
    """
    vm, found = loaded.settings.vm, {}
    if vm.redis and vm.redis_password:
        digest = hashlib.sha256(_redis(loaded, environ).reveal().encode()).hexdigest()
        found["REDIS_PASSWORD_SHA256"] = Secret(digest)
    if vm.postgres:
        found["POSTGRES_PASSWORD"] = _postgres(loaded, environ)
    return found


def _redis(loaded: Loaded, environ: Mapping[str, str] | None) -> Secret:
    return secrets.one(loaded, "vm.redis_password", loaded.settings.vm.redis_password, environ=environ)


def _postgres(loaded: Loaded, environ: Mapping[str, str] | None) -> Secret:
    return secrets.one(loaded, "vm.postgres_password", loaded.settings.vm.postgres_password, environ=environ)
