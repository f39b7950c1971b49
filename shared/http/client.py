"""Talking to upstreams: the only module that sends with `requests`; `shared/http/session` opens what it sends over.

Every call waits at its gates, reads a bounded answer, and names what went wrong. Nothing is sent twice behind the
caller's back: callers poll again. Messages never hold the base URL's path, a query string or a header, since that
is where keys are; for the same reason the cause of a network error is not chained: its text holds the whole URL.

| upstream says | raised |
|---|---|
| 429 | `RateLimited`; every gate of the upstream is told |
| 5xx, 408, 425, time-out, connection lost (also in the middle of an answer) | `Unavailable` |
| 403 as a web page, other 4xx, a redirect to another place | `Rejected`, with the upstream's words |
| 2xx that is no JSON, cut-off JSON, another content type, too large | `Malformed` |
"""

import json as codec
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import DecodeError, ReadTimeoutError
from urllib3.exceptions import HTTPError as TransportError

from shared.clock import Clock
from shared.domain.errors import HybridError, Malformed, Rejected, Unavailable
from shared.domain.redaction import HIDDEN, redact_text
from shared.http.answer_reader import PIECE_BYTES
from shared.http.base_url import checked_base, url_origin, url_secrets
from shared.http.keepalive import KeptConnections
from shared.http.response import HttpExchange, HttpResponse, kept_ms, retry_after_s, value_of
from shared.http.session import pooled_session, warm_connections
from shared.http.stats import StatsSnapshot, UpstreamStats
from shared.rate_limit.gate import RateGate, acquire_all
from shared.rate_limit.limits import GateLane

__all__ = ["HttpRequest", "StatsSnapshot", "Upstream", "UpstreamStats"]

CONNECT_TIMEOUT_S = 5.0
MAX_BODY_BYTES = 32 * 1024 * 1024
"""Stops an endless answer; a full page of 1,000 activity rows is below 1 MB."""
MAX_REDIRECTS = 3
MOST_LABELS = 32
Wish = tuple[GateLane, int]
"""Which lane of the gates, and how many turns."""


@dataclass(frozen=True)
class HttpRequest:
    """One request, made whole: its `line` is what a warm connection sends, `sent` what a session is given."""

    method: str
    path: str
    label: str
    lane: GateLane
    line: bytes = field(repr=False)
    sent: Mapping[str, Any] = field(repr=False)


