"""Set how properties are tested: with how many examples, and without limits that only a quiet machine keeps.

`tests/conftest.py` imports this before any test is read. The number of examples is the test's own, or ten times as many
in the proof.
"""

from hypothesis import HealthCheck, settings

USUAL, PROOF = 100, 1000  # hypothesis' own default, and that of the profile for `make proof`
# For a test whose fixture serves all of its examples; naming a check replaces those of the profile.
ONE_FIXTURE = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)

settings.register_profile("usual", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("usual")


def examples(number: int) -> int:
    """Scale a number by the chosen profile."""
    return number * settings().max_examples // USUAL
