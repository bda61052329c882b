"""How long a command takes to start, as a ratio to `python -c pass`. Exit 1 when one is over its limit.

Run it as `python -m bench.startup`; --programs names an environment that bench.venv made before.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from bench import venv
from bench.pairs import interleaved, report

LIMITS = {"--version": 1.7, "--help": 14.0, "config show --json": 14.0}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--programs", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        programs = options.programs or venv.make(home)
        (home / "decodeat-ops.toml").write_text('name = "measured"\n[local]\nport = 8000\n')
        tool = str(programs / "decodeat-ops")
        found = interleaved(
            (str(programs / "python"), "-c", "pass"),
            {line: ((tool, *line.split()), limit) for line, limit in LIMITS.items()},
            rounds=options.rounds,
            cwd=home,
            env={name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        )
        return report("python -c pass", found)


if __name__ == "__main__":
    sys.exit(main())
