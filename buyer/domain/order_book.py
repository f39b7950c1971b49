"""One token's book as the market channel tells it, and what is known of its worth. Pure."""

from dataclasses import dataclass, field
from typing import Self

from shared.domain.market import BOOK_DEPTH, Book, Level
from shared.domain.money import MICRO, Price, Shares
from shared.polymarket.wire.market_channel import BookSnapshot, LevelChange, Levels


@dataclass(frozen=True)
class BookTrust:
    """How long what is believed: milliseconds."""

    read_for_ms: int = 8_000
    """A book that nothing vouched for since is not read."""
    check_after_ms: int = 4_000
    """A book that nothing vouched for since is compared with REST: the longest a silent freeze can go unseen."""
    check_every_ms: int = 20_000
    """And every book so often, however much the socket says of it: it may all be late."""
    late_ms: int = 5_000
    """A message older than this vouches for nothing (pitfall 10)."""
    grace_ms: int = 3_000
    """How long the socket may be behind REST before it withholds something."""
    settle_ms: int = 1_000
    """How far apart the venue's own servers may be: its times of one state differ, and REST may lag."""
    early_ms: int = 60_000
    """A time so far ahead of ours is no time: taking it would make everything after it look old."""
    cold_ms: int = 30_000
    """How long a subscription may go without a snapshot before it is made anew."""

    @classmethod
    def within(cls, max_age_s: int) -> Self:
        """Return the trust that keeps what is read younger than the policy allows."""
        read_for_ms = max_age_s * 800
        return cls(read_for_ms=read_for_ms, check_after_ms=min(4_000, read_for_ms // 2))


@dataclass(slots=True)
class LiveBook:
    """One token's levels, and what is known of their worth."""

    token_id: str
    bids: Levels = field(default_factory=dict[Price, Shares])
    asks: Levels = field(default_factory=dict[Price, Shares])
    tick: Price | None = None
    hash: str = ""
    changed_at_ms: int = 0
    told_at_ms: int = 0
    """The venue's time of the latest message that moved it."""
    proved_at_ms: int = 0
    checked_at_ms: int = 0
    ahead_at_ms: int | None = None
    ahead_since_ms: int = 0
    cold_since_ms: int = 0
    anchored: bool = False
    doubt: str = ""
    doubted_at_ms: int = 0
    tick_told_at_ms: int = 0
    sides: tuple[tuple[Level, ...], tuple[Level, ...]] | None = None

    @property
    def best_bid(self) -> Price | None:
        """Return the highest price somebody pays."""
        return max(self.bids, default=None)

    @property
    def best_ask(self) -> Price | None:
        """Return the lowest price somebody asks."""
        return min(self.asks, default=None)

    @property
    def crossed(self) -> bool:
        """Say whether a bid stands at or above an ask: nobody should trade on that."""
        bid, ask = self.best_bid, self.best_ask
        return bid is not None and ask is not None and bid >= ask

    def put(self, snapshot: BookSnapshot) -> None:
        """Take a snapshot in place of everything."""
        self.bids, self.asks, self.hash = dict(snapshot.bids), dict(snapshot.asks), snapshot.hash
        self.changed_at_ms = snapshot.at_ms
        self.tick = snapshot.tick or self.tick
        self.doubt, self.sides = "", None

    def change(self, change: LevelChange, at_ms: int) -> None:
        """Set one level."""
        levels = self.bids if change.side == "BUY" else self.asks
        if change.shares > 0:
            levels[change.price] = change.shares
        else:
            levels.pop(change.price, None)
        self.changed_at_ms, self.hash, self.sides = at_ms, change.hash, None

    def agrees(self, change: LevelChange) -> bool:
        """Say whether our best prices are those the venue states with its change."""
        return _same(change.best_bid, self.best_bid) and _same(change.best_ask, self.best_ask)

    def book(self) -> Book:
        """Return it as a value; `at_ms` is when something last vouched for it."""
        if self.sides is None:
            self.sides = (_cut(self.bids, reverse=True), _cut(self.asks, reverse=False))
        bids, asks = self.sides
        return Book(
            token_id=self.token_id,
            at_ms=self.proved_at_ms,
            changed_at_ms=self.changed_at_ms,
            tick=self.tick,
            bids=bids,
            asks=asks,
            source="socket",
        )


def _same(said: Price | None, ours: Price | None) -> bool:
    """Say whether a stated best price is ours: 0 or 1 is an empty side, and what is not stated contradicts nothing."""
    if said is None:
        return True
    return said == ours if 0 < said < MICRO else ours is None


def _cut(levels: Levels, *, reverse: bool) -> tuple[Level, ...]:
    best = sorted(levels, reverse=reverse)[:BOOK_DEPTH]
    return tuple(Level(price=price, shares=levels[price]) for price in best)
