"""One deployment below a temporary directory for each test."""

from tests.unit.checks.conftest import stage

__all__ = ["stage"]
