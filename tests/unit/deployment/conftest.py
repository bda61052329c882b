"""What the command line's tests have for a home, too."""

from tests.unit.cli.conftest import home

__all__ = ["home"]
