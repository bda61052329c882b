"""What goes in comes out: any tree, any mode, while it is being written to, and with tar and zstd alone."""

import os
import random
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decodeat_ops import archive
from decodeat_ops.archive import Member
from decodeat_ops.core.errors import Configuration
from tests.support.examples import ONE_FIXTURE, examples
from tests.unit.archive.forge import BLANK, SNAPSHOT, whole

components = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=60
).filter(lambda name: name not in {".", ".."} and len(name.encode()) <= 200)  # fmt: skip
names = st.builds(
    lambda part, folders, name: "/".join([part, *folders, name]),
    st.sampled_from(archive.PARTS), st.lists(components, max_size=3), components,
)  # fmt: skip
trees = st.dictionaries(names, st.tuples(st.binary(max_size=3000), st.integers(0, 0o777)), max_size=12)


def _compatible(tree: Mapping[str, object]) -> bool:
    """No name is a file here and a directory there."""
    return not any(a != b and b.startswith(a + "/") for a in tree for b in tree)


@settings(max_examples=examples(60), suppress_health_check=ONE_FIXTURE)
@given(tree=trees.filter(_compatible))
def test_any_tree(tmp_path: Path, tree: dict[str, tuple[bytes, int]]) -> None:
    home = tmp_path / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    members = []
    for number, (name, (content, mode)) in enumerate(tree.items()):
        source = home / f"source-{number}"
        source.write_bytes(content)
        members.append(Member(name, source, mode))
    path = home / "a.tar.zst"
    written = archive.write(path, BLANK, members)
    assert archive.inspect(path) == archive.extract(path, home / "out") == written
    assert written.partial == ()
    found = {p.relative_to(home / "out").as_posix(): p for p in (home / "out").rglob("*") if p.is_file()}
    assert set(found) == {*tree, archive.NAME}
    for name, (content, mode) in tree.items():
        assert found[name].read_bytes() == content
        assert stat.S_IMODE(found[name].stat().st_mode) == mode | 0o600  # whoever restores must be able to read it


def test_big_files_and_long_names(tmp_path: Path) -> None:
    content = random.Random(3).randbytes(5 << 20)
    name = "logs/" + "/".join(["긴이름" * 20, "d" * 255, "f" * 255])
    path = whole(tmp_path, {name: content, "logs/zeros": b"\0" * (9 << 20)})
    assert set(archive.extract(path, tmp_path / "out").entries()) == {name, "logs/zeros"}
    assert (tmp_path / "out" / name).read_bytes() == content
    assert path.stat().st_size < 6 << 20


def test_it_is_private_and_nothing_half_written_stays(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        path = whole(tmp_path, {"logs/a.log": b"x"})
        archive.extract(path, tmp_path / "out")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "out" / "logs").stat().st_mode) == 0o700
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name, "out", "sources"]


def test_what_a_killed_backup_left_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / f"{SNAPSHOT}.tar.zst"
    archive.partial_path(path).write_bytes(b"half")
    assert whole(tmp_path, {"logs/a.log": b"x"}) == path
    assert archive.inspect(path).partial == ()
    assert not archive.partial_path(path).exists()


@pytest.mark.skipif(not (shutil.which("zstd") and shutil.which("tar")), reason="zstd or tar is not installed here")
def test_tar_and_zstd_alone_open_it(tmp_path: Path) -> None:
    files = {
        "settings/decodeat-ops.toml": b"a = 1\n",
        "release/code/가/b.py": b"pass\n",
        "logs/" + "l" * 200: b"line\n",
    }
    path = whole(tmp_path, files)
    (tmp_path / "out").mkdir()
    subprocess.run(["zstd", "--test", "--quiet", path], check=True)
    listing = subprocess.run(["zstd", "-lv", path], check=True, capture_output=True, text=True).stdout
    assert "XXH64" in listing  # the checksum that zstd leaves out unless it is told
    command = 'zstd --decompress --stdout "$1" | tar --extract --directory "$2"'
    subprocess.run(["bash", "-o", "pipefail", "-c", command, "-", path, tmp_path / "out"], check=True)
    for name, content in files.items():
        assert (tmp_path / "out" / name).read_bytes() == content
    order = subprocess.run(["bash", "-c", 'zstd -dc "$1" | tar -t', "-", path], check=True, capture_output=True)
    assert order.stdout.splitlines()[-1] == b"manifest.json"


def test_a_log_that_grows_is_kept_as_long_as_it_was(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"0123456789" * 100_000)
    ending = threading.Event()

    def grow() -> None:
        with log.open("ab", buffering=0) as stream:
            while not ending.is_set():
                stream.write(b"0123456789" * 100)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        manifest = archive.write(tmp_path / "a.tar.zst", BLANK, [Member("logs/a.log", log)])
    finally:
        ending.set()
        writer.join()
    assert manifest.partial == ()
    assert archive.extract(tmp_path / "a.tar.zst", tmp_path / "out") == manifest
    kept = (tmp_path / "out" / "logs" / "a.log").read_bytes()
    assert log.read_bytes().startswith(kept)
    assert len(kept) >= 1_000_000


