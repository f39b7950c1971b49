"""A live buyer against the local venue: a funded wallet, a quiet market, a region that allows trading."""

import hashlib
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

KEY = hashlib.sha256(b"correct horse").hexdigest()
"""A public test key: anybody can make it."""


class Region(BaseHTTPRequestHandler):
    """Answers what the venue's site says of a region."""

    blocked = b"false"

    def do_GET(self) -> None:
        body = b'{"blocked":' + self.blocked + b',"country":"XX","region":""}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass


@contextmanager
def region(*, blocked: bool = False) -> Generator[str]:
    """Serve a region; yield its URL."""
    handler = type("Here", (Region,), {"blocked": b"true" if blocked else b"false"})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
