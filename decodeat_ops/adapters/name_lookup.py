"""Look names up as every program of this machine does."""

import socket

from decodeat_ops.core.errors import Unreachable


def addresses(name: str) -> tuple[str, ...]:
    """Return the addresses that a name leads to, IPv4 and IPv6. Raises `Unreachable` when there is none."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{name} leads to no address: {error}.") from error
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))
