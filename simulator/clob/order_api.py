"""The CLOB's private half that is about orders: place, cancel, read one's own."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from simulator.clob.account_api import ClobAccount, Handler
from simulator.clob.credentials import ApiKey
from simulator.clob.engine_modes import Wish, refusal
from simulator.clob.signer_limits import Kind, SignerLimits
from simulator.clob.trading_json import blank_trade_json, contradicted_json, order_json, placed_json, trade_json
from simulator.core.clock import Stopwatch
from simulator.core.world import World
from simulator.exchange.exchange import Exchange
from simulator.exchange.order_form import form_of
from simulator.exchange.orders import PlacedOrder
from simulator.gateway.http_messages import Answer, Call, Json, RefusedError, Route, answer

_MOST_ORDERS = 15
_MOST_CANCELS = 3000
_PAGE = 500
_END = "LTE="
Row = TypeVar("Row")


class ClobOrders:
    """Serve the signed routes under /clob."""

    def __init__(self, world: World, exchange: Exchange, keys: ClobAccount, signers: SignerLimits) -> None:
        """Take orders for an exchange."""
        self._world = world
        self._signers = signers
        self._watch = Stopwatch()
        self._exchange = exchange
        self._keys = keys

    def routes(self) -> list[Route]:
        """Return what is served."""
        signed: list[tuple[str, str, Handler]] = [
            ("POST", "/order", self._metered("orders", self.post_order)),
            ("POST", "/orders", self._metered("orders", self.post_orders)),
            ("DELETE", "/order", self._metered("cancels", self.cancel_order)),
            ("DELETE", "/orders", self._metered("cancels", self.cancel_orders)),
            ("DELETE", "/cancel-all", self._metered("cancels", self.cancel_all)),
            ("DELETE", "/cancel-market-orders", self._metered("cancels", self.cancel_market)),
            ("GET", "/data/order/{}", self.order),
            ("GET", "/data/orders", self.orders),
            ("GET", "/data/trades", self.trades),
        ]
        return [Route(method, path, self._keys.private(handler)) for method, path, handler in signed]

    def post_order(self, call: Call, key: ApiKey) -> Answer:
        """Take one order; what is refused or killed answers 400."""
        order = self._exchange.place(form_of(call.json()), key, self._keys.now_s(call))
        if order.reason:
            return answer({"error": order.reason, "orderID": order.id}, 400)
        contradicted = self._world.faults.take("contradiction", "clob", "/order", call.now_ms)
        return answer(contradicted_json(order) if contradicted else placed_json(order))

    def post_orders(self, call: Call, key: ApiKey) -> Answer:
        """Take up to 15 orders; each has its own result."""
        asked = _listed(call.json(), _MOST_ORDERS)
        return answer([self._result(each, call, key) for each in asked])

    def cancel_order(self, call: Call, key: ApiKey) -> Answer:
        """Cancel one order."""
        asked: Json = call.json()
        name = cast("dict[str, Json]", asked).get("orderID") if isinstance(asked, dict) else None
        if not isinstance(name, str) or not name:
            raise RefusedError(400, "Invalid orderID")
        return self._canceled([name], key)

    def cancel_orders(self, call: Call, key: ApiKey) -> Answer:
        """Cancel up to 3000 orders."""
        return self._canceled([str(each) for each in _listed(call.json(), _MOST_CANCELS)], key)

    def cancel_all(self, _call: Call, key: ApiKey) -> Answer:
        """Cancel everything open."""
        return self._canceled([order.id for order in self._own(key) if order.status == "LIVE"], key)

    def cancel_market(self, call: Call, key: ApiKey) -> Answer:
        """Cancel everything open in a market or token."""
        asked: dict[str, Any] = call.json()
        market, token = asked.get("market"), asked.get("asset_id")
        fitting = [
            order.id
            for order in self._own(key)
            if order.status == "LIVE"
            and market in {None, "", order.market.condition_id}
            and token in {None, "", order.form.token_id}
        ]
        return self._canceled(fitting, key)

    def order(self, call: Call, key: ApiKey) -> Answer:
        """Return one own order, open or not."""
        found = self._exchange.orders.get(call.parts[0].lower())
        hidden = self._world.faults.take("hidden_order", "clob", "/data/order", call.now_ms)
        if found is None or hidden or found.account.owner != key.address:
            raise RefusedError(404, "order not found")
        return answer(order_json(found, key.key))

    def orders(self, call: Call, key: ApiKey) -> Answer:
        """Return a page of open orders."""
        query = call.query
        chosen = [
            order
            for order in self._own(key)
            if order.status in {"LIVE", "DELAYED"}
            and query.get("id") in {"", order.id}
            and query.get("market") in {"", order.market.condition_id}
            and query.get("asset_id") in {"", order.form.token_id}
        ]
        return _page(chosen, lambda order: order_json(order, key.key), call)

    def trades(self, call: Call, key: ApiKey) -> Answer:
        """Return a page of own trades, newest first."""
        query = call.query
        before = query.integer("before", 1 << 62)
        after = query.integer("after", 0)
        chosen = [
            trade
            for trade in reversed(self._exchange.trades.all)
            if trade.order.account.owner == key.address
            and query.get("id") in {"", trade.id}
            and query.get("market") in {"", trade.order.market.condition_id}
            and query.get("asset_id") in {"", trade.order.form.token_id}
            and query.get("maker_address").lower() in {"", trade.order.form.maker}
            and after <= trade.at_ms // 1000 < before
        ]
        faults, now = self._world.faults, call.now_ms
        if faults.take("hidden_order", "clob", "/data/trades", now):
            chosen = []
        blank = faults.take("blank_numbers", "clob", "/data/trades", now)
        shown_as = blank_trade_json if blank else trade_json
        return _page(chosen, lambda trade: shown_as(trade, key.key), call)

    def _metered(self, kind: Kind, handler: Handler) -> Handler:
        """Count a signer's orders or cancels and ask the engine, before anything is done."""

        def metered(call: Call, key: ApiKey) -> Answer:
            asked: Json = call.json() if call.body else None
            count = len(cast("list[Json]", asked)) if isinstance(asked, list) else 1
            enough, headers = self._signers.take(key.address, kind, count, self._watch.seconds())
            if not enough:
                return Answer(json.dumps({"error": "rate limit exceeded"}), 429, headers)
            refused = refusal(self._world, call.path, _wish(kind, asked))
            reply = refused or handler(call, key)
            return Answer(reply.body, reply.status, {**reply.headers, **headers})

        return metered

    def _own(self, key: ApiKey) -> list[PlacedOrder]:
        return [order for order in self._exchange.orders.values() if order.account.owner == key.address]

    def _result(self, body: Json, call: Call, key: ApiKey) -> dict[str, Any]:
        try:
            order = self._exchange.place(form_of(body), key, self._keys.now_s(call))
        except RefusedError as refused:
            return _failed(refused.message)
        return _failed(order.reason, order.id) if order.reason else placed_json(order)

    def _canceled(self, names: list[str], key: ApiKey) -> Answer:
        done: list[str] = []
        kept: dict[str, str] = {}
        for name in names:
            order = self._exchange.orders.get(name.lower())
            if order is None or order.account.owner != key.address:
                kept[name] = "order can't be found - already canceled or matched"
            elif self._exchange.cancel(order):
                done.append(name)
            else:
                kept[name] = "already canceled or matched"
        return answer({"canceled": done, "not_canceled": kept})


