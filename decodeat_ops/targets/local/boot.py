"""Start the service again after a reboot: a systemd unit where there is systemd, else a line for a crontab."""

import os
import pwd
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from decodeat_ops import rendering
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.plan import Action, Params, Step
from decodeat_ops.deployment import files
from decodeat_ops.deployment.tools import Context, Tools
from decodeat_ops.engine.executor import Actions, Results
from decodeat_ops.rendering import quoting
from decodeat_ops.settings import envfile, trust
from decodeat_ops.settings.load import NOT_SETTINGS, PREFIX
from decodeat_ops.settings.schema import Loaded

RUNNING = Path("/run/systemd/system")  # exists exactly where systemd is the init that runs (sd_booted(3))
SHELL = ("HOME", "PATH", "TZ", "PYTHONPATH", "XDG_STATE_HOME")


@dataclass(frozen=True)
class Boot:
    """Describe how this machine starts services: with systemd or not, for the system (root) or for one user."""

    systemd: bool
    system: bool
    directory: Path
    user: str = ""  # owner of a user unit, which starts at boot only while lingering is enabled; "" for a system unit

    def unit(self, loaded: Loaded) -> Path:
        return self.directory / f"decodeat-ops-{loaded.deployment}.service"


def look() -> Boot:
    """Return how this machine starts services for this user."""
    root = os.geteuid() == 0
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    place = Path("/etc/systemd/system") if root else home / "systemd" / "user"
    return Boot(RUNNING.is_dir(), root, place, "" if root else pwd.getpwuid(os.geteuid()).pw_name)


def argv(loaded: Loaded) -> tuple[str, ...]:
    """Return the command line that runs this tool with this deployment's settings."""
    return (sys.executable, "-m", "decodeat_ops", "--config", str(loaded.files[0].resolve()), "--env", loaded.env)


def carried(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the shell's variables that are needed at boot: those in `SHELL`, and settings given as variables.

    The command line has `--config` and `--env`, so their variables are left out; so is HOME when it is the user's own.
    """
    ours = {f"{PREFIX}{name}" for name in NOT_SETTINGS}
    settings = [name for name in sorted(environ) if name.startswith(PREFIX) and name not in ours]
    found = {name: environ[name] for name in (*SHELL, *settings) if environ.get(name)}
    if found.get("HOME") == pwd.getpwuid(os.geteuid()).pw_dir:
        del found["HOME"]
    return found


def lost_secrets(loaded: Loaded, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return variables whose secret is in this shell alone: units and crontabs hold no secret, so a boot lacks it."""
    service = loaded.settings.service
    path = loaded.path(service.env_file)
    try:
        stored = envfile.read(path, private=True)
    except Configuration:
        stored = {}  # missing or unusable now, and at boot too
    return tuple(name for name in service.references("env").values() if name in environ and name not in stored)


def cron_line(loaded: Loaded, environ: Mapping[str, str] = os.environ) -> str:
    return f"@reboot {quoting.cron((*argv(loaded), 'start', '--yes'), carried(environ))}"


def text(loaded: Loaded, boot: Boot, environ: Mapping[str, str] = os.environ) -> str:
    local = loaded.settings.local
    values = {
        "deployment": loaded.deployment,
        "command": quoting.systemd_command(argv(loaded)),
        "variables": [quoting.systemd(f"{name}={value}") for name, value in carried(environ).items()],
        "system": boot.system,
        "start_seconds": int(local.ready_timeout) + 60,
        "stop_seconds": int(2 * local.drain_timeout) + 60,
    }
    return rendering.render("systemd/decodeat-ops.service.j2", values)


def missing(tools: Tools, boot: Boot) -> str:
    """Return why systemd would not start the deployment after a reboot, "" when it would. Changes nothing."""
    unit = boot.unit(tools.loaded)
    try:
        lines = unit.read_text().splitlines()
    except OSError as error:
        return f"{unit} can't be read: {error.strerror}"
    if _command(tools.loaded) not in lines:
        return f"{unit} starts another command than this one"
    if _systemctl(tools, boot.system, "is-enabled", unit.name):
        return f"{unit.name} is not enabled"
    if boot.user and not _lingers(tools, boot.user):
        return f"{unit.name} runs only while {boot.user} is logged in"
    return ""


def _command(loaded: Loaded) -> str:
    return f"ExecStart={quoting.systemd_command(argv(loaded))} start --yes"


def step(loaded: Loaded, boot: Boot) -> Step:
    """Return the step that writes and enables the unit, after the commit, since what serves doesn't depend on it."""
    path = str(boot.unit(loaded))
    lingering = (f"lingering for {boot.user}: it starts at boot, not at login",) if boot.user else ()
    return Step(
        id="boot",
        title="Come back after a reboot",
        do=Action("boot-unit", {"path": path, "text": text(loaded, boot), "system": boot.system, "user": boot.user}),
        produces=("problem",),
        preview=(f"systemd unit {path}, enabled", *lingering),
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
    """Run systemctl and return why it failed, "" when it didn't."""
    done = tools.host.run(("systemctl", *(() if system else ("--user",)), *words), timeout=30)
    return "" if done.status == 0 else f"systemctl {' '.join(words)}: {(done.stderr or done.stdout).strip()[-200:]}"


def write_unit(context: Context, params: Params) -> Results | None:
    """Write and enable the unit. When that fails, return the problem instead of failing the deploy.

    It is enabled again each time: an unchanged file doesn't prove that systemd knows the unit and starts it.
    """
    tools = context.tools
    path, system = Path(params["path"]), params["system"]
    try:
        if not path.exists() or path.read_text() != params["text"]:
            # Missing only for a user, whose configuration is private (XDG base directories); the system's is there.
            trust.private_directory(path.parent)
            files.write(path, params["text"], 0o644)
    except OSError as error:
        return {"problem": f"{path} could not be written: {error.strerror}"}
    problem = _systemctl(tools, system, "daemon-reload") or _systemctl(tools, system, "enable", path.name)
    return {"problem": problem or _linger(tools, params.get("user", ""))}


def _linger(tools: Tools, user: str) -> str:
    """Enable lingering. Return why a user's unit would run only between login and logout, "" when it starts at boot."""
    if not user or _lingers(tools, user):
        return ""
    done = tools.host.run(("loginctl", "enable-linger"), timeout=30)
    if _lingers(tools, user):
        return ""
    why = (done.stderr or done.stdout).strip()[-200:] or "loginctl did not enable lingering"
    return f"the unit runs only while {user} is logged in ({why}); as root: loginctl enable-linger {user}"


def _lingers(tools: Tools, user: str) -> bool:
    shown = tools.host.run(("loginctl", "show-user", user, "--property=Linger"), timeout=30)
    return shown.status == 0 and shown.stdout.strip() == "Linger=yes"


def remove_unit(context: Context, params: Params) -> Results | None:
    tools = context.tools
    path = Path(params["path"])
    if not path.exists():
        return None
    problem = _systemctl(tools, params["system"], "disable", path.name)
    path.unlink()
    problem = "; ".join(filter(None, (problem, _systemctl(tools, params["system"], "daemon-reload"))))
    return (
        {"warnings": [f"The unit {path.name} is deleted, and systemd may still know it: {problem}."]}
        if problem
        else None
    )


ACTIONS: Actions = {"boot-unit": write_unit, "boot-remove": remove_unit}
