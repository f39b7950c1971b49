"""Upstreams over a real local socket: every failure has a name, and the gates hear of it."""

import gzip
import socket
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import fakeredis
import pytest

from shared.clock import SystemClock
from shared.domain.errors import BadConfig, Malformed, RateLimited, Rejected, Unavailable
from shared.http.client import Upstream
from shared.http.response import HttpExchange, retry_after_s
from shared.rate_limit.gate import GateLimits, RateGate
from tests.waiting import PATIENCE_S

BLOCK_PAGE = b"<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head></html>"
NOW_MS = 1_790_000_000_000


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


@pytest.fixture
def server() -> Generator[Server]:
    built = Server()
    thread = threading.Thread(target=lambda: built.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    yield built
    built.closing.set()
    built.shutdown()
    built.server_close()
    thread.join(timeout=PATIENCE_S)


@pytest.fixture
def gate() -> Generator[RateGate]:
    redis = fakeredis.FakeRedis(decode_responses=True)
    yield RateGate(redis, "data", GateLimits(1000, burst=100), clock=SystemClock())
    redis.close()


@pytest.fixture
def upstream(server: Server, gate: RateGate) -> Generator[Upstream]:
    built = Upstream("data", server.url, [gate], clock=SystemClock(), stop=threading.Event(), timeout_s=0.5)
    yield built
    built.close()


pytestmark = pytest.mark.server


def test_numbers_with_a_point_are_decimals_to_the_last_digit(server: Server, upstream: Upstream) -> None:
    server.says(Reply(body=b'[{"price": 0.7400000012, "size": 5, "p": 1.0, "q": 1e-7}]'))

    (row,) = upstream.get("/v2/trades", {"user": "0xabc", "limit": 5})

    assert row == {"price": Decimal("0.7400000012"), "size": 5, "p": Decimal("1.0"), "q": Decimal("1e-7")}
    assert isinstance(row["size"], int)
    assert server.asked[0][1] == "/v2/trades?user=0xabc&limit=5"


def test_a_tap_is_given_every_whole_answer_refusals_too(server: Server) -> None:
    heard: list[HttpExchange] = []
    stop, key = threading.Event(), "0123456789abcdef"
    tapped = Upstream("rpc", f"{server.url}/v2/{key}", [], clock=SystemClock(), stop=stop, tap=heard.append)

    tapped.post("", {"method": "eth_blockNumber"})
    server.says(Reply(503, b"away"))
    with pytest.raises(Unavailable):
        tapped.get("/x", {"user": "0xab"})

    assert [(each.answer.status, each.answer.body) for each in heard] == [(200, b'{"ok": true}'), (503, b"away")]
    assert heard[0].sent["data"] == b'{"method":"eth_blockNumber"}'
    assert heard[1].sent["params"] == {"user": "0xab"}
    assert heard[0].secrets == (key,)
    tapped.close()


def test_an_exchange_sends_exactly_these_bytes_and_returns_the_answer_whatever_its_status(
    server: Server, upstream: Upstream
) -> None:
    server.says(Reply(status=425, body=b'{"error":"Too Early"}'))

    answer = upstream.send(upstream.request("POST", "/order", body='{"a": 1}', headers={"POLY_ADDRESS": "0xabc"}))

    (_, path, headers, body) = server.asked[0]
    assert (answer.status, answer.body) == (425, b'{"error":"Too Early"}')
    assert (path, headers["POLY_ADDRESS"], body) == ("/order", "0xabc", b'{"a": 1}')


def test_a_post_sends_json_and_says_who_we_are(server: Server, upstream: Upstream) -> None:
    assert upstream.post("/books", [{"token_id": "1"}]) == {"ok": True}

    method, path, headers, body = server.asked[0]
    assert (method, path, body) == ("POST", "/books", b'[{"token_id":"1"}]')
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("hybrid-signals/")


def test_calls_share_one_kept_alive_connection(server: Server, upstream: Upstream) -> None:
    for _ in range(5):
        upstream.get("/ok")

    assert server.connections == 1


def test_an_answer_in_gzip_is_read(server: Server, upstream: Upstream) -> None:
    server.says(Reply(body=gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"}))

    assert upstream.get("/v2/trades") == {"a": 1}


@pytest.mark.pitfall(13)
@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("0.5", 0.5), (None, None), ("soon", None)])
def test_a_429_is_rate_limited_with_the_upstreams_word_on_when(
    server: Server, upstream: Upstream, gate: RateGate, header: str | None, seconds: float | None
) -> None:
    server.says(Reply(429, b'{"error": "slow down"}', {"Retry-After": header} if header else {}))

    with pytest.raises(RateLimited, match="data GET /v2/activity: 429, too many requests: slow down") as caught:
        upstream.get("/v2/activity")

    assert caught.value.retry_after_s == seconds
    assert gate.snapshot().throttled == 1
    assert gate.snapshot().hold_s == pytest.approx(seconds or gate.limits.hold_s, abs=1.0)


@pytest.mark.pitfall(13)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 425])
def test_a_fault_of_theirs_is_unavailable(server: Server, upstream: Upstream, gate: RateGate, status: int) -> None:
    server.says(Reply(status, b"upstream connect error", kind="text/plain"))

    with pytest.raises(Unavailable, match=f"{status}: upstream connect error"):
        upstream.get("/v2/activity")

    assert gate.snapshot().throttled == 0


