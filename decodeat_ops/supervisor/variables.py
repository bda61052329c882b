"""Collect the variables that a release is started with; without all of them it is not started."""

import os
from pathlib import Path

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.layout import Layout
from decodeat_ops.settings import envfile
from decodeat_ops.supervisor.process import MARK
from decodeat_ops.supervisor.unit import Unit

ANEW = "`decodeat-ops start` writes its secrets anew"


def variables(layout: Layout, release: str, unit: Unit, sockets: tuple[int, ...]) -> dict[str, str]:
    """Return a release's variables; of the operator's own environment they have only PATH, HOME and TZ.

    Raises `Configuration` when a file or a required variable is missing: the service could be open without it.
    """
    env = {name: os.environ[name] for name in ("PATH", "HOME", "TZ") if name in os.environ}
    env |= {"LANG": "C.UTF-8", **unit.env}
    for path in map(Path, unit.env_files):
        if not path.exists():
            raise Configuration(f"{path.name} is missing, and without it the release is not started; {ANEW}")
        env |= envfile.read(path)
    lacking = [name for name in unit.requires if name not in env]
    if lacking:
        raise Configuration(f"{', '.join(lacking)}: missing in its variables, so that it is not started; {ANEW}")
    return env | {"LISTEN_ON": " ".join(map(str, sockets)), MARK: f"{layout.root}|{release}"}
