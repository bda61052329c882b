"""Run the unit tests on every other Python that the project supports, and on the next: `python -m tests.pythons`.

Interpreters are looked for on PATH and among pyenv's. Each gets an environment of its own with the locked packages,
wheels alone, and the run fails where they do not install. Missing Pythons are listed as not tested. The record of the
whole run, when there is one, holds the result of each.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from decodeat_ops.deployment import files
from tests.record_results import RESULT

CLASSIFIER = "Programming Language :: Python :: "
NEXT = "3.14"  # not promised: not tested yet
LOCKS = (".ci/build.txt", "tests/requirements.txt")
VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def supported() -> tuple[str, ...]:
    """Return the versions that the project's classifiers promise."""
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    versions = (text.removeprefix(CLASSIFIER) for text in project["classifiers"] if text.startswith(CLASSIFIER))
    return tuple(version for version in versions if "." in version)


def _candidates(version: str) -> Iterator[Path]:
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield Path(on_path)
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(root.glob(f"versions/{version}.*/bin/python"))


def find(version: str) -> Path | None:
    """Return an interpreter of this version that works: one of pyenv's on PATH may print only an error."""
    for candidate in _candidates(version):
        said = subprocess.run((candidate, "-c", VERSION), capture_output=True, text=True, check=False)
        if said.stdout.strip() == version:
            return candidate
    return None


def passes(interpreter: Path, *options: str) -> bool:
    """Run the unit tests in an environment with the locked packages."""
    with tempfile.TemporaryDirectory() as scratch:
        venv = Path(scratch, "venv")
        commands: tuple[tuple[str | Path, ...], ...] = (
            (interpreter, "-m", "venv", venv),
            ("bash", ".ci/venv.sh", venv, *LOCKS),
            (venv / "bin/python", "-m", "pytest", "-q", "-n", "2", "tests/unit", *options),
        )
        environment = {**os.environ, "PIP_ONLY_BINARY": ":all:"}
        return all(subprocess.run(command, env=environment, check=False).returncode == 0 for command in commands)


def main(options: list[str]) -> int:
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    results = {own: "the whole run"}
    for version in (*supported(), NEXT):
        interpreter = find(version)
        if version != own:
            print(f"\nPython {version}: {interpreter or 'not found'}", flush=True)
            results[version] = (
                "not tested" if interpreter is None else "passed" if passes(interpreter, *options) else "failed"
            )
    for version, became in sorted(results.items()):
        print(f"Python {version}: {became}")
    failed = list(results.values()).count("failed")
    if Path(RESULT).exists() and not options:
        record = json.loads(Path(RESULT).read_text())
        record |= {"pythons": results, "failed": record["failed"] + failed}
        files.write(Path(RESULT), json.dumps(record, indent=2) + "\n", mode=0o644)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
