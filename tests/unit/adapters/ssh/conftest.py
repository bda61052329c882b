"""One sshd for all tests of a process, and machines that are reached through it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from decodeat_ops.adapters.ssh.operator import Operator
from decodeat_ops.adapters.ssh.remote import SshRemote
from tests.servers.sshd import Sshd, sshd

Reached = Callable[..., SshRemote]


@pytest.fixture(scope="session")
def server() -> Iterator[Sshd]:
    with sshd() as started:
        yield started


@pytest.fixture
def reach(server: Sshd) -> Iterator[Reached]:
    """Give machines that are closed at the end; `config` is the path of ssh's configuration."""
    with ExitStack() as opened:

        def reached(config: str = "", *, name: str = "near", operator: Operator | None = None) -> SshRemote:
            remote = SshRemote(name, operator=operator or Operator(), config=config or server.config())
            return opened.enter_context(closing(remote))

        yield reached
