"""Makes a fresh environment that holds the operator's tool alone: a wheel of this tree and its locked dependencies."""

import argparse
import subprocess
import sys
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
LOCK = REPOSITORY / "decodeat_ops" / "requirements.txt"


def make(directory: Path) -> Path:
    """The environment's directory of programs. Raises CalledProcessError with what pip said."""
    venv.create(directory / "tool", with_pip=True, clear=True)
    programs = directory / "tool" / "bin"
    quiet = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")
    _run(sys.executable, *quiet, "wheel", "--no-deps", "--wheel-dir", str(directory / "wheels"), str(REPOSITORY))
    _run(str(programs / "python"), *quiet, "install", "--no-deps", "--require-hashes", "--requirement", str(LOCK))
    wheel = next((directory / "wheels").glob("decodeat_ops-*.whl"))
    _run(str(programs / "python"), *quiet, "install", "--no-deps", str(wheel))
    return programs


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        done.check_returncode()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    print(make(parser.parse_args().directory))