def test_a_fault_that_says_when_to_come_back_holds_the_gate(server: Server, upstream: Upstream, gate: RateGate) -> None:
    server.says(Reply(503, b"{}", {"Retry-After": "5"}))

    with pytest.raises(Unavailable):
        upstream.get("/order")

    assert gate.snapshot().hold_s == pytest.approx(5, abs=1.0)


@pytest.mark.pitfall(13)
def test_a_403_web_page_is_rejected_in_plain_words(server: Server, upstream: Upstream) -> None:
    server.says(Reply(403, BLOCK_PAGE, kind="text/html; charset=UTF-8"))

    with pytest.raises(Rejected, match=r"blocked before the API.*region.*Attention Required") as caught:
        upstream.get("/v2/activity")

    assert caught.value.status == 403


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": "not enough balance / allowance"}', "400: not enough balance / allowance"),
        (b'{"errorMsg": "market not ready"}', "400: market not ready"),
        (b'{"error": {"code": 3, "message": "bad block range"}}', "400: bad block range"),
        (b"plain\n words", "400: plain words"),
        (b"", "400: no words"),
        (b"[1, 2]", r"400: \[1, 2\]"),
    ],
)
def test_other_refusals_carry_the_upstreams_words(server: Server, upstream: Upstream, body: bytes, words: str) -> None:
    server.says(Reply(400, body))

    with pytest.raises(Rejected, match=words):
        upstream.get("/order")


def test_long_words_are_cut_short(server: Server, upstream: Upstream) -> None:
    server.says(Reply(404, b"x" * 100_000))

    with pytest.raises(Rejected) as caught:
        upstream.get("/order")

    assert len(str(caught.value)) < 300


@pytest.mark.pitfall(13)
def test_silence_is_unavailable_after_the_time_out(server: Server, upstream: Upstream) -> None:
    server.says(Reply(drip_s=1.0))

    with pytest.raises(Unavailable, match=r"data GET /v2/activity: no answer within 0\.5 s"):
        upstream.get("/v2/activity")


def test_an_answer_that_drips_does_not_hold_us_for_ever(server: Server, upstream: Upstream) -> None:
    server.says(Reply(body=b"[" + b" " * 200 + b"]", drip_s=0.05))

    with pytest.raises(Unavailable, match=r"not complete within 1 s"):
        upstream.get("/v2/activity")


def test_nobody_listening_is_unavailable(gate: RateGate) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    upstream = Upstream("data", f"http://127.0.0.1:{port}", [gate], clock=SystemClock(), stop=threading.Event())

    with pytest.raises(Unavailable, match="connection lost"):
        upstream.get("/v2/activity")


@pytest.mark.pitfall(13)
def test_a_connection_lost_in_the_middle_of_an_answer_is_unavailable(server: Server, upstream: Upstream) -> None:
    server.says(Reply(body=b'{"rows": [1, 2', promised=5000))

    with pytest.raises(Unavailable, match="connection lost"):
        upstream.get("/v2/activity")


@pytest.mark.pitfall(13)
@pytest.mark.parametrize(
    "body", [b'{"rows": [{"price": 0.5}, {"pri', b"", b"null null", b'{"a": NaN}', b'"\xff\xfe"', b"[" * 100_000]
)
def test_json_that_is_cut_off_or_wrong_is_malformed(server: Server, upstream: Upstream, body: bytes) -> None:
    server.says(Reply(body=body))

    with pytest.raises(Malformed, match="JSON cannot be read") as caught:
        upstream.get("/v2/activity")

    assert len(str(caught.value)) < 250


def test_a_page_instead_of_json_is_malformed_and_shows_how_it_begins(server: Server, upstream: Upstream) -> None:
    server.says(Reply(body=b"<html>maintenance</html>", kind="text/html"))

    with pytest.raises(Malformed, match="text/html instead of JSON: '<html>maintenance"):
        upstream.get("/v2/activity")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/graphql-response+json; charset=utf-8"])
def test_json_is_read_under_any_name_it_is_sent_with(server: Server, upstream: Upstream, kind: str) -> None:
    server.says(Reply(body=b"1790000000", kind=kind))

    assert upstream.get("/time") == 1_790_000_000


