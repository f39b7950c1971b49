"""A venue that remembers what it took, and tells what became of the trades."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from buyer.domain.order_result import OrderSeen, OwnTrade, TradeState
from shared.domain.errors import Malformed, OutcomeUnknown
from shared.domain.market import MarketFacts
from shared.domain.money import cost_micro
from shared.ledger.gated_commit import GateTurns
from shared.messages.base import fact_id
from shared.messages.decisions import Order, Outcome
from tests.amounts import D


@dataclass
class Exchange:
    """A venue that remembers: what it took, and what becomes of the trades."""

    taken: dict[str, Order] = field(default_factory=dict[str, Order])
    posts: list[str] = field(default_factory=list[str])
    trades: dict[str, TradeState] = field(default_factory=dict[str, TradeState])
    state: str = "MATCHED"
    lose_answers: int = 0
    signed: int = 0
    listings: int = 0
    hidden: bool = False
    """Whether the chain shows nothing."""
    poison: dict[str, str] = field(default_factory=dict[str, str])
    """Which order cannot be read: `trade` or `receipt` -> its hash."""
    turns: GateTurns | None = None
    crash: str = ""
    """What a listing crashes with."""

    def prepare(self, order: Order, facts: MarketFacts, now_ms: int) -> str:
        del facts
        self.signed += 1
        return f"0x{fact_id(order.id, now_ms)}"

    def place(self, order: Order, facts: MarketFacts, prepared: str) -> Outcome:
        if self.turns:
            self.turns.use()
        self.posts.append(prepared)
        if self.state != "REJECTED":
            self.taken[prepared] = order
            self.trades.setdefault(prepared, "PENDING")
        if self.lose_answers:
            self.lose_answers -= 1
            raise OutcomeUnknown(f"{prepared}: no answer")
        return self.find(order, facts, prepared) or self._outcome(order, prepared, "REJECTED")

    def find(self, order: Order, facts: MarketFacts, prepared: str) -> Outcome | None:
        del facts
        return self._outcome(order, prepared, self.state) if prepared in self.taken else None

    def _outcome(self, order: Order, prepared: str, state: Any) -> Outcome:
        shares = order.shares if state == "MATCHED" else D(0)
        usdc = cost_micro(shares, order.limit_price)
        ids = (f"t-{prepared}",) if state == "MATCHED" else ()
        return Outcome(state=state, shares=shares, usdc=usdc, fee=D(0), order_hash=prepared, trade_ids=ids)

    def order(self, order_hash: str) -> OrderSeen | None:
        order = self.taken.get(order_hash)
        return OrderSeen("matched", order.shares) if order else None

    def listed(self, since_ms: int) -> Mapping[str, Sequence[Any]]:
        del since_ms
        self.listings += 1
        if self.crash:
            raise RuntimeError(self.crash)
        return {name: [name] for name in self.taken}

    def trade(self, raw: object, order_hash: str, facts: MarketFacts) -> OwnTrade:
        del raw, facts
        if self.poison.get("trade") == order_hash:
            raise Malformed("a trade of another form")
        order = self.taken[order_hash]
        shares = order.shares
        return OwnTrade(
            f"t-{order_hash}", self.trades[order_hash], shares, cost_micro(order.shares, order.limit_price), 7
        )

    def trades_of(self, raws: Iterable[Any]) -> Mapping[str, Sequence[Any]]:
        return {raw["name"]: [raw] for raw in raws}

    def booked(self, trades: Sequence[tuple[str, OwnTrade]]) -> Mapping[str, OwnTrade]:
        assert all(order_hash in self.taken for order_hash, _ in trades)
        if self.poison.get("receipt") in {order_hash for order_hash, _ in trades}:
            raise Malformed("a receipt of another form")
        return {} if self.hidden else {trade.id: trade for _, trade in trades}
