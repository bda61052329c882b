"""Base images made here, for no registry is within reach: Debian from this machine's own mirror, and what is on it."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.engine import Engine, in_memory

DEBIAN = "lab/debian:12"
PYTHON = "python:3.11-slim-bookworm"
IMAGES = Path(__file__).parent / "images"

_RELEASE = "bookworm"
_SUITES = (_RELEASE, f"{_RELEASE}-updates", f"{_RELEASE}-security")
_ARCHIVES = ("/debian/", "/debian-security/")  # others may have suites of the same name
# As the official images have it: no manuals, and no package kept once it is installed.
_DPKG = ("force-unsafe-io", *(f"path-exclude=/usr/share/{name}/*" for name in ("doc", "info", "locale", "man")))
_APT = (
    'Dir::Cache::pkgcache ""',
    'Dir::Cache::srcpkgcache ""',
    'Acquire::Languages "none"',
    'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; }',
)
_PIP = frozenset({"index-url", "extra-index-url", "trusted-host", "proxy"})


def debian(engine: Engine) -> str:
    """Debian 12 and its package manager, imported as an image; its name."""
    sources = _sources()
    if not sources:
        pytest.skip("the apt sources of this machine name no archive of Debian 12")
    scratch = engine.directory / "debian"
    argv = ["unshare", "--mount", "sh", "-c", f'{in_memory(scratch)} && exec "$0" "$@"', "mmdebstrap", "--quiet"]
    argv += ["--variant=apt", *(f"--aptopt={line}" for line in _APT), *(f"--dpkgopt={line}" for line in _DPKG)]
    env = {**os.environ, "TMPDIR": str(scratch)}
    # The sources are lines on standard input, and the tree leaves over standard output.
    argv += ["--format=tar", _RELEASE, "-", "-"]
    made = subprocess.run(argv, input=sources.encode(), env=env, capture_output=True, check=False)
    assert made.returncode == 0, made.stderr.decode()
    engine.ok("import", "-", DEBIAN, given=made.stdout)
    return DEBIAN


def python(engine: Engine) -> str:
    """The stand-in for the official Python image, on `debian`; its name."""
    context = engine.directory / "python"
    shutil.copytree(IMAGES / "python", context)
    shutil.copy(os.environ.get("PIP_CERT", "/etc/ssl/certs/ca-certificates.crt"), context / "ca-certificates.crt")
    (context / "pip.conf").write_text(_pip_settings())
    engine.ok("build", "--network", "host", "--quiet", "--tag", PYTHON, str(context))
    return PYTHON


def mirrors() -> set[str]:
    """The archives' addresses, which belong to this machine."""
    return {line.split()[1] for line in _sources().splitlines()}


def _sources() -> str:
    """Where this machine gets Debian 12 from, as lines of a sources.list; "" when it gets something else."""
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    argv = ("apt-get", "indextargets", "--format", form, "Created-By: Packages", "Component: main")
    listed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    lines = [line for line in sorted(set(listed.splitlines())) if line.split()[1] in _SUITES]
    return "".join(f"deb {line}\n" for line in lines if line.split()[0].endswith(_ARCHIVES))


def _pip_settings() -> str:
    """A pip.conf with what this machine's settings say about the index, wherever they are."""
    argv = (sys.executable, "-m", "pip", "config", "list")
    listed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    lines = ["[global]", "cert = /etc/ssl/certs/ca-certificates.crt"]
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        places = [place for place in ast.literal_eval(value).split() if not place.startswith("file:")]
        if name.rpartition(".")[2] in _PIP and places:
            lines.append(f"{name.rpartition('.')[2]} = {' '.join(places)}")
    return "\n".join(lines) + "\n"
