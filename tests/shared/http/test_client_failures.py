"""Every failure of an upstream has a name, and the gates hear of it."""

import socket
import threading

import pytest

from shared.clock import SystemClock
from shared.domain.errors import Malformed, RateLimited, Rejected, Unavailable
from shared.http.client import Upstream
from shared.http.response import retry_after_s
from shared.rate_limit.gate import RateGate
from tests.shared.http.local_server import Reply, Server

BLOCK_PAGE = b"<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head></html>"
NOW_MS = 1_790_000_000_000
pytestmark = pytest.mark.server


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
