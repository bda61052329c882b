"""Carry out the steps that build, claim and leave Python environments, which deployments share."""

import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.deployment import claims, environments, files, source
from decodeat_ops.deployment.inputs import environment_path
from decodeat_ops.deployment.tools import Context, Tools
from decodeat_ops.engine.executor import Actions, Results
from decodeat_ops.settings import trust
from decodeat_ops.supervisor.unit import Unit

POLL_SECONDS = 0.2


def environment(context: Context, params: Params) -> Results | None:
    """Build the Python environment for a dependency lock, unless an undamaged one is there."""
    tools = context.tools
    lock = Path(params["lock_file"])
    home = environment_path(tools.environments, params["lock"])
    trust.private_directory(tools.environments)
    with _alone(context, tools.environments / f".{home.name}.lock"):
        if (home / environments.MARK).exists():
            damage = environments.damage(tools.host, home, "--files")
            if not damage:
                return {"built": False}
            context.progress(f"building it anew: {damage}")
        if source.lock_digest(lock) != params["lock"]:
            raise StepFailed(f"{lock} changed since the plan was made.", hint="Run the command again.")
        partial = home.with_name(f".{home.name}.partial")
        files.discard(partial)
        _build(context, lock, partial)
        damaged = home.with_name(f".{home.name}.removed")
        files.discard(damaged)
        if home.exists():
            home.rename(damaged)
        partial.rename(home)
        files.discard(damaged)
    return {"built": True}


def claimed_environment(context: Context, params: Params) -> Results | None:
    """Claim the environment, then build it: so the removal of another deployment doesn't delete it meanwhile."""
    tools = context.tools
    trust.private_directory(tools.environments)
    claims.claim(tools.environments, environment_path(tools.environments, params["lock"]).name, tools.layout.root)
    return environment(context, params)


def leave_environments(context: Context, params: Params) -> Results | None:
    """Give up the environments that no release here runs in, and delete those that no other deployment uses."""
    tools = context.tools
    root, removed = tools.layout.root, []
    for name in unneeded_environments(tools):
        with _alone(context, tools.environments / f".{name}.lock"):
            if claims.unused(tools.environments, name, root):
                files.remove_tree(tools.environments / name)
                claims.forget(tools.environments, name)
                removed.append(name)
            else:
                claims.give_up(tools.environments, name, root)
    return {"environments": removed}


def unneeded_environments(tools: Tools) -> list[str]:
    """Return the claimed environments that no release here runs in; none when one release's environment is unknown."""
    needed = set()
    for unit in tools.layout.releases.glob("*/unit.json"):
        try:
            needed.add(Path(Unit.load(unit).argv[0]).parents[1].name)
        except (OSError, ValueError, TypeError, KeyError, IndexError):
            return []
    return [name for name in claims.claimed(tools.environments, tools.layout.root) if name not in needed]


def _build(context: Context, lock: Path, home: Path) -> None:
    """Install and import everything. `-I` keeps modules in the working directory from replacing installed ones."""
    host = context.tools.host
    python = home / "bin" / "python"
    variables = environments.variables()
    context.progress("creating a virtual environment")
    venv = (sys.executable, "-I", "-m", "venv", str(home))
    _run(context, venv, variables, "The virtual environment could not be made")
    packages = sum(
        1 for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line and not line.startswith(" ")
    )
    context.progress(f"installing {packages} locked packages")
    pip: tuple[str, ...] = (str(python), "-I", "-m", "pip", "install", "--quiet", "--no-input")
    pip += ("--no-deps", "--disable-pip-version-check", "--require-hashes", "--requirement", str(lock))
    variables |= environments.pip_variables(host, python)
    _run(context, pip, variables, "The service's dependencies could not be installed")
    context.progress("importing them")
    problem = environments.damage(host, home, "--write")
    if problem:
        raise StepFailed(
            f"The service's dependencies were installed and can't be used: {problem}.",
            hint="It may need a library that this machine lacks, or the package index may serve a broken copy.",
        )


def drop_environment(context: Context, params: Params) -> None:
    """Delete a half-built environment; a whole one stays, since other deployments may use it."""
    home = environment_path(context.tools.environments, params["lock"])
    files.discard(home.with_name(f".{home.name}.partial"))


def _run(context: Context, argv: tuple[str, ...], variables: Mapping[str, str], what: str) -> None:
    done = context.tools.host.run(argv, env=variables, cwd=Path("/"), timeout=1200)
    if done.status != 0:
        lines = tuple((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise StepFailed(f"{what} (exit {done.status}).", hint="See the lines above.", lines=lines)


@contextlib.contextmanager
def _alone(context: Context, path: Path) -> Iterator[None]:
    """Hold the lock of an environment. Wait for another deployment's build until the operator asks to stop."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _free(descriptor):
            context.checkpoint()
            context.progress("another deployment is at work on it")
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


ACTIONS: Actions = {
    "environment": claimed_environment,
    "leave-environments": leave_environments,
    "drop-environment": drop_environment,
}
