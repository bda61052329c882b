"""A machine that is played for `--target vm`: its shell, files, links and locks are real, and its Docker is not.

`PlayedHost` has a directory of its own, an address of its own on this machine, and a `docker` first in the PATH of its
shell. That program hands its words and its streams to an engine in the tests' process, which refuses what Docker
refuses: unknown commands and options, a missing network, an image that is not there, a layer that did not come, an
image that is in use, a variable that a Compose file needs. What it does not know it refuses too, so that the product
uses nothing that was never thought about here. Containers of the service are servers on real unix sockets, nginx reads
its own configuration and speaks TLS on a real port, and both are refused a file that their user may not have.
"""

from tests.servers.vm.behaviour import Behaviour
from tests.servers.vm.host import PlayedHost, played_hosts

__all__ = ["Behaviour", "PlayedHost", "played_hosts"]
