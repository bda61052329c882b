"""Amounts of bytes are short, and never 0 MB of something."""

import pytest

from decodeat_ops.core.amounts import megabytes, size


@pytest.mark.parametrize(
    ("amount", "text"),
    [(1_024, "1 kB"), (99_000, "99 kB"), (512_000, "0.5 MB"), (1_234_567, "1.2 MB"), (120_400_000, "120 MB")],
)
def test_a_size(amount: int, text: str) -> None:
    assert size(amount) == text


@pytest.mark.parametrize(
    ("done", "total", "text"),
    [
        (1_234_567, 5_900_000, "1.2 of 5.9 MB"),
        (120_000_000, 480_000_000, "120 of 480 MB"),
        (11_000_000, 10_000_000, "10 of 10 MB"),
    ],
)
def test_a_part_of_it(done: int, total: int, text: str) -> None:
    assert megabytes(done, total) == text
