"""Share one copy of the service between the tests of a module, and what starts commands between all of a process."""

from tests.support.deployments import service_source
from tests.support.forking import started_forks

__all__ = ["service_source", "started_forks"]
