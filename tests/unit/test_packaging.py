"""Test that what is built for others to install has the files that the tool reads, or names in its errors."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.support.deployments import REPOSITORY

INSTALLED = {"templates": "decodeat_ops/templates", "docs/policies": "decodeat_ops/policies"}


def expected() -> dict[str, bytes]:
    """Return each file that belongs beside the code, by its path in a wheel."""
    found = {"decodeat_ops/templates/docker/Dockerfile": (REPOSITORY / "Dockerfile").read_bytes()}
    for source, target in INSTALLED.items():
        place = REPOSITORY / source
        files = {f"{target}/{path.relative_to(place).as_posix()}": path for path in place.rglob("*") if path.is_file()}
        assert files, source
        found |= {name: path.read_bytes() for name, path in files.items()}
    return found


def test_a_wheel_made_of_the_source_distribution_has_templates_policies_and_dockerfile(tmp_path: Path) -> None:
    argv = (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(REPOSITORY))
    built = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        there = {*archive.namelist()}
        assert expected().keys() <= there
        assert {name for name, content in expected().items() if archive.read(name) != content} == set()
