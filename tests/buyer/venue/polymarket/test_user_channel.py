"""The push feed of our own orders: says that something happened, comes back by itself, and never trusts a mute line."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import cast

import pytest
from pydantic import SecretStr

from buyer.venue.polymarket.credentials import ApiKey
from buyer.venue.polymarket.user_channel import PING_S, STALE_S, UserChannel
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.websocket import PushSocket, SocketClosed

KEY = ApiKey(SecretStr("owner"), SecretStr("c2VjcmV0"), SecretStr("phrase"))


@dataclass
class Line:
    """A connection whose frames a test decides."""

    clock: ManualClock
    frames: list[str | None] = field(default_factory=list[str | None])
    sent: list[str] = field(default_factory=list[str])
    opened: int = 0
    down: bool = False

    def connect(self) -> PushSocket:
        if self.down:
            raise Unavailable("no connection")
        self.opened += 1
        return cast("PushSocket", self)

    def send(self, text: str) -> None:
        self.sent.append(text)

    def receive(self, timeout_s: float) -> str | None:
        if self.down:
            raise SocketClosed("cut", 1006)
        self.clock.advance(timeout_s)
        return self.frames.pop(0) if self.frames else None

    def close(self) -> None:
        pass

    def feed(self) -> UserChannel:
        return UserChannel(self.connect, KEY, clock=self.clock, pause=self.clock.advance)


def test_it_asks_for_all_markets_with_its_key_and_says_that_something_may_have_been_missed() -> None:
    line = Line(ManualClock())

    assert line.feed().wait(1)

    auth = {"apiKey": "owner", "secret": "c2VjcmV0", "passphrase": "phrase"}
    assert json.loads(line.sent[0]) == {"type": "user", "auth": auth}


def test_a_frame_is_news_and_a_pong_is_not() -> None:
    line = Line(ManualClock(), frames=["PONG", None, '{"event_type":"trade"}', None])
    feed = line.feed()
    feed.wait(1)

    assert [feed.wait(1) for _ in range(3)] == [False, True, False]


def test_frames_that_come_together_are_heard_together() -> None:
    line = Line(ManualClock(), frames=['{"event_type":"order"}', '{"event_type":"trade"}', "PONG", None])
    feed = line.feed()
    feed.wait(1)

    assert [feed.wait(1), feed.wait(1)] == [True, False]


def test_confirmed_trades_are_handed_out_once_and_nothing_else_is() -> None:
    confirmed = '{"event_type":"trade","status":"CONFIRMED","id":"t1","size":9.25}'
    others = [
        '{"event_type":"trade","status":"MINED"}',
        '{"event_type":"order","status":"CONFIRMED"}',
        "CONFIRMED",
        None,
    ]
    line = Line(ManualClock(), frames=[confirmed, f"[{confirmed}]", *others])
    feed = line.feed()

    for _ in range(7):
        feed.wait(1)

    assert [(row["id"], row["size"]) for row in feed.trades()] == [("t1", Decimal("9.25"))] * 2
    assert feed.trades() == []


def test_it_covers_what_happened_since_the_line_stands_and_nothing_after_it_broke() -> None:
    clock = ManualClock()
    line = Line(clock)
    feed = line.feed()
    assert not feed.covers(clock.now_ms())

    feed.wait(1)

    assert feed.covers(clock.now_ms())
    assert not feed.covers(clock.now_ms() - 1)
    line.down = True
    feed.wait(1)
    assert not feed.covers(clock.now_ms() + 10_000)


@pytest.mark.pitfall(10)
def test_a_line_that_is_open_and_mute_is_left_for_another_one() -> None:
    line = Line(ManualClock())
    feed = line.feed()
    feed.wait(1)

    for _ in range(int(STALE_S) + 3):
        feed.wait(1)
    news = [feed.wait(1) for _ in range(3)]

    assert any(news)
    assert line.opened == 2
    assert line.sent.count("PING") >= STALE_S // PING_S


def test_a_venue_that_is_away_is_asked_again_after_growing_pauses() -> None:
    clock = ManualClock()
    line = Line(clock, down=True)
    feed = line.feed()

    for _ in range(20):
        assert not feed.wait(0.25)
    line.down = False
    came_back = any(feed.wait(0.25) for _ in range(60))

    assert came_back
    assert line.opened == 1
