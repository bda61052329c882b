"""Set how many examples a property is tested with: the test's own number, or ten times as many in the proof."""

from hypothesis import settings

USUAL, PROOF = 100, 1000  # hypothesis' own default, and that of the profile for `make proof`


def examples(number: int) -> int:
    """Scale a number by the chosen profile."""
    return number * settings().max_examples // USUAL