def _wish(kind: Kind, asked: Json) -> Wish:
    """Return what is wanted of the engine; a batch is post-only when each of its orders is."""
    if kind == "cancels":
        return "cancel"
    orders = cast("list[Json]", asked if isinstance(asked, list) else [asked])
    passive = all(isinstance(each, dict) and cast("dict[str, Json]", each).get("postOnly") is True for each in orders)
    return "post_only" if passive else "order"


def _listed(body: Json, most: int) -> Sequence[Json]:
    if not isinstance(body, list) or not 0 < len(cast("list[Json]", body)) <= most:
        raise RefusedError(400, "Invalid payload")
    return cast("list[Json]", body)


def _failed(message: str, name: str = "") -> dict[str, Any]:
    return {
        "errorMsg": message,
        "orderID": name,
        "takingAmount": "",
        "makingAmount": "",
        "status": "unmatched" if name else "",
        "success": False,
    }


def _page(rows: list[Row], shown_as: Callable[[Row], dict[str, Any]], call: Call) -> Answer:
    given = call.query.get("next_cursor")
    try:
        start = 0 if given in {"", "MA=="} else int(base64.b64decode(given))
    except ValueError as error:
        raise RefusedError(400, "invalid next_cursor") from error
    rest = start + _PAGE
    cursor = _END if start < 0 or rest >= len(rows) else base64.b64encode(str(rest).encode()).decode()
    shown = [] if start < 0 else [shown_as(row) for row in rows[start:rest]]
    body = {"limit": _PAGE, "next_cursor": cursor, "count": len(shown), "data": shown}
    return Answer(json.dumps(body))
