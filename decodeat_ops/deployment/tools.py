"""Hold the live objects that actions and checks use: ports, paths and settings of one deployment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from decodeat_ops.core.check import Finding
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.ports import Endpoint, Host, Http
from decodeat_ops.core.release import Release
from decodeat_ops.core.secret import Secret
from decodeat_ops.deployment.store import Store
from decodeat_ops.engine import executor
from decodeat_ops.settings.schema import Loaded


@dataclass(frozen=True)
class Tools:
    """Hold one deployment's tools. `ask` runs checks by id on a subject; `say` puts a finding into words."""

    loaded: Loaded
    layout: Layout
    store: Store
    host: Host
    http: Http
    environments: Path  # Python environments by lock hash
    backups: Path  # where archives go
    secrets: Mapping[str, Secret] = field(default_factory=dict)  # resolved, by variable of the service
    ask: "Ask | None" = None
    say: Callable[[Finding], str] = repr


Context = executor.Context[Tools]  # what each action of a deployment gets


@dataclass(frozen=True)
class Subject:
    """Name what a check asks about: a release (None before the first deploy) and where it answers."""

    tools: Tools
    release: Release | None
    endpoint: Endpoint | None


Ask = Callable[[Sequence[str], Subject], Sequence[Finding]]
