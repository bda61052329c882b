"""nginx in a container that is played: its own configuration decides, on real ports with real TLS."""

import http.client
import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from socketserver import TCPServer

from tests.servers.vm import nginx_config
from tests.servers.vm.container import Container
from tests.servers.vm.nginx_config import Config, Emergency, Listen
from tests.servers.vm.nginx_listener import Listener
from tests.servers.vm.nginx_rules import Answer, Pass, Request, Rules, Scope
from tests.servers.vm.permissions import READ, WRITE
from tests.servers.vm.unix_sockets import connected

OF_A_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "server", "date"}
Bound = dict[int, tuple[str, int]]  # where a port of the container is reached


class Loaded:
    """A configuration in use: its rules, and the certificates by server."""

    def __init__(self, container: Container) -> None:
        self._definition = container.definition
        words = container.definition.command
        path = words[words.index("-c") + 1] if "-c" in words else "/etc/nginx/nginx.conf"
        self.config: Config = nginx_config.read(path, self.outside)
        self.rules = Rules(self.config, self.outside)
        self._contexts = {id(one): self._context(one.block) for one in self.config.servers if any(
            way.tls for way in one.listens)}  # fmt: skip

    def outside(self, path: str) -> Path | None:
        return self._definition.outside(path)

    def allowed(self, path: Path, wants: int) -> bool:
        return self._definition.may(path, wants)

    def _context(self, block: nginx_config.Directive) -> ssl.SSLContext | None:
        if block.word("ssl_reject_handshake") == "on":
            return None
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        files = []
        for name in ("ssl_certificate", "ssl_certificate_key"):
            path = block.word(name) or self.config.http.word(name)
            where = self.outside(path) if path else None
            if where is None or not where.is_file():
                raise Emergency(f'cannot load certificate "{path}": BIO_new_file() failed (no such file)')
            if not self.allowed(where, READ):
                raise Emergency(f'cannot load certificate "{path}": BIO_new_file() failed (13: Permission denied)')
            files.append(where)
        try:
            made.load_cert_chain(files[0], files[1])
        except (ssl.SSLError, OSError) as error:
            raise Emergency(f"SSL_CTX_use_PrivateKey({files[1].name!r}) failed ({error})") from error
        return made

    def listens(self) -> dict[int, Listen]:
        """Return the ports that it listens at."""
        return {way.port: way for one in self.config.servers for way in one.listens if way.port}

    def context(self, port: int) -> ssl.SSLContext | None:
        """Return what speaks TLS at a port: the certificate is chosen by the name that the client says."""

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
            server = self.rules.server(port, "", name or "")
            found = self._contexts.get(id(server)) if server else None
            if found is None:
                return int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
            connection.context = found
            return None

        outer = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        outer.sni_callback = choose
        return outer


