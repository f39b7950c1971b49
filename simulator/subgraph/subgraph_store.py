"""The subgraph's index: V1 events up to a block a little behind the head."""

from collections.abc import Callable
from typing import Any

from simulator.core.fill import Fill
from simulator.core.world import World

_LAG_BLOCKS = 2
Row = dict[str, Any]


class Store:
    """Turn the world's V1 fills into the subgraph's entities."""

    def __init__(self, world: World) -> None:
        """Index a world."""
        self._world = world

    def head(self, now_ms: int) -> int:
        """Return the block indexed last; it moves on whether or not there are events."""
        return self._world.chain.head(now_ms) - _LAG_BLOCKS

    def rows(self, now_ms: int) -> Callable[[str, dict[str, Any]], list[Row]]:
        """Return a reader of one entity's rows as they stand now."""
        return lambda entity, where: self._read(entity, where, self.head(now_ms))

    def _read(self, entity: str, where: dict[str, Any], head: int) -> list[Row]:
        if entity == "MarketData":
            return self._markets()
        if self._world.settings.era != "v1":
            return []
        fills = [fill for fill in self._fills(where) if fill.block <= head and not fill.removed]
        if entity == "OrderFilledEvent":
            return [self._event(fill) for fill in fills]
        takers = [fill for fill in fills if fill.role == "taker"]
        if entity == "OrdersMatchedEvent":
            return [self._match(fill) for fill in takers]
        if entity == "Orderbook":
            tokens = dict.fromkeys(fill.token_id for fill in takers)
            return [_volume(t, [f for f in takers if f.token_id == t]) for t in tokens]
        return [_volume("", takers)]

    def _fills(self, where: dict[str, Any]) -> list[Fill]:
        """Narrow by maker first: that is how this entity is asked for."""
        makers = where.get("maker_in") or ([where["maker"]] if where.get("maker") else None)
        if makers is None:
            return self._world.fills
        return [fill for fill in self._world.fills if fill.wallet in makers]

    def _markets(self) -> list[Row]:
        return [
            {"id": token_id, "condition": market.condition_id, "outcomeIndex": outcome}
            for market in self._world.catalog.markets
            for outcome, token_id in enumerate(market.tokens)
        ]

    def _event(self, fill: Fill) -> Row:
        given, received = _assets(fill)
        paid, got = _amounts(fill)
        return {
            "id": f"{fill.tx_hash}_{fill.order_hash}",
            "transactionHash": fill.tx_hash,
            "timestamp": self._world.chain.timestamp(fill.block),
            "orderHash": fill.order_hash,
            "maker": fill.wallet,
            "taker": fill.counterparty or self._world.exchange(fill.market),
            "makerAssetId": given,
            "takerAssetId": received,
            "makerAmountFilled": paid,
            "takerAmountFilled": got,
            "fee": fill.fee,
        }

    def _match(self, fill: Fill) -> Row:
        given, received = _assets(fill)
        paid, got = _amounts(fill)
        return {
            "id": fill.tx_hash,
            "timestamp": self._world.chain.timestamp(fill.block),
            "makerAssetID": int(given),
            "takerAssetID": int(received),
            "makerAmountFilled": paid,
            "takerAmountFilled": got,
        }


def _assets(fill: Fill) -> tuple[str, str]:
    return ("0", fill.token_id) if fill.order.side == "BUY" else (fill.token_id, "0")


def _amounts(fill: Fill) -> tuple[int, int]:
    given, received = fill.order.usdc, fill.order.shares
    return (given, received) if fill.order.side == "BUY" else (received, given)


def _volume(name: str, fills: list[Fill]) -> Row:
    bought = [fill.order.usdc for fill in fills if fill.order.side == "BUY"]
    sold = [fill.order.usdc for fill in fills if fill.order.side == "SELL"]
    volumes = {"": sum(bought) + sum(sold), "Buy": sum(bought), "Sell": sum(sold)}
    row: Row = {
        "id": name,
        "tradesQuantity": len(fills),
        "buysQuantity": len(bought),
        "sellsQuantity": len(sold),
    }
    for which, volume in volumes.items():
        row[f"collateral{which}Volume"] = volume
        row[f"scaledCollateral{which}Volume"] = volume / 1_000_000
    return row
