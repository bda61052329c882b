"""The `docker` of a machine that is played: it hands its words and streams to the engine, and ends as that says.

It starts hundreds of times in a test, so it imports nothing that takes long.
"""

import _socket  # what `socket` is made of, without the modules that it imports besides
import array
import os
import sys

SOCKET = "@SOCKET@"  # replaced when it is written
DOWN = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n"


def main() -> int:
    told = b"\0".join(os.fsencode(word) for word in sys.argv[1:]) + b"\0\0"
    told += b"\0".join(os.fsencode(f"{name}={value}") for name, value in os.environ.items()) + b"\0\0"
    told += os.fsencode(os.getcwd())  # noqa: PTH109 pathlib takes long to import
    engine = _socket.socket(_socket.AF_UNIX)
    try:
        engine.connect(SOCKET)
        streams = array.array("i", [0, 1, 2])
        engine.sendmsg([len(told).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
        engine.sendall(told)
        ended = engine.recv(1)
    except OSError:
        ended = b""
    if not ended:
        sys.stderr.write(DOWN)
        return 1
    return ended[0]


if __name__ == "__main__":
    sys.exit(main())
