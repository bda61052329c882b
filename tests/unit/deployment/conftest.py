"""One deployment below a temporary directory for each test."""

from tests.unit.checks.conftest import stage
from tests.unit.cli.conftest import home

__all__ = ["home", "stage"]