class Upstream:
    """One upstream behind its gates; share it between threads.

    `timeout_s` is the longest silence; a whole answer may take twice that. When `stop` is set, calls that wait
    raise `Unavailable` at once. `tap` is given every whole answer, whatever its status, and must not wait.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        gates: Sequence[RateGate],
        *,
        clock: Clock,
        stop: threading.Event,
        timeout_s: float = 10.0,
        headers: Mapping[str, str] | None = None,
        pool_size: int = 16,
        max_body_bytes: int = MAX_BODY_BYTES,
        tap: Callable[[HttpExchange], None] | None = None,
    ) -> None:
        self.name = name
        self.stats = UpstreamStats(name)
        self._base = checked_base(name, base_url)
        self._secrets = url_secrets(self._base, headers or {})
        self._gates = tuple(gates)
        self._clock = clock
        self._stop = stop
        self._timeout_s = timeout_s
        self._silence_s = (min(CONNECT_TIMEOUT_S, timeout_s), timeout_s)
        self._max_body_bytes = max_body_bytes
        self._tap = tap
        self._labels: dict[tuple[str, str], str] = {}
        self._session = pooled_session(self._base, pool_size, headers or {})
        self._lines = warm_connections(self._base, self._session, self._silence_s)

    def get(self, path: str, params: Mapping[str, Any] | None = None, lane: GateLane = GateLane.FRESH) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON at `path`; numbers with a point are `Decimal`.

        Raises:
            RateLimited, Unavailable: try again later.
            Rejected, Malformed: the same call will fail again.
        """
        return self._call("GET", path, lane, params=params)

    def get_aged(
        self, path: str, params: Mapping[str, Any] | None = None, lane: GateLane = GateLane.FRESH
    ) -> tuple[Any, int]:
        """Return what `get` does, and for how many milliseconds a cache had kept it (pitfall 56)."""
        value, answer = self._ask("GET", path, lane, params=params)
        return value, kept_ms(answer.headers)

    def post(self, path: str, json: Any, lane: GateLane = GateLane.FRESH, cost: int = 1) -> Any:  # noqa: ANN401 - JSON
        """Send `json` to `path` and return the answer, as `get` does; `cost` turns are taken at the gates.

        `Unavailable` does not say whether the upstream acted on it: only the caller knows how to find out.
        """
        body = codec.dumps(json, separators=(",", ":")).encode()
        return self._call("POST", path, lane, cost, data=body, headers={"Content-Type": "application/json"})

    def request(
        self,
        method: str,
        path: str,
        *,
        body: str = "",
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        lane: GateLane = GateLane.FRESH,
    ) -> HttpRequest:
        """Return a request that `send` takes, for a caller with its own table of answers; it can be made ahead.

        Raises:
            Malformed: a header cannot be sent.
        """
        given, data = {"Content-Type": "application/json", **(headers or {})}, body.encode()
        line = self._lines.written(method, path, params or {}, given, data) if self._lines else b""
        sent: dict[str, Any] = {"headers": given, "params": params or {}, "data": data}
        return HttpRequest(method, path, self._label(method, path), lane, line, sent)

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send exactly what was made and return the whole answer, whatever its status.

        It goes over a warm connection without a session around it (`shared/http/keepalive`), unless a proxy stands
        between.

        Raises:
            Unavailable: no whole answer came; whether the upstream acted is for the caller to find out.
            Malformed: the answer is too large.
        """
        wish = (request.lane, 1)
        try:
            if self._lines is None:
                answer = self._exchange(request.method, self._base + request.path, request.label, wish, request.sent)
            else:
                answer = self._over_line(self._lines, request, wish)
        except HybridError as error:
            self.stats.failed(error, self._clock.now_ms())
            raise
        self.stats.succeeded(len(answer.body), self._clock.now_ms())
        return answer

    def throttled(self, retry_after_s: float | None = None) -> None:
        """Tell the gates of a refusal that only the caller could read, such as one inside a JSON-RPC answer."""
        for gate in self._gates:
            gate.throttled(retry_after_s)

    def interrupt(self) -> None:
        """End what `send` waits for over warm connections: it raises Unavailable at once. For a long poll at a stop."""
        if self._lines is not None:
            self._lines.interrupt()

    def close(self) -> None:
        """Close the pooled connections."""
        self._session.close()
        if self._lines is not None:
            self._lines.close()

    def _call(self, method: str, path: str, lane: GateLane, cost: int = 1, **what: Any) -> Any:  # noqa: ANN401 - JSON
        return self._ask(method, path, lane, cost, **what)[0]

    def _ask(self, method: str, path: str, lane: GateLane, cost: int = 1, **what: Any) -> tuple[Any, HttpResponse]:  # noqa: ANN401 - JSON
        label = f"{self.name} {method} {self._hide(path.partition('?')[0]) or '/'}"
        try:
            answer = self._follow(method, self._base + path, label, (lane, cost), what)
            after_s = retry_after_s(answer.headers, self._clock.now_ms())
            value = value_of(answer, label, self._hide, after_s)
        except HybridError as error:
            self.stats.failed(error, self._clock.now_ms())
            raise
        self.stats.succeeded(len(answer.body), self._clock.now_ms())
        return value, answer

    def _follow(self, method: str, url: str, label: str, wish: Wish, what: Mapping[str, Any]) -> HttpResponse:
        """Send, and go where a GET is sent on to as long as it stays on this host."""
        for _ in range(1 + MAX_REDIRECTS):
            answer = self._exchange(method, url, label, wish, what)
            if not answer.is_redirect:
                return answer
            target = urljoin(url, answer.headers.get("Location", ""))
            if method != "GET" or url_origin(target) != url_origin(url):
                place = urlsplit(target).hostname
                raise Rejected(f"{label}: redirected to {place}, not followed; set its URL", answer.status)
            url, what = target, {}
        raise Rejected(f"{label}: more than {MAX_REDIRECTS} redirects")

    def _exchange(self, method: str, url: str, label: str, wish: Wish, what: Mapping[str, Any]) -> HttpResponse:
        """Take a turn, send, read the whole answer, tell the gates."""
        started = self._turn(label, wish)
        with (
            _named(label, self._timeout_s),
            self._session.request(
                method, url, timeout=self._silence_s, stream=True, allow_redirects=False, **what
            ) as response,
        ):
            latency_s = self._answered(started)
            pieces = iter(lambda: response.raw.read1(PIECE_BYTES, decode_content=True), b"")
            answer = HttpResponse(response.status_code, response.headers, self._body(pieces, label, started))
        self._tell_gates(answer, latency_s)
        if self._tap:
            self._tap(HttpExchange(self.name, label, what, answer, self._secrets))
        return answer

    def _over_line(self, lines: KeptConnections, request: HttpRequest, wish: Wish) -> HttpResponse:
        """Do the same over a warm connection."""
        label = request.label
        started, latency_s = self._turn(label, wish), 0.0

        def read(pieces: Iterator[bytes]) -> bytes:
            nonlocal latency_s
            latency_s = self._answered(started)
            return self._body(pieces, label, started)

        with _named(label, self._timeout_s):
            answer = lines.send(request.line, request.method, read)
        self._tell_gates(answer, latency_s)
        return answer

    def _turn(self, label: str, wish: Wish) -> float:
        """Wait at the gates; return when the request begins."""
        if not acquire_all(self._gates, self._stop, *wish):
            raise Unavailable(f"{label}: stopping, nothing was sent")
        self.stats.sent()
        return self._clock.monotonic()

    def _answered(self, started: float) -> float:
        latency_s = self._clock.monotonic() - started
        self.stats.answered(latency_s)
        return latency_s

    def _body(self, pieces: Iterator[bytes], label: str, started: float) -> bytes:
        """Read piece by piece: neither an endless nor a dripping answer holds us."""
        body = bytearray()
        for piece in pieces:
            body += piece
            if len(body) > self._max_body_bytes:
                raise Malformed(f"{label}: the answer is larger than {self._max_body_bytes} bytes")
            if self._clock.monotonic() - started > 2 * self._timeout_s:
                raise Unavailable(f"{label}: the answer was not complete within {2 * self._timeout_s:g} s")
            if self._stop.is_set():
                raise Unavailable(f"{label}: stopping, the answer was not read")
        return bytes(body)

    def _tell_gates(self, answer: HttpResponse, latency_s: float) -> None:
        if not self._gates:
            return
        after_s = retry_after_s(answer.headers, self._clock.now_ms())
        if answer.is_throttle(after_s):
            self.throttled(after_s)
        elif not answer.is_fault:
            for gate in self._gates:
                gate.succeeded(latency_s)

    def _label(self, method: str, path: str) -> str:
        """Name a request without its secrets; the names of an order's way are kept, as redacting takes a while."""
        label = self._labels.get((method, path))
        if label is None:
            label = f"{self.name} {method} {self._hide(path)}"
            if len(self._labels) < MOST_LABELS:
                self._labels[method, path] = label
        return label

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return redact_text(text)


@contextmanager
def _named(label: str, timeout_s: float) -> Generator[None]:
    """Name what the network does; `from None`, because the cause's text holds the URL and its keys."""
    try:
        yield
    except (requests.Timeout, ReadTimeoutError, TimeoutError):
        raise Unavailable(f"{label}: no answer within {timeout_s:g} s") from None
    except DecodeError:
        raise Malformed(f"{label}: the answer's compression cannot be read") from None
    except (requests.RequestException, TransportError, OSError, HTTPException) as error:
        raise Unavailable(f"{label}: connection lost ({type(error).__name__})") from None
