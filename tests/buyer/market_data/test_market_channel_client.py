"""One connection to the market channel, without sockets: subscriptions, gaps, watchdog, attempts."""

import json
import threading
from collections.abc import Iterable

import pytest

from buyer.market_data.market_channel_client import BACKOFF, MarketChannelClient
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.polymarket.wire.market_channel import (
    PING,
    PONG,
    PONG_WITHIN_S,
    TOKENS_AT_ONCE,
    BookSnapshot,
    Message,
    UnreadableFrame,
)
from tests.buyer.builders import NOW_MS, TOKEN
from tests.buyer.market_data.channel_fakes import a_frame, raw_book
from tests.fake_line import FakeLine


class Rig:
    """A socket whose next connections are given; it remembers what it told."""

    def __init__(self) -> None:
        self.clock, self.stop = ManualClock(NOW_MS), threading.Event()
        self.heard: list[Message] = []
        self.gaps: list[set[str]] = []
        self.lines: list[FakeLine | Exception] = []
        self.socket = MarketChannelClient(
            "books-1", self.dial, self, clock=self.clock, stop=self.stop, random=lambda: 1.0
        )
        self.socket.want([TOKEN])

    def dial(self) -> FakeLine:
        line = self.lines.pop(0)
        if isinstance(line, Exception):
            raise line
        return line

    def hear(self, messages: list[Message]) -> None:
        self.heard += messages

    def lost(self, token_ids: Iterable[str]) -> None:
        self.gaps.append(set(token_ids))

    def turn(self, *script: object) -> FakeLine:
        line = FakeLine(self.clock, *script)  # type: ignore[arg-type]  # a script's steps
        self.lines.append(line)
        self.socket.turn()
        return line


def asked(line: FakeLine, operation: str) -> list[str]:
    """Return the tokens of each frame of this kind, joined."""
    frames = [json.loads(text) for text in line.sent if text != PING]
    return [
        ",".join(frame["assets_ids"]) for frame in frames if operation in {frame.get("operation"), frame.get("type")}
    ]


def test_a_connection_greets_with_what_is_wanted_and_hands_on_what_it_hears() -> None:
    rig = Rig()

    line = rig.turn(a_frame(raw_book()), PONG)

    assert asked(line, "market") == [TOKEN]
    assert isinstance(rig.heard[0], BookSnapshot)
    assert line.closed


def test_many_tokens_are_asked_for_a_few_at_a_time_so_that_no_first_frame_is_too_large() -> None:
    rig = Rig()
    rig.socket.want([f"{number:03d}" for number in range(TOKENS_AT_ONCE + 1)])

    line = rig.turn(None)

    assert [len(tokens.split(",")) for tokens in asked(line, "market")] == [TOKENS_AT_ONCE]
    assert asked(line, "subscribe") == [f"{TOKENS_AT_ONCE:03d}"]


def test_wishes_that_change_while_it_is_open_are_followed() -> None:
    rig = Rig()

    line = rig.turn(lambda: rig.socket.want(["2"]), None, None)

    assert (asked(line, "unsubscribe"), asked(line, "subscribe")) == ([TOKEN], ["2"])


def test_a_subscription_that_brought_nothing_is_made_anew() -> None:
    rig = Rig()

    line = rig.turn(lambda: rig.socket.ask_again([TOKEN]), None, None)

    assert (asked(line, "unsubscribe"), asked(line, "subscribe")) == ([TOKEN], [TOKEN])


def test_a_lost_connection_is_a_gap_for_all_it_carried_and_the_next_one_subscribes_anew() -> None:
    rig = Rig()
    rig.turn(a_frame(raw_book()), Unavailable("cut"))

    second = rig.turn(None)

    assert rig.gaps == [{TOKEN}, {TOKEN}]
    assert asked(second, "market") == [TOKEN]


def test_a_connection_that_answers_no_ping_is_given_up() -> None:
    rig = Rig()
    began = rig.clock.monotonic()

    line = rig.turn(*[None] * round(PONG_WITHIN_S * 10 + 10))

    assert PONG_WITHIN_S < rig.clock.monotonic() - began < PONG_WITHIN_S + 2
    assert line.sent.count(PING) > 2


@pytest.mark.pitfall(10)
def test_a_connection_found_mute_is_dropped() -> None:
    rig = Rig()

    line = rig.turn(PONG, lambda: rig.socket.drop("mute"), a_frame(raw_book()))

    assert line.closed
    assert rig.heard == []


def test_a_refusal_in_words_ends_the_connection() -> None:
    rig = Rig()

    assert rig.turn("INVALID OPERATION", a_frame(raw_book())).closed
    assert rig.heard == []


@pytest.mark.pitfall(13)
def test_a_frame_that_names_no_token_concerns_all_of_the_connection_and_does_not_end_it() -> None:
    rig = Rig()

    rig.turn("{", a_frame(raw_book()))

    assert [type(message) for message in rig.heard] == [UnreadableFrame, BookSnapshot]
    assert isinstance(rig.heard[0], UnreadableFrame)
    assert rig.heard[0].token_ids == (TOKEN,)


def test_attempts_are_made_ever_more_rarely_and_a_good_connection_starts_anew() -> None:
    rig = Rig()
    rig.lines = [Unavailable("no")] * 9
    pauses: list[float] = []
    for _ in range(9):
        began = rig.clock.monotonic()
        rig.socket.turn()
        pauses.append(rig.clock.monotonic() - began)

    rig.turn(*[None] * 150)

    assert pauses[:3] == [2 * BACKOFF.first_s, 4 * BACKOFF.first_s, 8 * BACKOFF.first_s]
    assert pauses[-1] == BACKOFF.longest_s
    assert rig.socket.pause_s() == BACKOFF.first_s
