"""A local server that says what it is told, whole or in drips, and remembers what it was asked."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast


@dataclass
class Reply:
    """What the server says next."""

    status: int = 200
    body: bytes = b'{"ok": true}'
    headers: dict[str, str] = field(default_factory=dict[str, str])
    kind: str = "application/json"
    promised: int | None = None
    """The Content-Length to claim when it is not the body's."""
    drip_s: float = 0.0
    """Seconds before each byte of the body."""


class Server(ThreadingHTTPServer):
    """Says what it was told, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply: Callable[[str], Reply] = lambda _: Reply()
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections = 0
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def says(self, reply: Reply) -> None:
        self.reply = lambda _: reply

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of these tests."""


class Handler(BaseHTTPRequestHandler):
    """Writes the server's reply, whole or in drips."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        cast("Server", self.server).connections += 1

    def do_GET(self) -> None:
        server = cast("Server", self.server)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server.asked.append((self.command, self.path, dict(self.headers.items()), body))
        reply = server.reply(self.path)
        self.send_response(reply.status)
        if reply.kind:
            self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body) if reply.promised is None else reply.promised))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self._write(reply, server.closing)
        self.close_connection = reply.promised is not None

    do_POST = do_GET  # noqa: N815 - the base class looks for this name

    def _write(self, reply: Reply, closing: threading.Event) -> None:
        if not reply.drip_s:
            self.wfile.write(reply.body)
            return
        for byte in reply.body:
            if closing.wait(reply.drip_s):
                return
            self.wfile.write(bytes([byte]))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet."""
