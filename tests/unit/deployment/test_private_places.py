"""With an umask that protects nothing, no level of a directory that we make may be written by others."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from decodeat_ops import archive
from decodeat_ops.deployment import claims
from decodeat_ops.engine.executor import Context
from decodeat_ops.settings import trust
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.supervisor import process
from decodeat_ops.targets.local import boot
from decodeat_ops.wiring.opening import open_tools
from decodeat_ops.wiring.render import render
from tests.support.umask import careless_umask
from tests.unit.archive.forge import whole

__all__ = ["careless_umask"]


def _settings(home: Path) -> Loaded:
    path = home / "decodeat-ops.toml"
    path.write_text('name = "tested"\n[local]\nstate_dir = "state"\n')
    path.chmod(0o600)
    return load(path, None, {})


def _claim(home: Path) -> Path:
    trust.private_directory(home / "made")
    claims.claim(home / "made", "0123-py311", home / "state")
    return home / "made"


def _unpack(home: Path) -> Path:
    archive.extract(whole(home, {"release/code/decodeat/api/main.py": b"x"}), home / "made")
    return home / "made"


def _unit_of_a_user(home: Path) -> Path:
    loaded = _settings(home)
    place = boot.Boot(systemd=True, system=False, directory=home / "made" / "systemd" / "user")
    tools = open_tools(loaded, secrets={})
    # systemctl answers whatever it answers here; what counts is the file written before it is asked.
    boot.write_unit(Context(tools), boot.step(loaded, place).do.params)
    return home / "made"


def _rendered(home: Path) -> Path:
    render(_settings(home), home / "made" / "out", diff=False)
    return home / "made"


def _log(home: Path) -> Path:
    started = process.start(("/bin/true",), cwd=home, env={}, log=home / "made" / "logs" / "a.log", sockets=())
    assert started.popen is not None
    started.popen.wait(60)
    started.close()
    return home / "made"


def _service_database(home: Path) -> Path:
    program = (
        "import asyncio\nfrom decodeat import values\nfrom decodeat.stores.database import open_engine\n"
        "async def story():\n    engine = open_engine(values.database(''))\n"
        "    async with engine.connect():\n        pass\n    await engine.dispose()\nasyncio.run(story())\n"
    )
    env = {**os.environ, "XDG_STATE_HOME": str(home / "made" / "state")}
    subprocess.run([sys.executable, "-c", program], env=env, check=True, timeout=60)
    return home / "made"


def _service_counters(home: Path) -> Path:
    program = "from decodeat import gunicorn_conf\ngunicorn_conf.on_starting(None)\n"
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(home / "made" / "run" / "counters"), "DATABASE_URL": "none"}
    subprocess.run([sys.executable, "-c", program], env=env, check=True, timeout=60)
    return home / "made"


MAKERS = (_claim, _unpack, _unit_of_a_user, _rendered, _log, _service_database, _service_counters)


@pytest.mark.usefixtures("careless_umask")
@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_each_level_is_for_its_owner_alone(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    top = make(tmp_path)
    levels = [top, *(path for path in top.rglob("*") if path.is_dir())]
    assert len(levels) > 1
    assert {path.stat().st_mode & 0o777 for path in levels} == {0o700}


def test_what_would_take_the_owners_own_rights_away_is_no_matter(tmp_path: Path) -> None:
    before = os.umask(0o777)
    try:
        trust.private_directory(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")] == [0o700, 0o700]
