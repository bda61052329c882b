"""Find where a deployment keeps its state, its archives and its Python environments."""

import os
from pathlib import Path

from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment import identity
from decodeat_ops.deployment.store import Store
from decodeat_ops.settings import trust
from decodeat_ops.settings.schema import Loaded


def state_home() -> Path:
    """Return this tool's directory where a user's programs keep state (XDG base directories)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "decodeat-ops"


def layout_of(loaded: Loaded) -> Layout:
    """Return where this deployment's state is; every command finds it here.

    Raises `Configuration` when it is another deployment's, or another user could have written it.
    """
    layout = Layout(_trusted(loaded, _root(loaded), "The state in"))
    Store(layout).check_place()
    identity.check(layout, loaded)
    return layout


def _root(loaded: Loaded) -> Path:
    chosen = loaded.settings.local.state_dir
    if loaded.settings.target == "local":
        return identity.place_in(loaded.named(chosen), loaded) if chosen else state_home() / loaded.deployment
    # Beside the state of a deployment of the same name on this machine, which is another one.
    parent = loaded.named(chosen) if chosen else state_home()
    return parent / f"{loaded.deployment}-{loaded.settings.target}"


def backups_of(loaded: Loaded, layout: Layout | None = None) -> Path:
    """Return the archives' directory. A caller that has the `layout` gives it, so that it is not checked again.

    Raises `Configuration` when another user could have put archives there.
    """
    chosen = loaded.settings.backup.directory or (layout or layout_of(loaded)).backups
    return _trusted(loaded, chosen, "The archives in")


def environments_of(loaded: Loaded) -> Path:
    """Return the Python environments' directory. Raises `Configuration` when another user could have written it."""
    chosen = loaded.settings.local.environments_dir or state_home() / "environments"
    return _trusted(loaded, chosen, "The Python environments in")


def _trusted(loaded: Loaded, place: str | Path, what: str) -> Path:
    trust.check(loaded.named(str(place)), what)
    return loaded.path(str(place))
