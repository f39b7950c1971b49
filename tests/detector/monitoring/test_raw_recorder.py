"""What upstreams say is recorded letter for letter, without their keys, and the sources see it as before."""

import threading
from typing import cast

import fakeredis

from detector.monitoring.raw_recorder import RawRecorder
from shared.clock import ManualClock, SystemClock
from shared.http.response import HttpExchange, HttpResponse
from shared.messages.base import RAW
from shared.messages.events import read_event
from shared.messages.service import RawSeen
from shared.messages.value_codec import write_value
from shared.redis.side_stream import SideStream
from tests.fake_line import FakeLine
from tests.watched_server import Watched

KEY = "0123456789abcdef0123"


class Rig:
    """A tap whose side stream is written by hand."""

    def __init__(self) -> None:
        self.redis = fakeredis.FakeRedis(decode_responses=True)
        self.clock, stop = ManualClock(1_790_000_000_123), threading.Event()
        stop.set()
        self.side = SideStream(self.redis, RAW, clock=self.clock, stop=stop)
        self.tap = RawRecorder(self.side, self.clock, "detector@here:1")

    def recorded(self) -> list[RawSeen]:
        self.side.write_out()
        rows = cast("list[tuple[str, dict[str, str]]]", self.redis.xrange(RAW))
        return [cast("RawSeen", read_event(fields["json"])) for _, fields in rows]


def an_exchange(body: bytes, status: int = 200, **sent: object) -> HttpExchange:
    return HttpExchange("rpc", f"rpc POST /v2/{KEY}", sent, HttpResponse(status, {}, body), (KEY,))


def test_an_answer_is_kept_letter_for_letter_with_what_was_asked() -> None:
    rig = Rig()
    body = '{"price":0.7400000012, "title":"naïve\\n"}\n'

    rig.tap.record_answer(
        HttpExchange("data_api", "data_api GET /v2/activity", {"params": {"user": "0xab"}}, _ok(body), ())
    )

    (seen,) = rig.recorded()
    assert (seen.source, seen.status, seen.body) == ("data_api", 200, body)
    assert seen.request == 'GET /v2/activity {"user":"0xab"}'
    assert (seen.emitted_at_ms, seen.writer, seen.number) == (1_790_000_000_123, "detector@here:1", 1)


def test_a_refusal_is_kept_too_and_a_key_of_the_url_never() -> None:
    rig = Rig()

    rig.tap.record_answer(an_exchange(f"no such key {KEY}".encode(), 401, data=b'{"method":"eth_getLogs"}'))

    (seen,) = rig.recorded()
    assert (seen.status, seen.body, seen.request) == (401, "no such key ***", 'POST /v2/*** {"method":"eth_getLogs"}')
    assert KEY not in write_value(seen)


def test_a_connection_is_listened_to_and_brings_what_it_brings() -> None:
    rig = Rig()
    line = FakeLine(rig.clock, "one", None, "two")

    tapped = rig.tap.tap_connections("rtds", lambda: line)()
    tapped.send("subscribe")
    brought = [tapped.receive(0.1) for _ in range(3)]
    tapped.close()

    assert (brought, line.sent, line.closed) == (["one", None, "two"], ["subscribe"], True)
    assert [(seen.source, seen.body) for seen in rig.recorded()] == [("rtds", "one"), ("rtds", "two")]


def test_who_polls_and_listens_never_speaks_to_the_server_that_records() -> None:
    redis, stop, clock = Watched(), threading.Event(), SystemClock()
    redis.free.clear()  # a server that hangs
    tap = RawRecorder(SideStream(redis, RAW, clock=clock, stop=stop), clock, "detector@here:1")
    line = tap.tap_connections("rtds", lambda: FakeLine(ManualClock(), *["frame"] * 500))()

    for _ in range(500):
        tap.record_answer(HttpExchange("data_api", "data_api GET /v2/activity", {}, _ok("[]"), ()))
        assert line.receive(0.1) == "frame"

    assert threading.get_ident() not in redis.threads
    stop.set()
    redis.free.set()


def _ok(body: str) -> HttpResponse:
    return HttpResponse(200, {}, body.encode())
