"""Test that every read of an archive is limited in bytes and members, also of a few KiB that unpack to very much."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from decodeat_ops import archive
from decodeat_ops.application.archives import READ_BYTES, backups
from decodeat_ops.core.errors import Configuration
from decodeat_ops.deployment import snapshots
from decodeat_ops.settings.schema import Loaded, Settings
from tests.unit.archive import forge
from tests.unit.archive.forge import SNAPSHOT, info, manifest, plain, tar

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIB = 1 << 20
SECONDS = 20.0  # of this process's own time; without limits the worst takes minutes


def squeezed(path: Path, pieces: Iterator[bytes]) -> Path:
    """Compress piece by piece, without holding the content; the result is tiny."""
    with zstd.ZstdFile(path, "wb") as stream:
        for piece in pieces:
            stream.write(piece)
    return path


def content(size: int) -> Iterator[bytes]:
    """Yield one member of `size` zeros, with a correct header."""
    yield info("logs/x", size).tobuf()
    for _ in range(size // MIB):
        yield bytes(MIB)
    body = tar([], manifest([]))
    yield body


def headers(size: int) -> Iterator[bytes]:
    """Yield empty files, each with an extended header just below the limit."""
    head, _ = plain("logs/x", b"")
    for number in range(size // 50_000):
        head.name, head.pax_headers = f"logs/{number}", {"comment": "a" * 50_000}
        yield head.tobuf()
    yield tar([], manifest([]))


def zeros(size: int) -> Iterator[bytes]:
    """Yield a whole archive with `size` zeros after it."""
    yield tar([plain("logs/x", b"x")], manifest([plain("logs/x", b"x")]))
    for _ in range(size // MIB):
        yield bytes(MIB)


@pytest.mark.parametrize(
    ("bomb", "said"), [(content, "unpacks to more"), (headers, "headers are of absurd"), (zeros, "follows the end")]
)
def test_a_tiny_file_that_unpacks_to_very_much(
    tmp_path: Path, bomb: Callable[[int], Iterator[bytes]], said: str
) -> None:
    path = squeezed(tmp_path / f"{SNAPSHOT}.tar.zst", bomb(1024 * MIB))
    assert path.stat().st_size < 400_000
    before = time.process_time()
    with pytest.raises(Configuration, match=said):
        archive.inspect(path, 256 * MIB)
    with pytest.raises(Configuration, match=said):
        archive.settings(path, 256 * MIB)
    assert time.process_time() - before < SECONDS


def test_the_list_of_archives_stops_reading_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "backups"
    directory.mkdir()
    monkeypatch.setattr("decodeat_ops.application.archives.READ_BYTES", 64 * MIB)
    for number in range(5):
        squeezed(directory / f"20261124T03000{number}Z-0000.tar.zst", content(256 * MIB))
    loaded = Loaded(
        settings=Settings.model_validate({"backup": {"directory": str(directory)}}),
        env="production",
        files=(tmp_path / "decodeat-ops.toml",),
        directory=tmp_path,
        origins={},
    )
    read: list[int] = []

    def describe(snapshot: snapshots.Snapshot, most: int) -> archive.Manifest:
        read.append(most)
        return archive.inspect(snapshot.path, most)

    monkeypatch.setattr("decodeat_ops.application.archives.snapshots.describe", describe)
    outcome = backups(loaded)
    assert len(outcome.data["snapshots"]) == 5
    assert read == [64 * MIB], "what is beyond the budget is listed by name alone"
    assert all(one["deployment"] is None and not one["problem"] for one in outcome.data["snapshots"])
    assert READ_BYTES <= 512 * MIB


def test_a_restore_takes_no_older_data_for_an_archive_that_it_could_not_read(tmp_path: Path) -> None:
    squeezed(tmp_path / "20261124T040000Z-0000.tar.zst", content(64 * MIB))
    forge.put(tmp_path, forge.compress(tar([], manifest([]))))
    with pytest.raises(archive.TooLarge, match="20261124T040000Z-0000"):
        snapshots.newest_usable(tmp_path, forge.BLANK.deployment, 32 * MIB)


def test_the_longest_names_that_an_archive_can_hold_pass(tmp_path: Path) -> None:
    name = "logs/" + "/".join(["가" * 85] * 39)
    members = [plain(f"{name[:-4]}{number:04}", b"x") for number in range(30)]
    path = forge.put(tmp_path, forge.compress(tar(members, manifest(members))))
    assert len(archive.inspect(path).entries()) == 30
