"""The stream: what changed, once; a pulse in between; nothing for who may not read any more."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from ops.board.board import Board
from ops.board.board_state import BoardState
from ops.web.live.board_feed import BoardFeed
from ops.web.live.event_stream import event_text, stream_regions
from ops.web.templating import PageWriter
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.domain.money import Usdc

NOW_MS = 1_790_000_000_000


class Server:
    """What the board is read from."""

    def __init__(self) -> None:
        self.board = Board(at_ms=NOW_MS, mode="paper", state=BoardState(word="running"))
        self.reads, self.away = 0, False

    def read(self) -> Board:
        self.reads += 1
        if self.away:
            raise Unavailable("redis://127.0.0.1:1/0 does not answer")
        return self.board


def a_feed(server: Server, clock: ManualClock) -> BoardFeed:
    return BoardFeed(server.read, PageWriter(), clock, 1.0)


async def heard(events: AsyncIterator[str], count: int, between: Callable[[int], None] = lambda _: None) -> list[str]:
    found: list[str] = []
    async for text in events:
        found.append(text)
        between(len(found))
        if len(found) == count:
            break
    return found


def names(texts: list[str]) -> list[str]:
    return [text.partition("\n")[0].removeprefix("event: ") for text in texts]


def test_an_event_is_sent_line_by_line_as_the_standard_has_it() -> None:
    assert event_text("state", "<p>\nx\r\ny") == "event: state\ndata: <p>\ndata: x\ndata: y\n\n"
    assert event_text("ended", "") == "event: ended\ndata: \n\n"


def test_only_what_changed_is_sent_anew() -> None:
    server, clock = Server(), ManualClock(NOW_MS)
    feed = a_feed(server, clock)
    feed.look()

    def change(count: int) -> None:
        if count == 4:
            server.board = Board(at_ms=NOW_MS, mode="paper", state=server.board.state, cash=Usdc(5_000_000))
            feed.look_anew()

    found = asyncio.run(heard(stream_regions(feed, ("state", "figures"), clock, lambda: True), 6, change))

    assert names(found) == ["retry: 1000", "state", "figures", "pulse", "figures", "pulse"]
    assert "5.00" in found[4]


def test_a_server_that_is_away_leaves_the_old_board_and_says_so() -> None:
    server, clock = Server(), ManualClock(NOW_MS)
    feed = a_feed(server, clock)
    feed.look()
    server.away = True
    clock.advance(60)

    look = feed.look()
    found = asyncio.run(heard(stream_regions(feed, ("state",), clock, lambda: True), 3))

    assert look.board == server.board
    assert look.read_at_ms == NOW_MS
    assert "does not answer" in found[1]
    assert json.loads(found[2].partition("data: ")[2]) == {
        "now_ms": NOW_MS + 60_000,
        "read_at_ms": NOW_MS,
        "away": True,
    }


def test_the_stream_ends_with_the_session() -> None:
    clock = ManualClock(NOW_MS)
    feed = a_feed(Server(), clock)

    found = asyncio.run(heard(stream_regions(feed, ("state",), clock, lambda: False), 9))

    assert names(found) == ["retry: 1000", "ended"]


def test_the_board_is_read_once_for_all_viewers_and_not_at_all_for_none() -> None:
    server, clock = Server(), ManualClock(NOW_MS)
    feed, stop = a_feed(server, clock), threading.Event()

    class Ticking(ManualClock):
        def wait(self, event: threading.Event, seconds: float) -> bool:
            clock.advance(seconds)
            if clock.now_ms() > NOW_MS + 10_000:
                stop.set()
            return event.is_set()

    feed._clock = Ticking()
    feed._clock.now_ms = clock.now_ms
    feed.keep_looking(stop)
    assert server.reads == 0

    stop.clear()
    clock.set(NOW_MS)
    for _ in range(5):
        feed.join_viewer()
    feed.keep_looking(stop)
    assert 9 <= server.reads <= 12


@pytest.mark.parametrize("region", ["state", "figures", "positions", "health", "caps", "latest", "leaders", "alarms"])
def test_a_region_of_an_empty_board_can_be_drawn(region: str) -> None:
    feed = a_feed(Server(), ManualClock(NOW_MS))

    drawn = feed.look().drawn

    assert drawn is not None
    assert region in drawn
