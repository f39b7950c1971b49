"""Events that the world tells its listeners: the facts behind the pushed frames."""

from dataclasses import dataclass
from typing import Literal

from simulator.core.book import Change
from simulator.core.fill import Fill, Match
from simulator.core.market import Market
from simulator.exchange.orders import PlacedOrder, Trade


@dataclass(frozen=True)
class BookMoved:
    """Levels changed, in terms of the first outcome."""

    market: Market
    changes: tuple[Change, ...]
    at_ms: int


@dataclass(frozen=True)
class Traded:
    """A match happened; its transaction is not mined yet."""

    match: Match
    tx_hash: str
    at_ms: int


@dataclass(frozen=True)
class TickMoved:
    """A market's tick size changed."""

    market: Market
    old: int
    new: int
    at_ms: int


@dataclass(frozen=True)
class MarketListed:
    """A market opened."""

    market: Market
    at_ms: int


@dataclass(frozen=True)
class MarketEnded:
    """A market was resolved."""

    market: Market
    at_ms: int


@dataclass(frozen=True)
class FillReported:
    """The activity push feed shows a fill."""

    fill: Fill
    at_ms: int


@dataclass(frozen=True)
class OrderChanged:
    """A signed order was placed, filled or ended; `shown` is the status as its owner reads it."""

    order: PlacedOrder
    kind: Literal["PLACEMENT", "UPDATE", "CANCELLATION"]
    at_ms: int
    shown: str = ""


@dataclass(frozen=True)
class TradeChanged:
    """A signed order's match went one step on."""

    trade: Trade
    at_ms: int


News = BookMoved | Traded | TickMoved | MarketListed | MarketEnded | FillReported | OrderChanged | TradeChanged
