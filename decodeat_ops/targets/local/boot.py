"""Back after a reboot: a systemd unit where there is systemd, else a line for the operator's crontab."""

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decodeat_ops import rendering
from decodeat_ops.core.plan import Action, Step
from decodeat_ops.deployment import files
from decodeat_ops.deployment.tools import Tools
from decodeat_ops.engine.executor import Actions, Context, Results
from decodeat_ops.settings.schema import Loaded

RUNNING = Path("/run/systemd/system")  # exists exactly where systemd is the init that runs (sd_booted(3))


@dataclass(frozen=True)
class Boot:
    """How this machine starts things: with systemd or not, for the whole system (root) or for one user."""

    systemd: bool
    system: bool
    directory: Path

    def unit(self, loaded: Loaded) -> Path:
        return self.directory / f"decodeat-ops-{loaded.deployment}.service"


def look() -> Boot:
    """What is there on this machine for this user."""
    root = os.geteuid() == 0
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Boot(RUNNING.is_dir(), root, Path("/etc/systemd/system") if root else home / "systemd" / "user")


def command(loaded: Loaded) -> str:
    """This tool with this deployment's settings, as a command line of its own."""
    argv = (sys.executable, "-m", "decodeat_ops", "--config", str(loaded.files[0].resolve()), "--env", loaded.env)
    return shlex.join(argv)


def cron_line(loaded: Loaded) -> str:
    return f"@reboot {command(loaded)} start --yes"


def text(loaded: Loaded, boot: Boot) -> str:
    local = loaded.settings.local
    values = {
        "deployment": loaded.deployment,
        "command": command(loaded),
        "system": boot.system,
        "start_seconds": int(local.ready_timeout) + 60,
        "stop_seconds": int(2 * local.drain_timeout) + 60,
    }
    return rendering.render("systemd/decodeat-ops.service.j2", values)


def step(loaded: Loaded, boot: Boot) -> Step:
    """Write and enable the unit. It comes after the commit: what serves does not depend on it."""
    path = str(boot.unit(loaded))
    return Step(
        id="boot",
        title="Come back after a reboot",
        do=Action("boot-unit", {"path": path, "text": text(loaded, boot), "system": boot.system}),
        produces=("problem",),
        preview=(f"systemd unit {path}, enabled",),
        after_commit=True,
    )


def undo_step(loaded: Loaded, boot: Boot) -> Step:
    path = str(boot.unit(loaded))
    return Step(
        id="unboot",
        title="Remove the systemd unit",
        do=Action("boot-remove", {"path": path, "system": boot.system}),
        preview=(path,),
        after_commit=True,
    )


def _systemctl(tools: Tools, system: bool, *words: str) -> str:
    """Why systemctl failed, "" when it didn't."""
    done = tools.host.run(("systemctl", *(() if system else ("--user",)), *words), timeout=30)
    return "" if done.status == 0 else f"systemctl {' '.join(words)}: {(done.stderr or done.stdout).strip()[-200:]}"


def write_unit(context: Context, params: Mapping[str, Any]) -> Results | None:
    """A user without a systemd of their own gets the problem told, not a failed deploy."""
    tools: Tools = context.tools
    path = Path(params["path"])
    if path.exists() and path.read_text() == params["text"]:
        return {"problem": ""}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, params["text"], 0o644)
    except OSError as error:
        return {"problem": f"{path} could not be written: {error.strerror}"}
    problem = _systemctl(tools, params["system"], "daemon-reload")
    return {"problem": problem or _systemctl(tools, params["system"], "enable", path.name)}


def remove_unit(context: Context, params: Mapping[str, Any]) -> Results | None:
    tools: Tools = context.tools
    path = Path(params["path"])
    if path.exists():
        _systemctl(tools, params["system"], "disable", path.name)
        path.unlink()
        _systemctl(tools, params["system"], "daemon-reload")
    return None


ACTIONS: Actions = {"boot-unit": write_unit, "boot-remove": remove_unit}
