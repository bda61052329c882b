"""Render every file of a release on virtual machines, and tell whether two releases are made of the same."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from decodeat_ops import rendering
from decodeat_ops.rendering import quoting
from decodeat_ops.settings import envfile
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.vm import labels
from decodeat_ops.targets.vm.documents import edge, paths
from decodeat_ops.targets.vm.documents.service import keeps_sqlite, secret_names, timeouts, variables
from decodeat_ops.targets.vm.names import API_USER, GROUP, Names

LATER = "(the release's id)"  # stands in a rendered file until a deploy knows it


def files(loaded: Loaded, release_id: str = LATER) -> dict[str, str]:
    """Return the files of a release by their names below its directory; no secret is in any of them.

    Raises `Configuration`.
    """
    plain = variables(loaded) | {"RELEASE_ID": release_id}
    return {
        "service.env": envfile.render(dict(sorted(plain.items()))),
        "compose.yaml": _colour(loaded, plain, release_id),
        "edge/compose.yaml": edge.compose(loaded),
        **edge.nginx(loaded),
    }


def fingerprint(loaded: Loaded, code: str, lock: str, image_inputs: Mapping[str, Any]) -> str:
    """Return the SHA-256 in hex over all that a release is made of: code, lock, image, secrets by name, every file.

    `image_inputs` are what the image is built of. Settings that change no file, such as how many releases are kept, do
    not count.
    """
    made = {
        "code": code,
        "lock": lock,
        "image": dict(image_inputs),
        "files": files(loaded),
        "secrets": loaded.settings.service.secrets,
        "passwords": [loaded.settings.vm.redis_password, loaded.settings.vm.postgres_password],
    }
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()


def _colour(loaded: Loaded, plain: Mapping[str, str], release_id: str) -> str:
    settings = loaded.settings
    values = {
        "paths": paths,
        "names": Names.of(loaded),
        "vm": settings.vm,
        "labels": labels,
        "quoted": quoting.compose,
        "release_id": release_id,
        "user": f"{API_USER}:{GROUP}",
        "environment": sorted(plain.items()),
        "secrets": secret_names(loaded),
        "sqlite": keeps_sqlite(loaded),
        "stop": timeouts(loaded).stop,
        "log_size": f"{int(settings.logs.max_mb * 1024)}k",
        "log_files": settings.logs.keep_files,
    }
    return rendering.render("compose/colour.yaml.j2", values)
