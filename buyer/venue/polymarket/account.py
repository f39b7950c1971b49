"""What the venue's API says of our own account: orders, trades, balances, restrictions."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr

from buyer.chain_fills import own_fills
from buyer.trades import OrderSeen, Trade
from buyer.venue.polymarket.answers import barred
from buyer.venue.polymarket.auth import ApiKey, Requests, statement_headers
from buyer.venue.polymarket.readings import is_pending, orders_of, read_order, read_trade
from buyer.venue.polymarket.signer import Signer
from shared import logs
from shared.clock import Clock
from shared.errors import GiveUp, Malformed, RefusedForSafety, Rejected
from shared.gate_limits import Lane
from shared.http import Upstream
from shared.http_answer import retry_after_s, value_of
from shared.market import MarketFacts
from shared.polymarket.payloads import Raw, as_list, as_object, flag, text
from shared.polymarket.polygon import Polygon

_LAST_PAGE = frozenset({"", "LTE="})
MOST_PAGES = 50
_BAD_REQUEST = 400
_NOT_FOUND = 404
_BEFORE_S = 15
"""Trades are asked for from this long before the order was signed: clocks differ."""


@dataclass(frozen=True)
class Holding:
    """A balance in base units, and who may spend it: contract (lower case) -> allowance."""

    balance: int
    allowances: Mapping[str, int]


class Account:
    """The account behind one API key."""

    def __init__(self, clob: Upstream, requests: Requests, polygon: Polygon, *, clock: Clock) -> None:
        self._clob, self._requests, self._polygon, self._clock = clob, requests, polygon, clock
        self._by_batch = True

    def order(self, order_hash: str) -> OrderSeen | None:
        """Return the venue's word on one order; None when it has none.

        Raises:
            TryAgain: throttled or away. GiveUp: refused, or unreadable.
        """
        try:
            found = self._get(f"/data/order/{order_hash}")
        except Rejected as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return read_order(found) if found else None

    def trades(self, order_hash: str, facts: MarketFacts, since_ms: int) -> list[Trade]:
        """Return every trade of one order that is listed.

        Raises:
            TryAgain: throttled or away. GiveUp: refused, or unreadable.
        """
        wish = {"asset_id": facts.token_id, "after": str(max(0, since_ms // 1000 - _BEFORE_S))}
        rows = (row for row in self._pages("/data/trades", wish) if order_hash in orders_of(row))
        return [read_trade(row, order_hash, facts) for row in rows]

    def listed(self, since_ms: int) -> dict[str, list[Raw]]:
        """Return the raw trades of each of our orders since then, by order hash.

        Raises:
            TryAgain: throttled or away. GiveUp: refused, or unreadable.
        """
        return self.trades_of(self._pages("/data/trades", {"after": str(max(0, since_ms // 1000 - _BEFORE_S))}))

    def trades_of(self, raws: Iterable[Raw]) -> dict[str, list[Raw]]:
        """Return raw trades by the hash of each order that has a part in them."""
        found: dict[str, list[Raw]] = {}
        for row in raws:
            for order_hash in orders_of(row):
                found.setdefault(order_hash, []).append(row)
        return found

    def pending(self, since_ms: int) -> frozenset[str]:
        """Return the hashes of orders with a trade since then that is neither confirmed nor failed."""
        listed = self.listed(since_ms)
        return frozenset(name for name, rows in listed.items() if any(is_pending(row) for row in rows))

    def trade(self, raw: object, order_hash: str, facts: MarketFacts) -> Trade:
        """Read an order's part of a raw trade."""
        return read_trade(raw, order_hash, facts)

    def booked(self, trades: Sequence[tuple[str, Trade]]) -> dict[str, Trade]:
        """Return those confirmed trades that the chain shows, with the amounts that it booked to the micro-unit.

        Args:
            trades: The order's hash and the trade; the answer is by the trade's id.

        Raises:
            TryAgain: the node is away or behind. GiveUp: refused, or unreadable.
        """
        sent = list({trade.tx_hash: None for _, trade in trades if trade.tx_hash})
        shown = zip(sent, self._logs(sent), strict=True)
        fills = {name: {fill.order_hash: fill for fill in own_fills(found)} for name, found in shown}
        seen = {trade.id: (trade, fills.get(trade.tx_hash, {}).get(order_hash)) for order_hash, trade in trades}
        return {
            name: replace(trade, shares=fill.shares, usdc=fill.usdc, fee=fill.fee)
            for name, (trade, fill) in seen.items()
            if fill is not None
        }

    def _logs(self, sent: list[str]) -> list[list[Any]]:
        """Return the logs of each transaction; a node that refuses batches is not asked for one again."""
        if self._by_batch:
            try:
                return self._polygon.receipts_logs(sent, Lane.EXITS)
            except GiveUp as error:
                self._by_batch = False
                logs.get("account").warning("batches_refused", error=str(error))
        return [self._polygon.receipt_logs(tx_hash, Lane.EXITS) for tx_hash in sent]

    def holding(self, kind: str, signature_type: int, token_id: str = "") -> Holding:
        """Return the balance of COLLATERAL, CONDITIONAL or CONDITIONAL-V2, and who may spend it."""
        raw = as_object(self._get("/balance-allowance", _asset(kind, signature_type, token_id)), "balance")
        allowances = as_object(raw.get("allowances") or {}, "allowances")
        try:
            return Holding(int(text(raw, "balance")), {name.lower(): int(str(one)) for name, one in allowances.items()})
        except ValueError as error:
            raise Malformed("balance: expected base units") from error

    def refresh(self, kind: str, signature_type: int, token_id: str = "") -> None:
        """Have the venue look at the chain again: what came there behind its back is not in its balance before.

        Raises:
            TryAgain: throttled or away.
        """
        with contextlib.suppress(GiveUp):  # its answer says nothing; the balance does
            self._get("/balance-allowance/update", _asset(kind, signature_type, token_id))

    def closed_only(self) -> bool:
        """Say whether the account may only close positions."""
        said = as_object(self._get("/auth/ban-status/closed-only"), "closed only")
        if "closed_only" not in said:
            raise Malformed("the answer does not say whether the account may only close positions")
        return flag(said, "closed_only", default=True)

    def _pages(self, path: str, params: dict[str, str]) -> Iterator[Raw]:
        """Yield the rows of all pages; a cursor that repeats ends them."""
        cursor, seen = "", set[str]()
        for _ in range(MOST_PAGES):
            page = as_object(self._get(path, {**params, **({"next_cursor": cursor} if cursor else {})}), path)
            yield from (as_object(row, path) for row in as_list(page.get("data") or [], path))
            cursor = text(page, "next_cursor")
            if cursor in _LAST_PAGE or cursor in seen:
                return
            seen.add(cursor)
        raise Malformed(f"{path}: more than {MOST_PAGES} pages")

    def _get(self, path: str, params: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Ask; what would bar us for good is asked once more, as one stray answer proves nothing.

        Raises:
            RefusedForSafety: the venue refuses our key, account or region.
        """
        try:
            return self._ask(path, params)
        except Rejected as error:
            if barred(error.status, "") is None:
                raise
        try:
            return self._ask(path, params)
        except Rejected as error:
            no = barred(error.status, str(error))
            if no is None:
                raise
            raise RefusedForSafety(no.fix) from error

    def _ask(self, path: str, params: dict[str, str] | None) -> Any:  # noqa: ANN401 - JSON
        headers = self._requests.headers("GET", path, "", self._clock.now_ms())
        return asked(self._clob, "GET", path, headers, self._clock, params)


def _asset(kind: str, signature_type: int, token_id: str) -> dict[str, str]:
    token = {"token_id": token_id} if token_id else {}
    return {"asset_type": kind, "signature_type": str(signature_type), **token}


def api_key(clob: Upstream, signer: Signer, clock: Clock) -> ApiKey:
    """Create the signer's API key, or derive the one it has.

    Raises:
        TryAgain: throttled or away. GiveUp: refused, or unreadable.
    """
    headers = statement_headers(signer, clock.now_ms())
    try:
        found = asked(clob, "POST", "/auth/api-key", headers, clock)
    except Rejected as error:
        if error.status != _BAD_REQUEST:
            raise
        found = asked(clob, "GET", "/auth/derive-api-key", headers, clock)
    raw = as_object(found, "api key")
    parts = [text(raw, name) for name in ("apiKey", "secret", "passphrase")]
    if not all(parts):
        raise Malformed("the answer holds no whole API key")
    return ApiKey(*map(SecretStr, parts))


def asked(
    clob: Upstream,
    method: str,
    path: str,
    headers: Mapping[str, str],
    clock: Clock,
    params: Mapping[str, str] | None = None,
) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON of one authenticated request, or raise what its answer stands for."""
    answer = clob.send(clob.request(method, path, params=params, headers=headers, lane=Lane.ORDERS))
    return value_of(answer, f"{clob.name} {method} {path}", str, retry_after_s(answer.headers, clock.now_ms()))
