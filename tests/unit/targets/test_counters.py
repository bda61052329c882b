"""Test that a release's counters are in memory, under an unpredictable name, found through our own files."""

import os
import runpy
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops import rendering
from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment import files
from decodeat_ops.targets.local.release_actions import forget_counters

RELEASE = "20260301T010000Z-1abcdef"
VALUES = {"workers": 1, "max_requests": 1, "max_requests_jitter": 1, "request_timeout": 1, "log_level": "info"}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="making what another user owns takes root")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "state")
    made.run.mkdir(parents=True)
    return made


@pytest.fixture
def gunicorn(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[Any], None]]:
    """Run the rendered configuration as gunicorn does."""
    for name, value in {
        "LISTEN_ON": "3 4",
        "SERVICE_LOG": "log",
        "RELEASE_ID": RELEASE,
        "PROMETHEUS_MULTIPROC_DIR": str(layout.metrics(RELEASE)),
    }.items():
        monkeypatch.setenv(name, value)
    conf = layout.root / "gunicorn.conf.py"
    conf.write_text(rendering.render("local/gunicorn.conf.py.j2", VALUES))
    return runpy.run_path(str(conf))


@pytest.fixture
def strangers(tmp_path: Path) -> Iterator[Path]:
    """Make a directory in shared memory that belongs to another user."""
    place = Path("/dev/shm") / f"decodeat-test-{os.getpid()}-{tmp_path.name}"
    place.mkdir()
    (place / "kept").touch()
    os.chown(place, 12345, 12345)
    yield place
    shutil.rmtree(place)


def test_counters_lie_in_a_private_place_with_a_random_name(layout: Layout, gunicorn: dict[str, Any]) -> None:
    link = layout.metrics(RELEASE)
    seen = set()
    for _ in range(2):
        gunicorn["on_starting"](None)
        place = link.readlink()
        seen.add(place)
        assert place.parent == Path("/dev/shm")
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert place.stat().st_uid == os.geteuid()
        assert RELEASE not in place.name
        (place / "counter_1.db").touch()
    first, second = sorted(seen, key=Path.exists)
    assert not first.exists(), "an earlier start's counters are gone"
    gunicorn["on_exit"](None)
    assert not second.exists()
    assert not os.path.lexists(link)


def test_what_a_killed_release_left_in_memory_goes_with_it(layout: Layout, gunicorn: dict[str, Any]) -> None:
    gunicorn["on_starting"](None)
    place = layout.metrics(RELEASE).readlink()
    forget_counters(layout.metrics(RELEASE))
    assert not place.exists()
    assert not os.path.lexists(layout.metrics(RELEASE))
    forget_counters(layout.metrics(RELEASE))


@needs_root
def test_a_name_that_a_stranger_took_after_a_reboot_is_left_alone(
    layout: Layout, gunicorn: dict[str, Any], strangers: Path
) -> None:
    link = layout.metrics(RELEASE)
    link.symlink_to(strangers)
    gunicorn["on_starting"](None)
    assert link.readlink() != strangers
    gunicorn["on_exit"](None)
    link.symlink_to(strangers)
    forget_counters(link)
    assert (strangers / "kept").exists()
    assert not os.path.lexists(link)


@needs_root
def test_a_strangers_link_to_something_of_ours_leads_nowhere(
    layout: Layout, gunicorn: dict[str, Any], strangers: Path, tmp_path: Path
) -> None:
    ours = tmp_path / "ours"
    ours.mkdir()
    planted = strangers / "planted"
    planted.symlink_to(ours)
    os.chown(planted, 12345, 12345, follow_symlinks=False)
    layout.metrics(RELEASE).symlink_to(planted)
    gunicorn["on_exit"](None)
    assert ours.exists()
    layout.metrics(RELEASE).symlink_to(planted)
    forget_counters(layout.metrics(RELEASE))
    assert ours.exists()


@pytest.mark.parametrize("remove", [files.discard, files.remove_tree])
def test_removing_takes_a_link_or_a_file_and_never_what_a_link_leads_to(
    tmp_path: Path, remove: Callable[[Path], None]
) -> None:
    ours = tmp_path / "ours"
    ours.mkdir()
    for name, make in (
        ("link", lambda path: path.symlink_to(ours)),
        ("dangling", lambda path: path.symlink_to("nowhere")),
        ("file", lambda path: path.touch()),
        ("tree", lambda path: (path / "below").mkdir(parents=True)),
    ):
        make(tmp_path / name)  # type: ignore[no-untyped-call]  # a lambda
        remove(tmp_path / name)
        assert not os.path.lexists(tmp_path / name), name
    remove(tmp_path / "absent")
    assert ours.is_dir()
