"""Open the live objects of one deployment: ports, paths and resolved secrets."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from decodeat_ops.core.check import Finding
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.secret import Secret
from decodeat_ops.deployment import identity
from decodeat_ops.deployment.store import Store
from decodeat_ops.deployment.tools import Subject, Tools
from decodeat_ops.settings import trust
from decodeat_ops.settings.schema import Loaded


def state_home() -> Path:
    """Return this tool's directory where a user's programs keep state (XDG base directories)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "decodeat-ops"


def layout_of(loaded: Loaded) -> Layout:
    """Return where this deployment's state is; every command finds it here.

    Raises `Configuration` when it is another deployment's, or another user could have written it.
    """
    chosen = loaded.settings.local.state_dir
    root = identity.place_in(loaded.named(chosen), loaded) if chosen else state_home() / loaded.deployment
    layout = Layout(_trusted(loaded, root, "The state in"))
    Store(layout).check_place()
    identity.check(layout, loaded)
    return layout


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


def open_tools(loaded: Loaded, *, secrets: Mapping[str, Secret] | None = None) -> Tools:
    """Open everything that a command needs for this deployment; secrets are resolved unless given."""
    from decodeat_ops.adapters.direct_http import DirectHttp
    from decodeat_ops.adapters.this_machine import ThisMachine

    if secrets is None:
        from decodeat_ops.settings.secrets import resolve

        secrets = resolve(loaded)
    layout = layout_of(loaded)
    return Tools(
        loaded=loaded,
        layout=layout,
        store=Store(layout),
        host=ThisMachine(),
        http=DirectHttp(),
        environments=environments_of(loaded),
        backups=backups_of(loaded, layout),
        secrets=secrets,
        ask=_ask,
        say=_say,
    )


def _ask(checks: Sequence[str], subject: Subject) -> Sequence[Finding]:
    from decodeat_ops.checks.run import run

    return run(checks, subject)


def _say(finding: Finding) -> str:
    from decodeat_ops.checks.words import sentence

    return sentence(finding)
