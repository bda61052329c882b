"""Ask the service on this machine whether it is alive (`python -m decodeat.healthcheck`): exit code 0, or 1 and why."""

import http.client
import socket
import sys

from decodeat import settings

_PATIENCE = 4.0  # seconds; less than the five after which a container engine gives up without showing a reason
_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 what listens everywhere is asked over loopback


def main() -> int:
    """Return 0 when /health answers 200 at SOCKET, or at HOST and PORT, else 1; print the status or the error."""
    try:
        connection = _connection(settings.load())
        connection.request("GET", "/health")
        status = connection.getresponse().status
    except (settings.SettingsError, OSError, http.client.HTTPException) as error:
        sys.stdout.write(f"{error}\n")
        return 1
    sys.stdout.write(f"/health answered {status}\n")
    return 0 if status == 200 else 1


def _connection(given: settings.Settings) -> http.client.HTTPConnection:
    if not given.socket:
        return http.client.HTTPConnection(_REACHED_AT.get(given.host, given.host), given.port, timeout=_PATIENCE)
    connection = http.client.HTTPConnection("localhost", timeout=_PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(_PATIENCE)
    connection.sock.connect(given.socket)
    return connection


if __name__ == "__main__":
    raise SystemExit(main())
