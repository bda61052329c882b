"""Whole archives as the product writes them, then cut or with bits flipped: no byte may go unnoticed."""

import random
import time
from pathlib import Path

import pytest

from decodeat_ops import archive
from decodeat_ops.core.errors import Configuration
from tests.unit.archive import forge

POSITIONS = 50


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    noise = random.Random(7).randbytes(300_000)
    return forge.whole(
        tmp_path,
        {"settings/decodeat-ops.toml": b"x = 1\n", "release/code/a.py": noise, "logs/a.log": b"line\n" * 9000},
    )


def _refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(Configuration) as caught:
        archive.inspect(path)
    assert path.name in caught.value.advice.what


def test_every_one_of_fifty_flipped_bits(whole: Path) -> None:
    data = whole.read_bytes()
    rng = random.Random(11)
    for position in [0, len(data) - 1, *(rng.randrange(len(data)) for _ in range(POSITIONS))]:
        bent = bytearray(data)
        bent[position] ^= 1 << rng.randrange(8)
        _refused(whole, bytes(bent))


def test_a_file_cut_anywhere(whole: Path) -> None:
    data = whole.read_bytes()
    rng = random.Random(13)
    for cut in [0, 1, 4, len(data) - 1, len(data) - 4, len(data) - 5, *(rng.randrange(len(data)) for _ in range(40))]:
        _refused(whole, data[:cut])


def test_a_tar_with_bent_bits_under_a_good_checksum(whole: Path) -> None:
    """Whoever forges recomputes zstd's checksum: what comes out is then what went in, or an error, and soon."""
    data = forge.decompress(whole.read_bytes())
    expected = archive.inspect(whole)
    rng = random.Random(17)
    survived = 0
    for _ in range(150):
        bent = bytearray(data)
        for _ in range(rng.choice((1, 1, 3))):
            # Headers are what a parser trips over; most of the rest is noise.
            block = rng.choice((0, 1024, rng.randrange(0, len(data), 512), len(data) // 512 * 512 - 20 * 512))
            bent[min(len(bent) - 1, max(0, block) + rng.randrange(512))] ^= 1 << rng.randrange(8)
        whole.write_bytes(forge.compress(bytes(bent)))
        began = time.process_time()
        try:
            assert archive.inspect(whole).entries() == expected.entries()
            survived += 1  # a time stamp, or padding: nothing that a restore would use
        except Configuration:
            pass
        assert time.process_time() - began < 20
    assert survived < 75


def test_the_same_cut_while_it_is_extracted_leaves_nothing(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    whole.write_bytes(data[: len(data) // 2])
    with pytest.raises(Configuration, match="cut short"):
        archive.extract(whole, tmp_path / "out")
    with pytest.raises(Configuration, match="cut short"):
        archive.verify(whole, tmp_path / "scratch")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "scratch" / "verify").exists()
