"""A server that allows 30 requests a second whatever it published: the adaptive gate against a fixed one."""

import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from shared.clock import SystemClock
from shared.domain.errors import RateLimited, Unavailable
from shared.http.client import Upstream
from shared.rate_limit.gate import GateLimits, RateGate
from shared.redis.client import connect_redis

CALLERS = 8
TOLD_PER_S = 50
ALLOWED_PER_S = 30
BAN_S = 1.0


class Strict(ThreadingHTTPServer):
    """Allows `ALLOWED_PER_S` in any second; a refusal bans for `BAN_S`, and so does every request during a ban."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.served = self.refused = 0
        self._clock = SystemClock()
        self._lock = threading.Lock()
        self._seen = deque[float]()
        self._banned_until = 0.0

    def admit(self) -> bool:
        """Judge one request."""
        with self._lock:
            now = self._clock.monotonic()
            while self._seen and now - self._seen[0] >= 1:
                self._seen.popleft()
            self._seen.append(now)
            if len(self._seen) > ALLOWED_PER_S or now < self._banned_until:
                self._banned_until = now + BAN_S
                self.refused += 1
                return False
            self.served += 1
            return True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        admitted = cast("Strict", self.server).admit()
        body = b"{}"
        self.send_response(200 if admitted else 429)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if not admitted:
            self.send_header("Retry-After", f"{BAN_S:.0f}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Keep quiet."""


class FixedGate(RateGate):
    """The same gate, deaf: what a limiter without feedback does."""

    def throttled(self, retry_after_s: float | None = None) -> None:
        """Learn nothing."""


def measure_ban(url: str, kind: str, seconds: float) -> dict[str, Any]:
    """Call the strict server from `CALLERS` threads; each waits out its own refusals, as a careful client does."""
    clock, stop = SystemClock(), threading.Event()
    build = RateGate if kind == "adaptive" else FixedGate
    with connect_redis(url) as redis, _serving() as server:
        gate = build(redis, f"ban.{kind}", GateLimits(TOLD_PER_S, burst=3), clock=clock)
        upstream = Upstream("strict", f"http://127.0.0.1:{server.server_port}", [gate], clock=clock, stop=stop)
        callers = [threading.Thread(target=_call, args=(upstream, clock, stop)) for _ in range(CALLERS)]
        for caller in callers:
            caller.start()
        clock.wait(stop, seconds)
        stop.set()
        for caller in callers:
            caller.join(timeout=15)
        upstream.close()
        return {"served_per_s": round(server.served / seconds, 2), "refused": server.refused}


def _call(upstream: Upstream, clock: SystemClock, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            upstream.get("/v2/activity")
        except RateLimited as error:
            clock.wait(stop, error.retry_after_s or BAN_S)
        except Unavailable:
            continue


@contextmanager
def _serving() -> Generator[Strict]:
    server = Strict()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
