"""How long `deploy` takes when nothing changed, as a ratio to `status`. Exit 1 when it is over twice.

Run it as `python -m bench.deploy`: it makes a deployment of its own in a temporary directory, measures, removes it.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.pairs import interleaved, report

LIMIT = 2.0
NAME = "measured"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tool(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "decodeat_ops", *words)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--environments", default="", help="directory of Python environments to share with others")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="decodeat-bench-"))
    settings = [f'name = "{NAME}"', "[local]", f"port = {_free_port()}", f'state_dir = "{home}/state"']
    settings.append(f'environments_dir = "{options.environments or home / "environments"}"')
    (home / "decodeat-ops.toml").write_text("\n".join(settings) + "\n")
    (home / "decodeat-ops.env").touch(mode=0o600)
    env = dict(os.environ)
    try:
        subprocess.run(_tool("deploy", "--yes"), cwd=home, env=env, check=True)
        unchanged = _tool("deploy", "--yes", "--json")
        found = interleaved(
            _tool("status", "--json"),
            {"deploy, nothing changed": (unchanged, LIMIT)},
            rounds=options.rounds,
            cwd=home,
            env=env,
        )
        return report("status", found)
    finally:
        name = f"{NAME}-production"
        gone = ("remove", "--yes", "--name", name, "--delete-data", "--delete-backups", "--quiet")
        subprocess.run(_tool(*gone), cwd=home, env=env, check=False)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
