"""The ports of the settlement: venue and chain, asked about orders and trades, and the feed that tells of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from buyer.domain.order_result import OrderSeen, OwnTrade
from shared.domain.market import MarketFacts


class OrderLookups(Protocol):
    """The venue's word on our orders and trades, and the chain's."""

    def order(self, order_hash: str) -> OrderSeen | None:
        """Return what became of one order; None when the venue does not keep it."""
        ...

    def listed(self, since_ms: int) -> Mapping[str, Sequence[Any]]:
        """Return the raw trades of each order hash since then."""
        ...

    def trades_of(self, raws: Iterable[Any]) -> Mapping[str, Sequence[Any]]:
        """Return the same raw trades by the hash of each order that has a part in them."""
        ...

    def trade(self, raw: object, order_hash: str, facts: MarketFacts) -> OwnTrade:
        """Read an order's part of a raw trade."""
        ...

    def booked(self, trades: Sequence[tuple[str, OwnTrade]]) -> Mapping[str, OwnTrade]:
        """Return those trades (given with their order's hash) that the chain shows, as it booked them, by their id."""
        ...


class OrderFeed(Protocol):
    """Says what happens to our orders while it is connected."""

    def wait(self, seconds: float) -> bool:
        """Wait for news; True when there is some (or some may have been missed)."""
        ...

    def trades(self) -> Sequence[Any]:
        """Return the raw trades that were said to be confirmed since the last call."""
        ...

    def covers(self, since_ms: int) -> bool:
        """Say whether it has been connected since then."""
        ...

    def close(self) -> None:
        """Leave."""
        ...
