"""The front door of every HTTP upstream: faults, limits, cache, route, record."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from uuid import uuid4

from starlette.types import Receive, Scope, Send

from simulator.core.clock import Stopwatch
from simulator.core.world import World
from simulator.gateway.cdn import Cdn
from simulator.gateway.faults import Fault
from simulator.gateway.http_messages import Answer, Call, Query, RefusedError, Route
from simulator.gateway.limits import Limits
from simulator.gateway.request_log import RequestLog

_FORBIDDEN = (
    "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
    "<body><h1>Sorry, you have been blocked</h1></body></html>"
)

_GONE = Answer(
    "<html><head><title>504 Gateway Time-out</title></head></html>", 504, content_type="text/html; charset=UTF-8"
)


@dataclass(frozen=True)
class _Found:
    route: Route
    parts: tuple[str, ...]


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    raw_query: str
    body: bytes
    headers: Mapping[str, str]


class Directory:
    """Find the route of a path: exact ones first, then those with open segments."""

    def __init__(self) -> None:
        """Start without routes."""
        self._exact: dict[str, dict[str, Route]] = {}
        self._open: list[tuple[list[str], Route, str]] = []

    def add(self, upstream: str, routes: list[Route]) -> None:
        """Mount an upstream's routes under its name."""
        for route in routes:
            path = f"/{upstream}{route.pattern}"
            if "{}" in path:
                self._open.append((path.split("/"), route, route.method))
            else:
                self._exact.setdefault(path, {})[route.method] = route

    def find(self, method: str, path: str) -> _Found:
        """Return the route; refuse unknown paths and methods as the venue does."""
        exact = self._exact.get(path)
        if exact:
            if method not in exact:
                raise RefusedError(405, "method not allowed", code="method_not_allowed")
            return _Found(exact[method], ())
        segments = path.split("/")
        for pattern, route, allowed in self._open:
            parts = _matched(pattern, segments)
            if parts is not None and method == allowed:
                return _Found(route, parts)
        raise RefusedError(404, "not found", code="not_found")


