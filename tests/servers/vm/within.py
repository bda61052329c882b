"""Run a Python program of this checkout as if it were in a container: its sockets and names are those of there.

`python within.py MAP MODULE WORDS...` with MAP as JSON: `paths` are pairs of a path in the container and on the
machine, `names` where a port of another container is reached.
"""

import json
import os
import runpy
import socket
import sys

told = json.loads(sys.argv[1])
module, sys.argv = sys.argv[2], sys.argv[2:]


class Socket(socket.socket):
    """Connect where a name of the container leads."""

    def connect(self, address):  # type: ignore[no-untyped-def]
        if self.family != socket.AF_UNIX:
            return super().connect(address)
        for inside, outside in told["paths"]:
            if address == inside or address.startswith(inside.rstrip("/") + "/"):
                folder, name = os.path.split(outside + address[len(inside) :])
                directory = os.open(folder, os.O_PATH | os.O_DIRECTORY)
                try:
                    return super().connect(f"/proc/self/fd/{directory}/{name}")
                finally:
                    os.close(directory)
        raise FileNotFoundError(2, "No such file or directory")


real = socket.getaddrinfo


def found(host, port, *given, **options):  # type: ignore[no-untyped-def]
    """Return where a name of the container's networks leads, and nothing outside of them."""
    ports = told["names"].get(host)
    if ports is None:
        raise socket.gaierror(-2, "Name or service not known")
    if str(port) not in ports:
        raise ConnectionRefusedError(111, "Connection refused")
    return real(*ports[str(port)], *given, **options)


socket.socket = Socket  # type: ignore[misc]
socket.getaddrinfo = found
runpy.run_module(module, run_name="__main__", alter_sys=True)