def test_a_log_that_is_cut_while_it_is_read(tmp_path: Path) -> None:
    """As copytruncate does: what could be read is kept, the rest is zeros, and the manifest says so."""
    log = tmp_path / "a.log"
    with log.open("wb") as stream:
        stream.write(b"first line\n")
        stream.truncate(256 << 20)  # long enough to be met while it is read
    done = threading.Event()

    def cut() -> None:
        while not done.is_set():
            if any(_is_read(link, log) for link in Path("/proc/self/fd").iterdir()):
                os.truncate(log, 11)
                return

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        other = tmp_path / "b.log"
        other.write_bytes(b"second\n")
        members = [Member("logs/a.log", log), Member("logs/b.log", other)]
        manifest = archive.write(tmp_path / "a.tar.zst", BLANK, members)
    finally:
        done.set()
        cutter.join()
    (note,) = manifest.partial
    assert note.startswith("logs/a.log was not read whole (it shrank meanwhile): ")
    assert archive.extract(tmp_path / "a.tar.zst", tmp_path / "out") == manifest
    with (tmp_path / "out" / "logs" / "a.log").open("rb") as kept:
        assert kept.readline() == b"first line\n"
    assert (tmp_path / "out" / "logs" / "b.log").read_bytes() == b"second\n"


def _is_read(link: Path, file: Path) -> bool:
    """Whether a descriptor of ours has read some of the file: from then on its size is taken for known."""
    try:
        place = (Path("/proc/self/fdinfo") / link.name).read_text().split()[1]  # "pos:", then bytes
        return int(place) > 0 and link.readlink() == file
    except OSError:
        return False


@pytest.mark.parametrize(
    ("source", "why"),
    [("/sys/class/net/lo/address", "it shrank meanwhile"), ("/sys/class/net/lo/speed", "Invalid argument")],
    ids=["shorter than its size says", "an error while it is read"],
)
def test_a_file_that_gives_less_than_it_promised(tmp_path: Path, source: str, why: str) -> None:
    if not Path(source).exists():
        pytest.skip(f"this kernel has no {source}")
    after = tmp_path / "b.log"
    after.write_bytes(b"after\n")
    members = [Member("logs/a.log", Path(source)), Member("logs/b.log", after)]
    manifest = archive.write(tmp_path / "a.tar.zst", BLANK, members)
    (note,) = manifest.partial
    assert note.startswith(f"logs/a.log was not read whole ({why}): ")
    assert manifest.gaps == ("logs",)
    archive.extract(tmp_path / "a.tar.zst", tmp_path / "out")
    assert (tmp_path / "out" / "logs" / "b.log").read_bytes() == b"after\n"


def test_what_cannot_be_read_is_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    good, link = tmp_path / "good", tmp_path / "link"
    good.write_bytes(b"good")
    link.symlink_to(good)
    odd = tmp_path / "odd"
    odd.write_bytes(b"odd")
    members = [
        Member("settings/gone", tmp_path / "gone"),
        Member("settings/link", link),
        Member("logs/\udcff.log", odd),
        Member("settings/good", good),
    ]
    places = {"settings/gone": "gone", "settings/link": "link", "settings/good": "good"}
    manifest = archive.write(tmp_path / "a.tar.zst", replace(BLANK, settings=places), members)
    assert set(manifest.entries()) == {"settings/good"}
    assert manifest.settings == {"settings/good": "good"}
    gone, linked, named = manifest.partial
    assert "settings/gone could not be read: No such file" in gone
    assert "settings/link could not be read" in linked
    assert "left out" in named
    assert manifest.gaps == ("settings", "settings", "logs")
    assert replace(manifest, gaps=()).digest == manifest.digest, "earlier versions did not note it"
    assert archive.inspect(tmp_path / "a.tar.zst") == manifest


def test_an_archive_that_cannot_be_written_is_an_error_not_a_note(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(random.Random(5).randbytes(4 << 20))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            archive.write(tmp_path / "a.tar.zst", BLANK, [Member("logs/a.log", source)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert not (tmp_path / "a.tar.zst").exists()


def _database(path: Path, rows: int) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table witness (value text)")
        connection.executemany("insert into witness values (?)", [(str(n) * 40,) for n in range(rows)])


def test_verify_asks_the_database(tmp_path: Path) -> None:
    good = tmp_path / "good.sqlite3"
    _database(good, 500)
    path = tmp_path / "a.tar.zst"
    archive.write(path, BLANK, [Member("database/decodeat.sqlite3", good)])
    manifest = archive.verify(path, tmp_path / "scratch")
    assert set(manifest.entries()) == {"database/decodeat.sqlite3"}
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("damage", ["page", "no database at all"])
def test_verify_finds_a_database_that_was_damaged_before_it_was_archived(tmp_path: Path, damage: str) -> None:
    """Its checksums are right: only the database itself can tell."""
    bad = tmp_path / "bad.sqlite3"
    _database(bad, 500)
    data = bytearray(bad.read_bytes())
    data[4096:8192] = b"\xff" * 4096
    bad.write_bytes(data if damage == "page" else b"this is text" * 100)
    path = tmp_path / "a.tar.zst"
    archive.write(path, BLANK, [Member("database/decodeat.sqlite3", bad)])
    assert archive.inspect(path).partial == ()
    with pytest.raises(Configuration, match="not sound"):
        archive.verify(path, tmp_path / "scratch")
    assert list((tmp_path / "scratch").iterdir()) == []
