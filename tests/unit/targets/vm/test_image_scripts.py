"""The scripts about images are sound sh, and what they print is read without believing more than they say."""

import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from decodeat_ops.core.layers import BuiltImage
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts import frame, images, prune
from decodeat_ops.targets.vm.scripts.images import Stock, stock

NAMES = Names("demo", PurePosixPath("/opt/decodeat-ops/demo"))
PULLED = "r.example.com/demo@sha256:" + "b" * 64
ID = "sha256:" + "a" * 64
SCRIPTS = {
    "look": images.look(NAMES, ID),
    "load": images.load(NAMES, images.mark(NAMES, ID), "0a"),
    "pull": images.pull(NAMES, PULLED),
    "pull with a login": images.pull(NAMES, PULLED, "r.example.com", "it's"),
    "forget": images.forget(NAMES, (ID, PULLED)),
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_shellcheck_finds_nothing(script: str) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed (Debian's package shellcheck)")
    done = subprocess.run(
        ("shellcheck", "--shell", "sh", "-"), input=script, capture_output=True, text=True, check=False
    )
    assert done.stdout == ""


def test_a_tag_is_of_the_image_and_of_the_deployment() -> None:
    assert images.mark(NAMES, ID) == f"localhost/decodeat-ops/demo:{'a' * 24}"
    assert images.mark(NAMES, PULLED) == f"localhost/decodeat-ops/demo:{'b' * 24}"


def test_what_a_script_prints_is_read() -> None:
    told = f'noise\nstore=containerd\nnamed=x:1 {ID} ["sha256:1","sha256:2"]\nimage={ID} ["sha256:1", "sha256:2"]\n'
    told += f"image={ID} null\nroot=/var/lib/containerd\nfree=17\n"
    named = {"x:1": BuiltImage(ID, ("sha256:1", "sha256:2"))}
    assert stock(told) == Stock("/var/lib/containerd", 17, True, named, (("sha256:1", "sha256:2"), ()))
    assert stock("root=/var/lib/docker\nfree=\n") == Stock("/var/lib/docker")


def test_an_engine_that_goes_away_has_forgotten_nothing(tmp_path: Path) -> None:
    """It answers when the script begins, and not when it is asked for the image."""
    (tmp_path / "demo" / "releases" / "r1").mkdir(parents=True)
    names, docker = Names("demo", PurePosixPath(tmp_path / "demo")), tmp_path / "docker"
    for number, script in enumerate((images.forget(names, [ID]), prune.prune(names, [], [ID], []))):
        docker.write_text(f"#!/bin/sh\n[ $1 = version ] && mkdir {tmp_path}/asked-{number}\n")
        docker.chmod(0o755)
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        done = subprocess.run(("sh", "-c", script), capture_output=True, env=environment, check=False)
        assert done.returncode == frame.NO_ENGINE, done
