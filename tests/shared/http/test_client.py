"""Upstreams over a real local socket: what is sent, what is read, what is kept."""

import gzip
import threading
from decimal import Decimal

import fakeredis
import pytest

from shared.clock import SystemClock
from shared.domain.errors import BadConfig, Rejected, Unavailable
from shared.http.client import Upstream
from shared.http.response import HttpExchange
from shared.rate_limit.gate import GateLimits, RateGate
from tests.shared.http.local_server import Reply, Server

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
