"""Ports for test servers."""

import contextlib
import random
import socket


def free_port() -> int:
    """A free port below those that the kernel hands to outgoing connections: it stays free until it is used."""
    while True:
        port = random.randint(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