class Nginx:
    """One nginx. `published` says at which address of the machine a port of the container is reached."""

    def __init__(self, container: Container, address: str, refuses: str = "") -> None:
        self.container, self._address = container, address
        self.refuses = refuses  # why its configuration does not test, for a test that wants that
        self.loaded: Loaded | None = None
        self.bound: Bound = {}
        self._servers: list[TCPServer] = []

    @property
    def health(self) -> str:
        return "healthy" if self.loaded is not None else "unhealthy"

    def start(self) -> None:
        try:
            self.loaded = self.tested()
            self._listen()
        except (Emergency, OSError) as error:
            self.container.say(str(error))
            self.container.ended(1)

    def tested(self) -> Loaded:
        """Return today's configuration. Raises `Emergency`."""
        if self.refuses:
            raise Emergency(self.refuses)
        return Loaded(self.container)

    def reload(self) -> None:
        """Take today's configuration, as `nginx -s reload` does; one that is wrong is told in the log alone."""
        try:
            self.loaded = self.tested()
        except Emergency as error:
            self.container.say(str(error))

    def _listen(self) -> None:
        assert self.loaded is not None
        published = {inside: port for _, port, inside in self.container.definition.ports}
        for port in self.loaded.listens():
            try:
                server = Listener((self._address, published.get(port, 0)), self, port)
            except OSError:
                self.end()
                raise
            self.bound[port] = server.server_address[:2]  # type: ignore[assignment]
            self._servers.append(server)
            server.begin()

    def signal(self, name: str) -> None:
        if name == "SIGHUP":
            self.reload()
        elif name in {"SIGTERM", "SIGQUIT", "SIGINT"}:
            self.end()
            self.container.ended(0)

    def kill(self) -> None:
        self.end()

    def end(self) -> None:
        self.loaded = None
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers, self.bound = [], {}

    def answer(self, port: int, request: Request) -> Answer:
        """Return the answer to a request; status 444 closes the connection."""
        loaded = self.loaded
        if loaded is None:
            return Answer(444)
        host = request.headers.get("host", "").partition(":")[0].lower()
        server = loaded.rules.server(port, "", host)
        assert server is not None
        request.variables |= {"host": host, "server_port": str(port), "server_name": (server.names or ("",))[0]}
        done, scope = loaded.rules.decide(server, request)
        answer = self._passed(loaded, done, request) if isinstance(done, Pass) else done
        if answer.status == 444:
            return answer
        own = not isinstance(done, Pass) or answer.status in {502, 504}
        to, status = scope.error_page(answer.status) if own and answer.status >= 400 else ("", 0)
        if to:
            request.variables["internal"] = "1"
            if not to.startswith("@"):
                request.path = to
            inner, inner_scope = loaded.rules.decide(server, request, named=to)
            page = self._passed(loaded, inner, request) if isinstance(inner, Pass) else inner
            answer, scope = replace(page, status=status), inner_scope
        return replace(answer, headers=(*answer.headers, *self._added(loaded, scope, answer.status, request)))

    def note(self, port: int, request: Request, answer: Answer, seconds: float) -> None:
        """Write the line of a request in the format that the configuration gives its log."""
        loaded = self.loaded
        server = loaded.rules.server(port, "", request.variables.get("host", "")) if loaded else None
        if loaded is None or server is None or server.block.word("access_log") == "off":
            return
        http_block = loaded.config.http
        log = http_block.one("access_log")
        formats = {one.words[0]: one for one in http_block.all("log_format")}
        shape = formats.get(log.words[1]) if log and len(log.words) > 1 else None
        request.variables |= {
            "status": str(answer.status),
            "request_time": f"{seconds:.3f}",
            "bytes_sent": str(len(answer.body)),
            "body_bytes_sent": str(len(answer.body)),
            "time_iso8601": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        words = shape.words[1:] if shape else ('$remote_addr "$request_method $request_uri" $status',)
        text = "".join(one for one in words if not one.startswith("escape="))
        self.container.say(loaded.rules.filled(text, request))

    @staticmethod
    def _added(loaded: Loaded, scope: Scope, status: int, request: Request) -> tuple[tuple[str, str], ...]:
        return tuple(
            (one.words[0], value)
            for one in scope.headers(status)
            if (value := loaded.rules.filled(one.words[1], request))
        )

    @staticmethod
    def _failed(request: Request, status: int) -> Answer:
        request.variables |= {"upstream_status": str(status)}
        return Answer(status)

    def _passed(self, loaded: Loaded, to: Pass, request: Request) -> Answer:
        """Ask the server behind; 502 when it does not answer, 504 when not in time."""
        path = loaded.outside(to.to.removeprefix("unix:"))
        if not to.to.startswith("unix:") or path is None or not loaded.allowed(path, READ | WRITE):
            self.container.say(f"connect() to {to.to} failed (13: Permission denied or not there)")
            return self._failed(request, 502)
        try:
            with connected(path, to.timeout) as behind:
                answer = _asked(behind, to, request)
        except TimeoutError:
            return self._failed(request, 504)
        except (OSError, http.client.HTTPException) as error:
            self.container.say(f"connect() to {to.to} failed: {error}")
            return self._failed(request, 502)
        told = {name.lower().replace("-", "_"): value for name, value in answer.headers}
        request.variables |= {f"upstream_http_{name}": value for name, value in told.items()}
        request.variables |= {"upstream_status": str(answer.status)}
        return answer


def _asked(behind: socket.socket, to: Pass, request: Request) -> Answer:
    headers = {name: value for name, value in request.headers.items() if name not in OF_A_HOP | {"host"}}
    headers |= {"host": "localhost", "connection": "close"}
    headers |= {name.lower(): value for name, value in to.headers}
    if request.body:
        headers["content-length"] = str(len(request.body))
    target = f"{to.path}?{request.query}" if request.query else to.path
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if value)]
    behind.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + request.body)
    response = http.client.HTTPResponse(behind, method=request.method)
    response.begin()
    body = response.read()
    kept = tuple((name, value) for name, value in response.getheaders() if name.lower() not in OF_A_HOP)
    return Answer(response.status, body, kept, kind="")