def test_an_endless_answer_is_malformed(server: Server, gate: RateGate) -> None:
    stop = threading.Event()
    upstream = Upstream("data", server.url, [gate], clock=SystemClock(), stop=stop, max_body_bytes=10_000)
    server.says(Reply(body=gzip.compress(b" " * 1_000_000), headers={"Content-Encoding": "gzip"}))

    with pytest.raises(Malformed, match="larger than 10000 bytes"):
        upstream.get("/v2/activity")
    upstream.close()


def test_broken_compression_is_malformed(server: Server, upstream: Upstream) -> None:
    server.says(Reply(body=b"no gzip at all", headers={"Content-Encoding": "gzip"}))

    with pytest.raises(Malformed, match="compression"):
        upstream.get("/v2/activity")


def test_a_redirect_on_the_same_host_is_followed(server: Server, upstream: Upstream) -> None:
    moved = Reply(301, b"", {"Location": "/v3/activity"})
    server.reply = lambda path: moved if path.startswith("/v2") else Reply(body=b'"here"')

    assert upstream.get("/v2/activity") == "here"


def test_a_redirect_to_another_host_is_not_followed(server: Server, upstream: Upstream) -> None:
    server.says(Reply(302, b"", {"Location": "http://elsewhere.example/?key=s3cret"}))

    with pytest.raises(Rejected, match=r"redirected to elsewhere\.example, not followed"):
        upstream.get("/v2/activity")

    assert len(server.asked) == 1


def test_redirects_that_go_round_end(server: Server, upstream: Upstream) -> None:
    server.says(Reply(302, b"", {"Location": "/again"}))

    with pytest.raises(Rejected, match="more than 3 redirects"):
        upstream.get("/v2/activity")


@pytest.mark.pitfall(30)
def test_no_message_holds_a_key(server: Server, gate: RateGate) -> None:
    key = "Zk3yThatNobodyMaySee1234"
    url = f"{server.url}/v2/{key}"
    upstream = Upstream("rpc", url, [gate], clock=SystemClock(), stop=threading.Event(), timeout_s=0.5)
    replies = [
        Reply(401, f"invalid key {key}".encode()),
        Reply(500, key.encode()),
        Reply(body=key.encode()),
        Reply(drip_s=1),
    ]

    for reply in replies:
        server.says(reply)
        with pytest.raises((Rejected, Unavailable, Malformed)) as caught:
            upstream.get(f"/x?apikey={key}", {"token": key})
        cause: BaseException | None = caught.value
        while cause is not None:
            assert key not in str(cause)
            cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    assert key not in upstream.stats.snapshot().last_error
    upstream.close()


def test_a_stop_ends_a_call_that_waits_at_its_gate(server: Server) -> None:
    stop = threading.Event()
    slow = RateGate(fakeredis.FakeRedis(decode_responses=True), "slow", GateLimits(0.01), clock=SystemClock())
    upstream = Upstream("data", server.url, [slow], clock=SystemClock(), stop=stop)
    threading.Timer(0.05, stop.set).start()

    with pytest.raises(Unavailable, match="stopping, nothing was sent"):
        upstream.get("/v2/activity")

    assert server.asked == []


def test_the_stats_count_requests_errors_and_latencies(server: Server, upstream: Upstream) -> None:
    upstream.get("/ok")
    server.says(Reply(404))
    for _ in range(2):
        with pytest.raises(Rejected):
            upstream.get("/gone")

    stats = upstream.stats.snapshot()

    assert (stats.name, stats.requests, dict(stats.errors)) == ("data", 3, {"Rejected": 2})
    assert sum(stats.latency_counts) == 3
    assert stats.last_ok_ms is not None
    assert "404" in stats.last_error


def test_cookies_are_not_kept(server: Server, upstream: Upstream) -> None:
    server.says(Reply(headers={"Set-Cookie": "__cf_bm=abc; path=/"}))

    upstream.get("/ok")
    upstream.get("/ok")

    assert "Cookie" not in server.asked[1][2]


@pytest.mark.parametrize("url", ["data-api.polymarket.com", "ftp://x", "https://", "https://x/?key=1"])
def test_a_base_url_that_cannot_work_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(BadConfig, match="The URL of data"):
        Upstream("data", url, [], clock=SystemClock(), stop=threading.Event())


@pytest.mark.pitfall(14)
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "Mon, 21 Sep 2026 13:33:30 GMT", "Date": "Mon, 21 Sep 2026 13:33:20 GMT"}, 10.0),
        ({"Retry-After": "Mon, 21 Sep 2026 14:13:30 GMT"}, 10.0),
        ({"Retry-After": "Mon, 21 Sep 2020 00:00:00 GMT"}, 0.0),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
    ],
)
def test_a_date_to_retry_after_counts_from_the_upstreams_own_clock(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after_s(headers, NOW_MS) == seconds
