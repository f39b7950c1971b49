"""The activity push feed: every fill of the venue, named by wallet, a second early."""

import json
from typing import Any

from simulator.core import identity
from simulator.core.fill import Fill
from simulator.core.world import World
from simulator.core.world_events import FillReported, News
from simulator.data_api.rows import rtds_payload
from simulator.gateway.sockets import Connection, Hub

_TYPES = {"trades", "orders_matched"}
_Filters = dict[str, str]


class Rtds(Hub):
    """Push fills to those who subscribed to the activity topic."""

    def __init__(self, world: World) -> None:
        """Listen to a world."""
        super().__init__("rtds", world)
        self._wanted: dict[Connection, dict[str, _Filters]] = {}
        self._names: dict[Connection, str] = {}
        self._count = 0
        world.listen(self.tell)

    def joined(self, connection: Connection) -> Connection:
        """Give a connection its id."""
        self._count += 1
        self._wanted[connection] = {}
        self._names[connection] = identity.digest("rtds", self._count)[:16]
        return connection

    def left(self, connection: Connection) -> None:
        """Forget a connection."""
        self._wanted.pop(connection, None)
        self._names.pop(connection, None)

    def hear(self, connection: Connection, text: str) -> None:
        """Answer PING with an empty string; one bad topic spoils the whole batch."""
        if text.strip().upper() == "PING":
            connection.reply("")
            return
        try:
            asked: Any = json.loads(text)
            wanted = dict(_subscription(each) for each in asked["subscriptions"])
        except (ValueError, KeyError, TypeError, AttributeError):
            connection.reply(json.dumps({"message": "Invalid request body", "statusCode": 400}))
            return
        if asked.get("action") == "subscribe":
            self._wanted[connection].update(wanted)
        elif asked.get("action") == "unsubscribe":
            for kind in wanted:
                self._wanted[connection].pop(kind, None)

    def tell(self, news: News) -> None:
        """Push a reported fill."""
        if not isinstance(news, FillReported) or not self._wanted:
            return
        payload = self._payload(news.fill)
        for connection, wanted in list(self._wanted.items()):
            for kind, filters in wanted.items():
                if kind == "orders_matched" and news.fill.role != "taker":
                    continue
                if _passes(payload, filters):
                    connection.push(self._frame(connection, kind, payload, news.at_ms))

    def _payload(self, fill: Fill) -> dict[str, object]:
        """Return the payload; three rows in four carry the block's time minus 1 s."""
        early = int(fill.order_hash[2:4], 16) % 4 != 0
        second = self.world.chain.timestamp(fill.block) - early
        skew = self.world.faults.skew_ms("rtds", fill.rtds_at_ms) // 1000
        return rtds_payload(fill, second + skew, self.world.profile(fill.wallet))

    def _frame(self, connection: Connection, kind: str, payload: dict[str, object], at_ms: int) -> str:
        skew = self.world.faults.skew_ms("rtds", at_ms)
        return json.dumps(
            {
                "topic": "activity",
                "type": kind,
                "timestamp": at_ms + skew,
                "connection_id": self._names[connection],
                "payload": payload,
            },
            separators=(",", ":"),
        )


def _subscription(asked: dict[str, str]) -> tuple[str, _Filters]:
    if asked["topic"] != "activity" or asked["type"] not in _TYPES:
        msg = "invalid topic"
        raise ValueError(msg)
    text = asked.get("filters", "")
    # Seen live: a filter with blanks in it matches nothing.
    filters: _Filters = json.loads(text) if text and " " not in text else {}
    return asked["type"], filters if text == "" or filters else {"": "never"}


def _passes(payload: dict[str, object], filters: _Filters) -> bool:
    names = {"event_slug": "eventSlug", "market_slug": "slug"}
    return all(payload.get(names.get(name, name)) == value for name, value in filters.items())
