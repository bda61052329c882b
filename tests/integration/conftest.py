"""Share one copy of the service between the tests of a module."""

from tests.support.deployments import service_source

__all__ = ["service_source"]
