"""Hold what reaches a deployment on this machine: its settings, its places, and the ports to processes and HTTP."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Params
from decodeat_ops.core.ports import Host, Http
from decodeat_ops.deployment import places
from decodeat_ops.deployment.store import Store
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.settings.schema import Loaded


@dataclass(frozen=True)
class Machine:
    """Hold one deployment's ports. A place is found at its first use, and refused then if another user may write it."""

    loaded: Loaded
    host: Host
    http: Http

    @cached_property
    def layout(self) -> Layout:
        return places.layout_of(self.loaded)

    @cached_property
    def store(self) -> Store:
        """Return what reads the state. Raises `Configuration` for state of a newer version."""
        store = Store(self.layout)
        store.check_format()
        return store

    @cached_property
    def environments(self) -> Path:
        """Return the directory of Python environments, which the hashes of their dependency locks name."""
        return places.environments_of(self.loaded)

    @cached_property
    def archives(self) -> Path:
        """Return the directory of backups."""
        return places.backups_of(self.loaded, self.layout)

    def require_places(self) -> None:
        """Raise `Configuration` unless every place may be used, before a command begins that may need any of them."""
        _ = (self.layout, self.environments, self.archives, self.store)


Act = Callable[[Machine, Context, Params], Results | None]
Acts = Mapping[str, Act]  # a table of actions before they are bound to one machine
