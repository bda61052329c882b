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
from decodeat_ops.deployment.machine import Acts, Machine
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.settings import trust
from decodeat_ops.supervisor.unit import Unit

POLL_SECONDS = 0.2


def environment(machine: Machine, context: Context, params: Params) -> Results | None:
    """Build the Python environment for a dependency lock, unless an undamaged one is there."""
    lock = Path(params["lock_file"])
    home = environment_path(machine.environments, params["lock"])
    trust.private_directory(machine.environments)
    with _alone(context, machine.environments / f".{home.name}.lock"):
        if (home / environments.MARK).exists():
            damage = environments.damage(machine.host, home, "--files")
            if not damage:
                return {"built": False}
            context.progress(f"building it anew: {damage}")
        if source.lock_digest(lock) != params["lock"]:
            raise StepFailed(f"{lock} changed since the plan was made.", hint="Run the command again.")
        partial = home.with_name(f".{home.name}.partial")
        files.discard(partial)
        _build(machine, context, lock, partial)
        damaged = home.with_name(f".{home.name}.removed")
        files.discard(damaged)
        if home.exists():
            home.rename(damaged)
        partial.rename(home)
        files.discard(damaged)
    return {"built": True}


def claimed_environment(machine: Machine, context: Context, params: Params) -> Results | None:
    """Claim the environment, then build it: so the removal of another deployment doesn't delete it meanwhile."""
    trust.private_directory(machine.environments)
    claims.claim(machine.environments, environment_path(machine.environments, params["lock"]).name, machine.layout.root)
    return environment(machine, context, params)


def leave_environments(machine: Machine, context: Context, params: Params) -> Results | None:
    """Give up the environments that no release here runs in, and delete those that no other deployment uses."""
    root, removed = machine.layout.root, []
    for name in unneeded_environments(machine):
        with _alone(context, machine.environments / f".{name}.lock"):
            if claims.unused(machine.environments, name, root):
                files.remove_tree(machine.environments / name)
                claims.forget(machine.environments, name)
                removed.append(name)
            else:
                claims.give_up(machine.environments, name, root)
    return {"environments": removed}


def unneeded_environments(machine: Machine) -> list[str]:
    """Return the claimed environments that no release here runs in; none when one release's environment is unknown."""
    needed = set()
    for unit in machine.layout.releases.glob("*/unit.json"):
        try:
            needed.add(Path(Unit.load(unit).argv[0]).parents[1].name)
        except (OSError, ValueError, TypeError, KeyError, IndexError):
            return []
    return [name for name in claims.claimed(machine.environments, machine.layout.root) if name not in needed]


def _build(machine: Machine, context: Context, lock: Path, home: Path) -> None:
    """Install and import everything. `-I` keeps modules in the working directory from replacing installed ones."""
    host = machine.host
    python = home / "bin" / "python"
    variables = environments.variables()
    context.progress("creating a virtual environment")
    venv = (sys.executable, "-I", "-m", "venv", str(home))
    _run(machine, context, venv, variables, "The virtual environment could not be made")
    packages = sum(
        1 for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line and not line.startswith(" ")
    )
    context.progress(f"installing {packages} locked packages")
    pip: tuple[str, ...] = (str(python), "-I", "-m", "pip", "install", "--quiet", "--no-input")
    pip += ("--no-deps", "--disable-pip-version-check", "--require-hashes", "--requirement", str(lock))
    variables |= environments.pip_variables(host, python)
    _run(machine, context, pip, variables, "The service's dependencies could not be installed")
    context.progress("importing them")
    problem = environments.damage(host, home, "--write")
    if problem:
        raise StepFailed(
            f"The service's dependencies were installed and can't be used: {problem}.",
            hint="It may need a library that this machine lacks, or the package index may serve a broken copy.",
        )


def drop_environment(machine: Machine, context: Context, params: Params) -> None:
    """Delete a half-built environment; a whole one stays, since other deployments may use it."""
    home = environment_path(machine.environments, params["lock"])
    files.discard(home.with_name(f".{home.name}.partial"))


def _run(machine: Machine, context: Context, argv: tuple[str, ...], variables: Mapping[str, str], what: str) -> None:
    done = machine.host.run(argv, env=variables, cwd=Path("/"), timeout=1200)
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


ACTIONS: Acts = {
    "environment": claimed_environment,
    "leave-environments": leave_environments,
    "drop-environment": drop_environment,
}
