"""Read the certificate that a server shows, whoever has signed it."""

import socket
import ssl

from decodeat_ops.core.errors import Unreachable


class TlsHandshake:
    """Read what is shown in a handshake, and hang up: nothing is sent, and nothing that is shown has to be valid."""

    def certificate(self, host: str, port: int, name: str, timeout: float = 5.0) -> bytes:
        """Return the certificate (DER) that is served for a name. Raises `Unreachable` when there is none in time."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            with (
                socket.create_connection((host, port), timeout=timeout) as plain,
                context.wrap_socket(plain, server_hostname=name) as connection,
            ):
                found = connection.getpeercert(binary_form=True)
        except (OSError, ValueError) as error:
            raise Unreachable(f"{name}:{port} shows no certificate: {error or type(error).__name__}.") from error
        if found is None:
            raise Unreachable(f"{name}:{port} shows no certificate.")
        return found
