"""Rows of the activity feed, in every shape the Data API serves them."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

Shape = Literal["v1_activity", "v1_trades", "v2_activity", "v2_trades"]

V1_NAMES = (
    "proxyWallet", "timestamp", "conditionId", "type", "size", "usdcSize", "transactionHash",
    "price", "asset", "side", "outcomeIndex", "title", "slug", "icon", "eventSlug", "outcome",
    "name", "pseudonym", "bio", "profileImage", "profileImageOptimized",
)  # fmt: skip
V2_NAMES = (
    "proxy_wallet", "timestamp", "condition_id", "type", "size", "usdc_size", "transaction_hash",
    "price", "token_id", "side", "outcome_index", "title", "slug", "icon", "event_slug", "outcome",
    "name", "pseudonym", "bio", "profile_image", "profile_image_optimized",
)  # fmt: skip
_ONLY_ACTIVITY = {"type", "usdcSize", "usdc_size"}
_NAMES: dict[Shape, tuple[str, ...]] = {
    "v1_activity": V1_NAMES,
    "v1_trades": V1_NAMES,
    "v2_activity": V2_NAMES,
    "v2_trades": V2_NAMES,
}


@dataclass(eq=False, kw_only=True, slots=True)
class Row:
    """One row: `texts` holds the JSON text of each value, in the order of `V1_NAMES`."""

    wallet: str
    timestamp: int
    seq: int
    data_at_ms: int
    kind: str
    condition_id: str
    side: str
    shares: int
    usdc: int
    tx_hash: str
    taker: bool
    texts: tuple[str, ...]
    v2_texts: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def key(self) -> tuple[int, int]:
        """Return the feed's order: time, then sequence."""
        return (self.timestamp, self.seq)


@lru_cache(maxsize=20_000)
def render(row: Row, shape: Shape) -> str:
    """Return a row as JSON."""
    skipped = _ONLY_ACTIVITY if shape.endswith("trades") else frozenset[str]()
    given = row.v2_texts if shape.startswith("v2") else {}
    pairs = zip(_NAMES[shape], row.texts, strict=True)
    members = ",".join(f'"{name}":{given.get(name, text)}' for name, text in pairs if name not in skipped)
    return "{" + members + "}"


class Activity:
    """Every row, by wallet and by market, in feed order."""

    def __init__(self) -> None:
        """Start empty."""
        self._by_wallet: dict[str, list[Row]] = {}
        self._by_condition: dict[str, list[Row]] = {}
        self._all: list[Row] = []

    def add(self, row: Row) -> None:
        """Insert a row where it belongs."""
        for rows in self._lists(row):
            insort(rows, row, key=_key)

    def remove(self, row: Row) -> None:
        """Take a row out, as a reorganisation does."""
        for rows in self._lists(row):
            rows.remove(row)

    def of_wallet(self, wallet: str) -> Sequence[Row]:
        """Return a wallet's rows, oldest first, visible or not yet."""
        return self._by_wallet.get(wallet, ())

    def of_condition(self, condition_id: str) -> Sequence[Row]:
        """Return a market's rows, oldest first."""
        return self._by_condition.get(condition_id, ())

    def everything(self) -> Sequence[Row]:
        """Return all rows, oldest first."""
        return self._all

    def _lists(self, row: Row) -> tuple[list[Row], list[Row], list[Row]]:
        wallet = self._by_wallet.setdefault(row.wallet, [])
        return wallet, self._by_condition.setdefault(row.condition_id, []), self._all


def between(
    rows: Sequence[Row], start: int, end: int, *, after: tuple[int, int] | None, newest_first: bool
) -> Iterator[Row]:
    """Yield the rows of a span of seconds, both ends included, beyond a key if one is given."""
    low = bisect_left(rows, (start, -1), key=_key)
    high = bisect_left(rows, (end + 1, -1), key=_key)
    if newest_first:
        if after:
            high = min(high, bisect_left(rows, after, key=_key))
        yield from (rows[place] for place in range(high - 1, low - 1, -1))
    else:
        if after:
            low = max(low, bisect_right(rows, after, key=_key))
        yield from (rows[place] for place in range(low, high))


def _key(row: Row) -> tuple[int, int]:
    return row.key
