"""The CLOB's user channel: a key's own orders and trades; nothing is told twice, nothing is replayed."""

import json
from dataclasses import dataclass
from typing import Any

from simulator.clob.credentials import ApiKey, Credentials
from simulator.clob.trading_json import order_event, trade_event
from simulator.core.world import World
from simulator.core.world_events import News, OrderChanged, TradeChanged
from simulator.gateway.sockets import Connection, Hub


@dataclass(frozen=True)
class _Audience:
    key: ApiKey
    markets: set[str] | None


class UserChannel(Hub):
    """Push what happens to the orders of whoever proves a key."""

    def __init__(self, world: World, credentials: Credentials) -> None:
        """Listen to a world."""
        super().__init__("user", world)
        self._credentials = credentials
        self._known: dict[Connection, _Audience] = {}
        world.listen(self.tell)

    def hear(self, connection: Connection, text: str) -> None:
        """Answer PING, believe a key, change the markets wanted."""
        if text == "PING":
            connection.reply("PONG")
            return
        try:
            asked: Any = json.loads(text)
            given: dict[str, Any] = asked.get("auth", {})
            markets: list[Any] | None = asked.get("markets")
            named = [str(given.get(each, "")) for each in ("apiKey", "secret", "passphrase")]
            wanted = {str(each).lower() for each in markets or ()}
        except (ValueError, AttributeError, TypeError):
            connection.reply("INVALID OPERATION")
            return
        if connection in self._known and asked.get("operation") in {"subscribe", "unsubscribe"}:
            self._change(connection, wanted, adding=asked["operation"] == "subscribe")
        elif asked.get("type") == "user" and (key := self._credentials.matching(*named)):
            self._known[connection] = _Audience(key, wanted or None)
        else:
            connection.close(1008)

    def left(self, connection: Connection) -> None:
        """Forget a connection's key."""
        self._known.pop(connection, None)

    def tell(self, news: News) -> None:
        """Turn a change of an order or trade into frames for its owner."""
        if isinstance(news, OrderChanged):
            order = news.order
        elif isinstance(news, TradeChanged):
            order = news.trade.order
        else:
            return
        skewed = news.at_ms + self.world.faults.skew_ms("user", news.at_ms)
        for connection, audience in list(self._known.items()):
            key, markets = audience.key, audience.markets
            if key.address == order.account.owner and (markets is None or order.market.condition_id in markets):
                for _ in range(self._copies(news)):
                    connection.push(json.dumps(_frame(news, key.key, skewed)))

    def _copies(self, news: OrderChanged | TradeChanged) -> int:
        """Return how often a frame is sent: once, unless a fault loses or repeats it."""
        route = "/trade" if isinstance(news, TradeChanged) else "/order"
        faults, now = self.world.faults, self.world.now_ms()
        if faults.take("lost_message", "user", route, now):
            return 0
        return 2 if faults.take("duplicate_message", "user", route, now) else 1

    def _change(self, connection: Connection, wanted: set[str], *, adding: bool) -> None:
        old = self._known[connection]
        had = old.markets or set[str]()
        self._known[connection] = _Audience(old.key, had | wanted if adding else had - wanted)


def _frame(news: OrderChanged | TradeChanged, owner: str, at_ms: int) -> dict[str, Any]:
    if isinstance(news, TradeChanged):
        return trade_event(news.trade, owner, at_ms)
    return order_event(news.order, owner, news.kind, at_ms, news.shown)
