"""The nouns of a market that cross processes: facts, book, level, token. Pure values."""

from typing import Annotated, Literal, Self

from msgspec.structs import replace

from shared.domain.errors import Malformed
from shared.domain.money import FeeExponent, Price, Rate, Shares, Usdc
from shared.domain.value import OMITTED, Value

Side = Literal["BUY", "SELL"]

BOOK_DEPTH = 25
"""Levels kept on each side: more than any order of ours walks, few enough to record with every decision."""

_MODULES = {0: "none named", 1: "binary", 2: "neg-risk"}
_COMBO = 3
_V2_CONDITION = 2 + 62
_V3_MASK = ((1 << 64) - 1) << 40
"""Position ids of Protocol V2 have these bits empty; a token id of the CTF is a hash and has not (reference 3.3)."""


class MarketFacts(Value, frozen=True, kw_only=True):
    """What does not change from trade to trade, for one outcome token."""

    token_id: str
    condition_id: str
    outcome_index: int
    outcome: str = ""
    title: str = ""
    slug: str = ""
    event_slug: str = ""
    event_id: str = ""
    category: str = ""
    tick: Price
    min_shares: Shares
    fee_rate: Rate = Rate(0)
    fee_exponent: FeeExponent = 1
    neg_risk: bool = False
    accepting_orders: bool = True
    closed: bool = False
    ends_at_ms: int | None = None
    liquidity: Annotated[Usdc | None, OMITTED] = None
    """What rests in its books, as Gamma reckons it every few minutes; None where it does not say."""


class Level(Value, frozen=True, kw_only=True):
    """Resting shares at one price."""

    price: Price
    shares: Shares


class Book(Value, frozen=True, kw_only=True):
    """One token's resting orders, best level first on both sides, whatever order they were sent in.

    `at_ms` is when we got it, or when something last vouched for one kept in memory; `changed_at_ms` the venue's time
    of its last change (a quiet book is not a stale one); `tick` the grid it stands on now, which can change in a
    market's life; `source` says whether REST answered it or the market channel keeps it.
    """

    token_id: str
    at_ms: int
    changed_at_ms: int | None = None
    tick: Price | None = None
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    source: Literal["rest", "socket"] = "rest"

    @classmethod
    def of(
        cls,
        token_id: str,
        at_ms: int,
        bids: list[Level],
        asks: list[Level],
        *,
        changed_at_ms: int | None = None,
        tick: Price | None = None,
    ) -> Self:
        """Sort levels best first, drop empty ones and keep `BOOK_DEPTH` of each side."""
        kept_bids = sorted((level for level in bids if level.shares > 0), key=lambda level: -level.price)
        kept_asks = sorted((level for level in asks if level.shares > 0), key=lambda level: level.price)
        return cls(
            token_id=token_id,
            at_ms=at_ms,
            changed_at_ms=changed_at_ms,
            tick=tick,
            bids=tuple(kept_bids[:BOOK_DEPTH]),
            asks=tuple(kept_asks[:BOOK_DEPTH]),
        )

    def bare(self) -> Self:
        """Return the same book without its levels."""
        return replace(self, bids=(), asks=())

    @property
    def best_bid(self) -> Price | None:
        """Return the highest price somebody pays, or None."""
        return self.bids[0].price if self.bids else None

    @property
    def best_ask(self) -> Price | None:
        """Return the lowest price somebody asks, or None."""
        return self.asks[0].price if self.asks else None

    @property
    def crossed(self) -> bool:
        """Say whether a bid stands at or above an ask: a book nobody should trade on."""
        bids, asks = self.bids, self.asks
        return bool(bids and asks) and bids[0].price >= asks[0].price

    def against(self, side: Side) -> tuple[Level, ...]:
        """Return the levels an order of `side` would hit, best first."""
        return self.asks if side == "BUY" else self.bids


def is_position(token_id: str) -> bool:
    """Say whether a token is a position of Protocol V2: another contract than ConditionalTokens keeps it."""
    return int(token_id) & _V3_MASK == 0


def of_protocol_v2(condition_id: str) -> bool:
    """Say whether a market is of Protocol V2: its condition has 31 bytes, not 32 (venue reference 2)."""
    return len(condition_id) == _V2_CONDITION


def positions_of(condition_id: str) -> tuple[str, str]:
    """Return both outcomes' positions of a Protocol V2 condition: its 31 bytes, then the outcome (reference 3.3)."""
    number = int(condition_id, 16) << 8
    return str(number), str(number | 1)


def module_of(token_id: str) -> str:
    """Return the module of Protocol V2 that made a position: the first of its 32 bytes (venue reference 3.3).

    Raises:
        Malformed: a combo, which is traded by request for quote only, or a module nobody has told us of.
    """
    number = int(token_id) >> 248
    if number == _COMBO:
        raise Malformed(f"token {token_id} is a combo: it trades by request for quote only, and we ask for none")
    if number not in _MODULES:
        known = ", ".join(f"{each} {name}" for each, name in _MODULES.items() if each)
        raise Malformed(f"token {token_id} is of module {number} of Protocol V2, which we do not know (known: {known})")
    return _MODULES[number]
