"""Hold what reaches a deployment on this machine: its settings, its paths, and the ports to processes and HTTP."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Params
from decodeat_ops.core.ports import Host, Http
from decodeat_ops.deployment.store import Store
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.settings.schema import Loaded


@dataclass(frozen=True)
class Machine:
    """Hold one deployment's paths and ports."""

    loaded: Loaded
    layout: Layout
    store: Store
    host: Host
    http: Http
    environments: Path  # Python environments by lock hash
    archives: Path  # where backups go


Act = Callable[[Machine, Context, Params], Results | None]
Acts = Mapping[str, Act]  # a table of actions before they are bound to one machine
