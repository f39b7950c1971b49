"""What a process answers over HTTP: /healthz (a loop beats), /readyz (it does its work), /metrics.

It listens on loopback unless told otherwise; elsewhere /metrics asks for a bearer token.
"""

import hmac
import ipaddress
import json
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from shared import metrics
from shared.domain.errors import BadConfig

_READ_TIMEOUT_S = 5
_JSON = "application/json"


@dataclass(frozen=True)
class HealthAnswer:
    """One HTTP answer."""

    status: int
    body: bytes
    content_type: str = _JSON


@dataclass(frozen=True)
class HealthProbes:
    """Where the answers come from."""

    service: str
    alive: Callable[[], bool]
    ready: Callable[[], bool]
    render: Callable[[], bytes] = metrics.render_metrics
    missing: Callable[[], Sequence[str]] = tuple
    """Who is lost without whom it has nothing to do, in words."""


def answer_path(path: str, authorization: str, probes: HealthProbes, token: str) -> HealthAnswer:
    """Answer one GET; `token` is '' where /metrics is open."""
    route = path.partition("?")[0]
    if route == "/healthz":
        return _yes_or_no(probes.service, "alive", yes=probes.alive())
    if route == "/readyz":
        return _readiness(probes)
    if route != "/metrics":
        return HealthAnswer(404, b'{"paths":["/healthz","/readyz","/metrics"]}')
    if token and not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
        return HealthAnswer(401, b'{"error":"send METRICS_TOKEN as a bearer token"}')
    return HealthAnswer(200, probes.render(), metrics.CONTENT_TYPE)


def _readiness(probes: HealthProbes) -> HealthAnswer:
    """Answer whether it does its work: not without those it needs, who are named."""
    missing = list(probes.missing())
    if not missing:
        return _yes_or_no(probes.service, "ready", yes=probes.ready())
    return HealthAnswer(503, json.dumps({"service": probes.service, "ready": False, "missing": missing}).encode())


def _yes_or_no(service: str, question: str, *, yes: bool) -> HealthAnswer:
    return HealthAnswer(200 if yes else 503, json.dumps({"service": service, question: yes}).encode())


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class HealthServer:
    """A small threaded HTTP server; `port` is the real one once it runs."""

    def __init__(self, host: str, port: int, probes: HealthProbes, *, token: str = "") -> None:
        """Bind the port.

        Raises:
            BadConfig: the port is taken, or `host` is open to others and no token protects the metrics.
        """
        if not is_loopback(host) and not token:
            raise BadConfig(f"HEALTH_HOST={host}: others can reach it, so set METRICS_TOKEN, or use 127.0.0.1")
        self._server = _bind(host, port, _handler(probes, "" if is_loopback(host) else token))
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="health", daemon=True)

    def start(self) -> "HealthServer":
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(1)
        self._server.server_close()


def _bind(host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    kind = _Server6 if ":" in host else _Server
    try:
        return kind((host, port), handler)
    except OSError as error:
        fix = "stop what listens there, choose another, or 0 for a free one"
        raise BadConfig(f"HEALTH_PORT={port}: cannot listen on {host} ({error.strerror or error}); {fix}") from error


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's signature
        """Say nothing: a prober that hung up is no event of ours."""

    def server_bind(self) -> None:
        """Bind without the reverse lookup of the base class, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])


class _Server6(_Server):
    address_family = socket.AF_INET6


def _handler(probes: HealthProbes, token: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _READ_TIMEOUT_S

        def do_GET(self) -> None:
            reply = answer_path(self.path, self.headers.get("Authorization", ""), probes, token)
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the base class's signature
            """Probes come every second; they are no events."""

    return Handler
