"""The venue's word on our own account: orders, trades, balances, restrictions."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from buyer.domain.chain_fills import own_fills
from buyer.domain.order_result import OrderSeen, OwnTrade
from buyer.venue.polymarket.account_requests import AccountRequests
from buyer.venue.polymarket.credentials import RequestHeaders
from buyer.venue.polymarket.wire.account_parsing import is_pending, orders_of, read_order, read_trade
from shared import logs
from shared.clock import Clock
from shared.domain.errors import GiveUp, Malformed, Rejected
from shared.domain.market import MarketFacts
from shared.domain.money import from_micro
from shared.http.client import Upstream
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.parsing import Raw, as_object, read_flag, read_text
from shared.rate_limit.limits import GateLane

_NOT_FOUND = 404


@dataclass(frozen=True)
class AccountBalance:
    """A balance in base units, and who may spend it: contract (lower case) -> allowance."""

    balance: int
    allowances: Mapping[str, int]


@dataclass(frozen=True)
class Shown:
    """What the venue shows of an order, in words; `ended` when that is that it is over and never matched."""

    words: str
    ended: bool


class AccountApi:
    """The account behind one API key."""

    def __init__(self, clob: Upstream, requests: RequestHeaders, polygon: PolygonClient, *, clock: Clock) -> None:
        self._requests, self._polygon = AccountRequests(clob, requests, clock=clock), polygon
        self._by_batch = True

    def order(self, order_hash: str) -> OrderSeen | None:
        """Return the venue's word on one order; None when it says that it has none.

        Raises:
            TryAgain: throttled or away. GiveUp: refused, or unreadable.
        """
        try:
            found = self._requests.get_signed(f"/data/order/{order_hash}")
        except Rejected as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        if found is None:
            return None
        named = read_text(as_object(found, "order"), "id")
        if named.lower() != order_hash:
            raise Malformed(f"order {order_hash}: the answer is about {named!r}")
        return read_order(found)

    def trades(self, order_hash: str, facts: MarketFacts, since_ms: int) -> list[OwnTrade]:
        """Return every trade of one order that is listed.

        Raises:
            TryAgain: throttled or away. GiveUp: refused, or unreadable.
        """
        rows = self._rows_of(order_hash, facts.token_id, since_ms)
        return [read_trade(row, order_hash, facts) for row in rows]

    def shown(self, order_hash: str, token_id: str, since_ms: int) -> Shown | None:
        """Return what the venue shows of an order, whatever became of it; None when it has neither it nor a trade.

        Raises:
            TryAgain: throttled or away. GiveUp: refused, or unreadable.
        """
        seen = self.order(order_hash)
        rows = self._rows_of(order_hash, token_id, since_ms)
        if seen is None and not rows:
            return None
        trades = [f"a trade that is {read_text(row, 'status') or 'without a status'}" for row in rows]
        order = [f"the order as {seen.standing}, {from_micro(seen.matched)} shares matched"] if seen else []
        return Shown("; ".join(order + trades), ended=seen is not None and seen.unmatched and not rows)

    def _rows_of(self, order_hash: str, token_id: str, since_ms: int) -> list[Raw]:
        named = {"asset_id": token_id} if token_id else {}
        wish = {**named, "after": self._requests.from_s(since_ms)}
        return [row for row in self._requests.pages("/data/trades", wish) if order_hash in orders_of(row)]

    def listed(self, since_ms: int) -> dict[str, list[Raw]]:
        """Return the raw trades of each of our orders since then, by order hash.

        Raises:
            TryAgain: throttled or away. GiveUp: refused, or unreadable.
        """
        return self.trades_of(self._requests.pages("/data/trades", {"after": self._requests.from_s(since_ms)}))

    def trades_of(self, raws: Iterable[Raw]) -> dict[str, list[Raw]]:
        """Return raw trades by the hash of each order that has a part in them; one that names none is left out."""
        found: dict[str, list[Raw]] = {}
        for row in raws:
            try:
                names = orders_of(row)
            except Malformed as error:
                logs.get_logger("account").error("trade_unreadable", error=str(error))
                continue
            for order_hash in names:
                found.setdefault(order_hash, []).append(row)
        return found

    def pending(self, since_ms: int) -> frozenset[str]:
        """Return the hashes of orders with a trade since then that is neither confirmed nor failed.

        Raises:
            TryAgain: throttled or away. GiveUp: refused, or unreadable.
        """
        rows = self._requests.pages("/data/trades", {"after": self._requests.from_s(since_ms)})
        return frozenset(name for row in rows if is_pending(row) for name in orders_of(row))

    def trade(self, raw: object, order_hash: str, facts: MarketFacts) -> OwnTrade:
        """Read an order's part of a raw trade."""
        return read_trade(raw, order_hash, facts)

    def booked(self, trades: Sequence[tuple[str, OwnTrade]]) -> dict[str, OwnTrade]:
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
                return self._polygon.receipts_logs(sent, GateLane.EXITS)
            except GiveUp as error:
                self._by_batch = False
                logs.get_logger("account").warning("batches_refused", error=str(error))
        return [self._polygon.receipt_logs(tx_hash, GateLane.EXITS) for tx_hash in sent]

    def holding(self, kind: str, signature_type: int, token_id: str = "") -> AccountBalance:
        """Return the balance of COLLATERAL, CONDITIONAL or CONDITIONAL-V2, and who may spend it."""
        raw = as_object(self._requests.get("/balance-allowance", _asset(kind, signature_type, token_id)), "balance")
        allowances = as_object(raw.get("allowances") or {}, "allowances")
        try:
            return AccountBalance(
                int(read_text(raw, "balance")), {name.lower(): int(str(one)) for name, one in allowances.items()}
            )
        except ValueError as error:
            raise Malformed("balance: expected base units") from error

    def refresh(self, kind: str, signature_type: int, token_id: str = "") -> None:
        """Have the venue look at the chain again: what came there behind its back is not in its balance before.

        Raises:
            TryAgain: throttled or away.
        """
        with contextlib.suppress(GiveUp):  # its answer says nothing; the balance does
            self._requests.get("/balance-allowance/update", _asset(kind, signature_type, token_id))

    def closed_only(self) -> bool:
        """Say whether the account may only close positions."""
        said = as_object(self._requests.get("/auth/ban-status/closed-only"), "closed only")
        if "closed_only" not in said:
            raise Malformed("the answer does not say whether the account may only close positions")
        return read_flag(said, "closed_only", default=True)


def _asset(kind: str, signature_type: int, token_id: str) -> dict[str, str]:
    token = {"token_id": token_id} if token_id else {}
    return {"asset_type": kind, "signature_type": str(signature_type), **token}
