"""The books of live markets, kept by what the market channel tells. Pure: time is an argument.

A book is good from its first snapshot on a connection until something speaks against it: the venue's own best prices
differ from ours, a message about it could not be read, REST knows a later state that the socket did not bring. Then
nobody reads it until a snapshot, pushed or asked for, has set it right.
"""

from collections.abc import Callable, Iterable
from typing import Literal

from buyer.domain.order_book import BookTrust, LiveBook
from shared.domain.market import Book
from shared.polymarket.wire.market_channel import (
    BookSnapshot,
    LevelChange,
    LevelChanges,
    MarketEnded,
    Message,
    TickSizeChanged,
    TradePrinted,
    UnreadableFrame,
)

Finding = Literal["same", "older", "ahead", "withheld", "differs", "replaced", "cold"]
"""What a book asked for over REST says of ours.

`ahead` may be on its way, `withheld` had its time to come; one that `differs` at the same time is doubted, and
`replaced` by the next one: two changes in one millisecond look the same.
"""


class OrderBooks:
    """Live books by token; what is not wanted is not kept."""

    def __init__(self, trust: BookTrust | None = None, count: Callable[[str], None] = lambda _: None) -> None:
        self._trust, self._count = trust or BookTrust(), count
        self._books: dict[str, LiveBook] = {}

    def __len__(self) -> int:
        return len(self._books)

    def want(self, token_id: str, now_ms: int) -> None:
        """Keep a token's book from its next snapshot on."""
        self._books.setdefault(token_id, LiveBook(token_id, cold_since_ms=now_ms))

    def keeps(self, token_id: str) -> bool:
        """Say whether a token's book is to be kept."""
        return token_id in self._books

    def forget(self, token_ids: Iterable[str]) -> None:
        """Keep these no longer."""
        for token_id in token_ids:
            self._books.pop(token_id, None)

    def unanchor(self, token_ids: Iterable[str], now_ms: int) -> None:
        """Trust nothing of these until a new snapshot is pushed: their connection is gone, or their market."""
        for token_id in token_ids:
            if live := self._books.get(token_id):
                self._books[token_id] = LiveBook(token_id, told_at_ms=live.told_at_ms, cold_since_ms=now_ms)

    def cold(self, now_ms: int) -> list[str]:
        """Return, once in a while, the tokens whose subscription brought no snapshot."""
        waiting = [live for live in self._books.values() if not live.anchored]
        found = [live for live in waiting if not _within(self._trust.cold_ms, live.cold_since_ms, now_ms)]
        for live in found:
            live.cold_since_ms = now_ms
        return [live.token_id for live in found]

    def apply(self, message: Message, now_ms: int) -> None:
        """Take in what the socket says."""
        match message:
            case LevelChanges():
                self._change(message, now_ms)
            case BookSnapshot():
                self._anchor(message, now_ms)
            case TickSizeChanged():
                self._move_tick(message, now_ms)
            case MarketEnded():
                self._count("ended")
                self.unanchor(message.token_ids, now_ms)
            case TradePrinted():
                pass  # it moves no book
            case UnreadableFrame():
                self._count("unreadable")
                for token_id in message.token_ids or tuple(self._books):
                    self._doubt(token_id, "unreadable", now_ms)

    def read(self, token_id: str, now_ms: int) -> tuple[Book | None, str]:
        """Return a book that may be acted on; None with what speaks against it."""
        live = self._books.get(token_id)
        if live is None:
            return None, "unknown"
        against = self._against(live, now_ms)
        return (None, against) if against else (live.book(), "")

    def told_at_ms(self, token_id: str) -> int:
        """Return the venue's time of the last thing the socket said of a token; 0 for nothing."""
        live = self._books.get(token_id)
        return live.told_at_ms if live else 0

    def due(self, now_ms: int, most: int) -> list[str]:
        """Return the tokens to compare with REST now, those first that waited longest."""
        trust = self._trust
        waiting = [
            live
            for live in self._books.values()
            if live.anchored
            and not _within(trust.check_after_ms, live.checked_at_ms, now_ms)
            and (
                not _within(trust.check_after_ms, live.proved_at_ms, now_ms)
                or not _within(trust.check_every_ms, live.checked_at_ms, now_ms)
                or live.doubt
                or live.tick is None
                or live.ahead_at_ms is not None
            )
        ]
        return [live.token_id for live in sorted(waiting, key=lambda live: live.checked_at_ms)[:most]]

    def asked(self, token_ids: Iterable[str], now_ms: int) -> None:
        """Take in that REST is asked of these now, whatever comes of it: what fails must not keep others waiting."""
        for token_id in token_ids:
            if live := self._books.get(token_id):
                live.checked_at_ms = now_ms

    def check(self, said: BookSnapshot, asked_at_ms: int) -> Finding:
        """Compare a book asked for over REST at `asked_at_ms` with ours, and set ours right where that is safe."""
        live = self._books.get(said.token_id)
        if live is None or not live.anchored:
            return "cold"
        if self._outdated(live, said, asked_at_ms):
            return "older"
        if not _within(self._trust.early_ms, asked_at_ms, live.tick_told_at_ms - 1):
            live.tick = said.tick or live.tick
        if (said.bids, said.asks) == (live.bids, live.asks):
            self._prove(live, asked_at_ms)
            live.doubt = ""
            return "same"
        return self._differing(live, said, asked_at_ms)

    def _anchor(self, message: BookSnapshot, now_ms: int) -> None:
        live = self._books.get(message.token_id)
        if live is None or (live.anchored and message.at_ms < live.changed_at_ms):
            return
        if message.at_ms - now_ms > self._trust.early_ms:
            self._doubt(message.token_id, "time", now_ms)
            return
        first = not live.anchored
        live.put(message)
        live.anchored = True
        self._told(live, message.at_ms, now_ms, fresh=first)

    def _change(self, message: LevelChanges, now_ms: int) -> None:
        last: dict[str, tuple[LiveBook, LevelChange]] = {}
        for change in message.changes:
            live = self._books.get(change.token_id)
            if live is None or not live.anchored or message.at_ms < live.changed_at_ms:
                continue
            if message.at_ms - now_ms > self._trust.early_ms:
                self._doubt(change.token_id, "time", now_ms)
                continue
            live.change(change, message.at_ms)
            last[change.token_id] = (live, change)
        for live, change in last.values():
            self._told(live, message.at_ms, now_ms)
            if not live.agrees(change):
                self._doubt(live.token_id, "best_price_differs", now_ms)

    def _move_tick(self, message: TickSizeChanged, now_ms: int) -> None:
        live = self._books.get(message.token_id)
        if live is not None and live.anchored:
            self._count("tick_moved")
            live.tick, live.tick_told_at_ms = message.tick, now_ms

    def _told(self, live: LiveBook, at_ms: int, now_ms: int, *, fresh: bool = False) -> None:
        live.told_at_ms = max(live.told_at_ms, at_ms)
        if live.ahead_at_ms is not None and at_ms >= live.ahead_at_ms:
            live.ahead_at_ms = None
        if fresh or now_ms - at_ms <= self._trust.late_ms:
            live.proved_at_ms = now_ms

    def _prove(self, live: LiveBook, now_ms: int) -> None:
        live.proved_at_ms = now_ms
        live.ahead_at_ms = None

    def _outdated(self, live: LiveBook, said: BookSnapshot, asked_at_ms: int) -> bool:
        """Say whether an answer can be from before what we know: a cache's, or too soon after a doubt arose."""
        trust = self._trust
        too_soon = bool(live.doubt) and _within(trust.settle_ms, live.doubted_at_ms, asked_at_ms)
        no_time = said.at_ms - asked_at_ms > trust.early_ms
        return too_soon or no_time or said.at_ms < live.told_at_ms - trust.settle_ms

    def _differing(self, live: LiveBook, said: BookSnapshot, asked_at_ms: int) -> Finding:
        alike = said.at_ms == live.changed_at_ms or (said.hash != "" and said.hash == live.hash)
        if said.at_ms < live.told_at_ms and not alike:
            return "older"
        if live.doubt:
            live.put(said)
            self._prove(live, asked_at_ms)
            return "replaced"
        if alike:
            self._doubt(said.token_id, "differs", asked_at_ms)
            return "differs"
        return self._behind(live, said.at_ms, asked_at_ms)

    def _behind(self, live: LiveBook, at_ms: int, now_ms: int) -> Finding:
        if live.ahead_at_ms is None:
            live.ahead_since_ms = now_ms
        live.ahead_at_ms = at_ms
        return "ahead" if _within(self._trust.grace_ms, live.ahead_since_ms, now_ms) else "withheld"

    def _doubt(self, token_id: str, why: str, now_ms: int) -> None:
        live = self._books.get(token_id)
        if live is not None and live.anchored:
            self._count(f"doubt_{why}")
            live.doubt, live.doubted_at_ms = why, now_ms

    def _against(self, live: LiveBook, now_ms: int) -> str:
        """Return the first thing that speaks against reading this book now; '' for nothing."""
        checks = (
            (not live.anchored, "cold"),
            (bool(live.doubt), live.doubt),
            (live.tick is None, "no_tick"),
            (live.ahead_at_ms is not None, "behind"),
            (not _within(self._trust.read_for_ms, live.proved_at_ms, now_ms), "old"),
            (live.crossed, "crossed"),
        )
        return next((reason for speaks, reason in checks if speaks), "")


def _within(span_ms: int, then_ms: int, now_ms: int) -> bool:
    """Say whether `then` is less than `span_ms` ago; what lies ahead is not, since a clock can be set back."""
    return 0 <= now_ms - then_ms < span_ms