class Gateway:
    """Answer HTTP requests for all upstreams."""

    def __init__(self, world: World, limits: Limits, requests: RequestLog) -> None:
        """Stand in front of a world."""
        self._world = world
        self._limits = limits
        self._requests = requests
        self._cdn = Cdn()
        self._stuck: dict[tuple[int, str, bytes], tuple[float, Answer]] = {}
        self._watch = Stopwatch()
        self.directory = Directory()
        self.failure = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = self._watch.seconds()
        arrived_ms = self._watch.wall_ms()
        path, raw = scope["path"], scope["query_string"].decode("latin-1")
        upstream, route = _split(path)
        body = await _body(receive)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        reply = await self._reply(_Request(scope["method"], path, raw, body, headers))
        await _send(send, reply, self._date(upstream))
        if upstream != "sim":
            latency = (self._watch.seconds() - started) * 1000
            facts = (upstream, scope["method"], route, raw, reply.status, latency)
            self._requests.add(arrived_ms, *facts)

    async def _reply(self, asked: _Request) -> Answer:
        if self.failure:
            return worded(RefusedError(500, self.failure, code="internal"), "plain")
        upstream, route = _split(asked.path)
        dialect = "v2" if route.startswith("/v2/") else "plain"
        if upstream != "sim":
            blocked = await self._troubled(upstream, route, dialect)
            if blocked is not None:
                return blocked
        try:
            found = self.directory.find(asked.method, asked.path)
            reply = self._cached(found, upstream, route, asked)
        except RefusedError as refused:
            return worded(refused, dialect)
        if fault := self._world.faults.take("lost_answer", upstream, route, self._world.now_ms()):
            await asyncio.sleep(fault.number("seconds", 3600))
            return _GONE
        return self._spoilt(reply, upstream, route)

    def _spoilt(self, reply: Answer, upstream: str, route: str) -> Answer:
        """Return the answer as a fault leaves it: what was asked for is done."""
        faults, now = self._world.faults, self._world.now_ms()
        if faults.take("truncated", upstream, route, now):
            return Answer(reply.body[: len(reply.body) * 2 // 3], reply.status, reply.headers)
        if faults.take("error_object", upstream, route, now):
            return Answer(json.dumps({"error": "internal: try again"}))
        return reply

    def _cached(self, found: _Found, upstream: str, route: str, asked: _Request) -> Answer:
        raw, now_s = asked.raw_query, self._watch.seconds()
        max_age, key = found.route.max_age_s, f"{upstream}{route}?{raw}"
        if max_age is not None:
            kept = self._cdn.find(key, max_age, now_s)
            if kept is not None:
                return kept
        now = self._world.now_ms()
        if stale := self._world.faults.take("stale_cdn", upstream, route, now):
            now -= round(stale.number("seconds", 120) * 1000)
        call = Call(asked.method, route, found.parts, Query(raw), asked.body, now, asked.headers)
        if stuck := self._world.faults.take("stuck_cache", upstream, route, now):
            name = (stuck.id, key, asked.body)
            if name not in self._stuck:
                self._stuck[name] = now_s, found.route.handler(call)
            kept_at_s, kept = self._stuck[name]
            age = {"age": str(int(now_s - kept_at_s))} if stuck.params.get("age") else {}
            return Answer(kept.body, kept.status, {**kept.headers, **age})
        fresh = found.route.handler(call)
        return fresh if max_age is None else self._cdn.keep(key, fresh, max_age, now_s)

    async def _troubled(self, upstream: str, route: str, dialect: str) -> Answer | None:
        """Return what a limit or a fault answers instead of the venue."""
        faults, now = self._world.faults, self._world.now_ms()
        if fault := faults.take("timeout", upstream, route, now):
            await asyncio.sleep(fault.number("seconds", 3600))
        if fault := faults.take("lost_request", upstream, route, now):
            await asyncio.sleep(fault.number("seconds", 3600))
            return _GONE
        if fault := faults.take("slow", upstream, route, now):
            await asyncio.sleep(fault.number("seconds", 1))
        if fault := faults.take("html_403", upstream, route, now):
            return Answer(_FORBIDDEN, int(fault.number("status", 403)), content_type="text/html; charset=UTF-8")
        if fault := faults.take("http_5xx", upstream, route, now):
            status = int(fault.number("status", 503))
            code = "internal" if status == 500 else "dependency_unavailable"
            return worded(RefusedError(status, "upstream trouble", code=code), dialect)
        if fault := self._refusing(upstream, route, now):
            return refused(dialect, fault.params.get("retry_after"))
        verdict = self._limits.judge(upstream, route, self._watch.seconds())
        if not verdict.allowed:
            return refused(dialect, max(1, round(verdict.wait_s)) if dialect == "v2" else None)
        if verdict.wait_s:
            await asyncio.sleep(verdict.wait_s)
        return None

    def _refusing(self, upstream: str, route: str, now_ms: int) -> Fault | None:
        """Return the 429 fault that hits; with `over_per_s` only while that rate is exceeded."""
        fault = self._world.faults.find("http_429", upstream, route, now_ms)
        if fault and (rate := fault.params.get("over_per_s")):
            since = self._watch.wall_ms() - 1000
            if self._requests.count_since(since, upstream) < float(rate):
                return None
        return self._world.faults.take("http_429", upstream, route, now_ms)

    def _date(self, upstream: str) -> str:
        now = self._world.now_ms()
        return formatdate((now + self._world.faults.skew_ms(upstream, now)) / 1000, usegmt=True)


def worded(refusal: RefusedError, dialect: str) -> Answer:
    """Return a refusal in the words of the API that was asked."""
    if dialect != "v2":
        return Answer(json.dumps({"error": refusal.message}), refusal.status)
    trace = uuid4().hex
    body: dict[str, object] = {
        "error": refusal.message,
        "code": refusal.code,
        "retryable": refusal.status == 429 or refusal.status >= 500,
        "trace_id": trace,
    }
    if refusal.parameter:
        body["parameter"] = refusal.parameter
    return Answer(json.dumps(body), refusal.status, {"x-trace-id": trace})


def refused(dialect: str, retry_after: float | None) -> Answer:
    """Return 429, with Retry-After if it is known."""
    base = worded(RefusedError(429, "rate limit exceeded", code="rate_limited"), dialect)
    extra = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    return Answer(base.body, 429, {**base.headers, **extra})


def _split(path: str) -> tuple[str, str]:
    _, upstream, *rest = path.split("/", 2)
    return upstream, "/" + rest[0] if rest else "/"


def _matched(pattern: list[str], segments: list[str]) -> tuple[str, ...] | None:
    if len(pattern) != len(segments):
        return None
    pairs = list(zip(pattern, segments, strict=True))
    if any(want not in {"{}", have} or not (have or want == "") for want, have in pairs):
        return None
    return tuple(have for want, have in pairs if want == "{}")


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _send(send: Send, reply: Answer, date: str) -> None:
    raw = reply.body.encode()
    headers = {
        "content-type": reply.content_type,
        "content-length": str(len(raw)),
        "date": date,
        **reply.headers,
    }
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
    await send({"type": "http.response.body", "body": raw})
