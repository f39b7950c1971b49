"""The CLOB's private half over REST: keys, orders, own state, balances."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, cast

from simulator import contracts
from simulator.accounts import CASH, Account
from simulator.credentials import ApiKey, Credentials
from simulator.exchange import Exchange
from simulator.order_form import form_of
from simulator.orders import PlacedOrder
from simulator.trading_json import order_json, placed_json, trade_json
from simulator.web import Answer, Call, Json, RefusedError, Route, answer
from simulator.world import World

_MOST_ORDERS = 15
_MOST_CANCELS = 3000
_PAGE = 500
_END = "LTE="
Handler = Callable[[Call, ApiKey], Answer]


class ClobOrders:
    """Serve the signed routes under /clob."""

    def __init__(self, world: World, exchange: Exchange, credentials: Credentials) -> None:
        """Take orders for an exchange."""
        self._world = world
        self._exchange = exchange
        self._credentials = credentials

    def routes(self) -> list[Route]:
        """Return what is served."""
        signed: list[tuple[str, str, Handler]] = [
            ("GET", "/auth/api-keys", self.api_keys),
            ("DELETE", "/auth/api-key", self.delete_key),
            ("GET", "/auth/ban-status/closed-only", self.closed_only),
            ("POST", "/order", self.post_order),
            ("POST", "/orders", self.post_orders),
            ("DELETE", "/order", self.cancel_order),
            ("DELETE", "/orders", self.cancel_orders),
            ("DELETE", "/cancel-all", self.cancel_all),
            ("DELETE", "/cancel-market-orders", self.cancel_market),
            ("GET", "/data/order/{}", self.order),
            ("GET", "/data/orders", self.orders),
            ("GET", "/data/trades", self.trades),
            ("GET", "/balance-allowance", self.balance),
            ("GET", "/balance-allowance/update", self.refresh),
        ]
        return [
            Route("POST", "/auth/api-key", lambda call: answer(self._make(call).record())),
            Route("GET", "/auth/derive-api-key", self.derive),
            *(Route(method, path, self._private(handler)) for method, path, handler in signed),
        ]

    def derive(self, call: Call) -> Answer:
        """Return an API key made before."""
        return answer(self._credentials.derive(call, self.now_s(call)).record())

    def now_s(self, call: Call) -> int:
        """Return the venue's clock, which a fault may have set wrong."""
        return (call.now_ms + self._world.faults.skew_ms("clob", call.now_ms)) // 1000

    def api_keys(self, _call: Call, key: ApiKey) -> Answer:
        """Return the ids of an address's keys."""
        return answer({"apiKeys": [each.key for each in self._credentials.of(key.address)]})

    def delete_key(self, _call: Call, key: ApiKey) -> Answer:
        """Forget the key that signed this."""
        self._credentials.delete(key)
        return answer("OK")

    def closed_only(self, _call: Call, key: ApiKey) -> Answer:
        """Tell whether an address may only close positions."""
        own = [each for each in self._exchange.accounts.by_wallet.values() if each.owner == key.address]
        return answer({"closed_only": any(each.closed_only for each in own)})

    def post_order(self, call: Call, key: ApiKey) -> Answer:
        """Take one order; what is refused or killed answers 400."""
        order = self._exchange.place(form_of(call.json()), key, self.now_s(call))
        if order.reason:
            return answer({"error": order.reason, "orderID": order.id}, 400)
        return answer(placed_json(order))

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
        if found is None or found.account.owner != key.address:
            raise RefusedError(404, "order not found")
        return answer(order_json(found, key.key))

    def orders(self, call: Call, key: ApiKey) -> Answer:
        """Return a page of open orders."""
        query = call.query
        chosen = [
            order_json(order, key.key)
            for order in self._own(key)
            if order.status in {"LIVE", "DELAYED"}
            and query.get("id") in {"", order.id}
            and query.get("market") in {"", order.market.condition_id}
            and query.get("asset_id") in {"", order.form.token_id}
        ]
        return _page(chosen, call)

    def trades(self, call: Call, key: ApiKey) -> Answer:
        """Return a page of own trades, newest first."""
        query = call.query
        before = query.integer("before", 1 << 62)
        after = query.integer("after", 0)
        chosen = [
            trade_json(trade, key.key)
            for trade in reversed(self._exchange.trades.all)
            if trade.order.account.owner == key.address
            and query.get("id") in {"", trade.id}
            and query.get("market") in {"", trade.order.market.condition_id}
            and query.get("asset_id") in {"", trade.order.form.token_id}
            and query.get("maker_address").lower() in {"", trade.order.form.maker}
            and after <= trade.at_ms // 1000 < before
        ]
        return _page(chosen, call)

    def balance(self, call: Call, key: ApiKey) -> Answer:
        """Return what the venue believes a wallet has and may spend, in micro-units."""
        account, what = self._asked(call, key)
        accounts = self._exchange.accounts
        if account is None:
            return answer({"balance": "0", "allowances": dict.fromkeys(contracts.EXCHANGES, "0")})
        shown = accounts.balance(account, what) if account.synced else 0
        allowed = {each: str(accounts.allowance(account, what, each)) for each in contracts.EXCHANGES}
        return answer({"balance": str(shown), "allowances": allowed})

    def refresh(self, call: Call, key: ApiKey) -> Answer:
        """Look at the chain again."""
        account, _ = self._asked(call, key)
        if account is not None:
            account.synced = True
        return Answer("")

    def _private(self, handler: Handler) -> Callable[[Call], Answer]:
        return lambda call: handler(call, self._credentials.checked(call, self.now_s(call)))

    def _make(self, call: Call) -> ApiKey:
        return self._credentials.create(call, self.now_s(call))

    def _own(self, key: ApiKey) -> list[PlacedOrder]:
        return [order for order in self._exchange.orders.values() if order.account.owner == key.address]

    def _result(self, body: Json, call: Call, key: ApiKey) -> dict[str, Any]:
        try:
            order = self._exchange.place(form_of(body), key, self.now_s(call))
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

    def _asked(self, call: Call, key: ApiKey) -> tuple[Account | None, str]:
        query = call.query
        kind, token = query.get("asset_type"), query.get("token_id")
        if kind not in {"COLLATERAL", "CONDITIONAL", "CONDITIONAL-V2"} or (kind != "COLLATERAL" and not token):
            raise RefusedError(400, "Invalid asset type")
        signature_type = query.integer("signature_type", 0, 0, 3)
        account = self._exchange.accounts.of_owner(key.address, signature_type)
        return account, CASH if kind == "COLLATERAL" else token


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


def _page(rows: list[dict[str, Any]], call: Call) -> Answer:
    given = call.query.get("next_cursor")
    try:
        start = 0 if given in {"", "MA=="} else int(base64.b64decode(given))
    except ValueError as error:
        raise RefusedError(400, "invalid next_cursor") from error
    rest = start + _PAGE
    cursor = _END if start < 0 or rest >= len(rows) else base64.b64encode(str(rest).encode()).decode()
    shown = [] if start < 0 else rows[start:rest]
    body = {"limit": _PAGE, "next_cursor": cursor, "count": len(shown), "data": shown}
    return Answer(json.dumps(body))
