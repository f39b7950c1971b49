"""A region for live buyers under test: what the venue's site says of whether trading is allowed from here."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer


class Region(BaseHTTPRequestHandler):
    """Answers as the site does."""

    blocked = b"false"

    def do_GET(self) -> None:
        """Say whether trading is allowed."""
        body = b'{"blocked":' + self.blocked + b',"country":"XX","region":""}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


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
