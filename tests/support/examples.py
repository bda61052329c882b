"""How many examples a property is tried with: the number that a test names, ten times as many in the proof."""

from hypothesis import settings

USUAL, PROOF = 100, 1000  # hypothesis' own default, and the profile's that `make proof` chooses


def examples(number: int) -> int:
    """Scale a number by the chosen profile."""
    return number * settings().max_examples // USUAL
