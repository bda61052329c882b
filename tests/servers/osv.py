"""Serve OSV's query protocol, strictly: https://google.github.io/osv.dev/post-v1-query/."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.serving import serving


@dataclass
class Database:
    """Serve at `url` what `vulnerabilities` has for a (name, version); `asked` records the queries."""

    url: str
    vulnerabilities: Mapping[tuple[str, str], tuple[str, ...]]
    status: int
    asked: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, package: tuple[str, str]) -> dict[str, Any]:
        known = self.vulnerabilities.get(package, ())
        return {"vulns": [_vulnerability(package[0], identifier) for identifier in known]} if known else {}


def _vulnerability(name: str, identifier: str) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}]
    affected = [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}]
    return {"schema_version": "1.6.0", "id": identifier, "summary": "it was found", "affected": affected}


@contextlib.contextmanager
def serve(vulnerabilities: Mapping[tuple[str, str], tuple[str, ...]], status: int = 200) -> Iterator[Database]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # one connection for all questions
        wbufsize = -1  # buffered, so that an answer is sent in one piece

        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            package, version = query["package"], query["version"]
            name = package["name"]
            strict = self.path == "/v1/query" and query == {
                "package": {"name": name, "ecosystem": "PyPI"},
                "version": version,
            }
            database.asked.append((name, version))
            body = json.dumps(database.answer((name, version))).encode()
            self.send_response(database.status if strict else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    database = Database(f"http://127.0.0.1:{server.server_port}/v1/query", vulnerabilities, status)
    with serving(server):
        yield database
