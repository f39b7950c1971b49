"""Orders the venue took and the trades they became: a judge's memory of both."""

from dataclasses import dataclass, field
from typing import Literal

from simulator.core.fill import Fill
from simulator.core.market import Market
from simulator.exchange.accounts import Account
from simulator.exchange.matching import Leg
from simulator.exchange.order_form import OrderForm

OrderStatus = Literal["LIVE", "DELAYED", "MATCHED", "CANCELED"]
TradeStatus = Literal["MATCHED", "RETRYING", "MINED", "CONFIRMED", "FAILED"]


@dataclass(eq=False, kw_only=True)
class PlacedOrder:
    """An order that passed every check; amounts in micro-units, price in units of 1/10000."""

    id: str
    form: OrderForm
    market: Market
    account: Account
    exchange: str
    price: int
    at_ms: int
    status: OrderStatus = "LIVE"
    reason: str = ""
    shares: int = 0
    usdc: int = 0
    resting: int = 0
    locked: int = 0
    posts: int = 1
    trades: list["Trade"] = field(default_factory=list["Trade"])

    @property
    def outcome(self) -> int:
        """Return which outcome it trades."""
        return self.market.outcome_of(self.form.token_id)

    @property
    def spends(self) -> str:
        """Return what it locks: collateral for a BUY, its token for a SELL."""
        return "" if self.form.side == "BUY" else self.form.token_id

    def record(self) -> dict[str, object]:
        """Return the truth as the control API tells it."""
        form = self.form
        return {
            "order_hash": self.id,
            "metadata": form.metadata,
            "wallet": form.maker,
            "signer": self.account.owner,
            "signature_type": form.signature_type,
            "condition_id": self.market.condition_id,
            "token_id": form.token_id,
            "side": form.side,
            "kind": form.kind,
            "price_units": self.price,
            "asked_shares_micro": form.shares,
            "asked_usdc_micro": form.usdc,
            "status": self.status,
            "reason": self.reason,
            "matched_shares_micro": self.shares,
            "matched_usdc_micro": self.usdc,
            "resting_shares_micro": self.resting,
            "posts": self.posts,
            "received_at_ms": self.at_ms,
            "trades": [trade.record() for trade in self.trades],
        }


@dataclass(eq=False, kw_only=True)
class Trade:
    """One match of an order, on its way to the chain; `locked` is set aside until it is there or has failed."""

    id: str
    order: PlacedOrder
    role: Literal["TAKER", "MAKER"]
    legs: list[Leg]
    crowd: str
    crowd_order: str
    tx_hash: str
    fee: int
    locked: int
    at_ms: int
    changed_ms: int
    status: TradeStatus = "MATCHED"
    fills: list[Fill] = field(default_factory=list[Fill])
    moved: bool = False

    @property
    def shares(self) -> int:
        """Return the tokens traded."""
        return sum(leg.shares for leg in self.legs)

    @property
    def usdc(self) -> int:
        """Return the collateral traded, fee not included."""
        return sum(leg.usdc for leg in self.legs)

    @property
    def final(self) -> bool:
        """Tell whether nothing more will happen to it."""
        return self.status in {"CONFIRMED", "FAILED"}

    def record(self) -> dict[str, object]:
        """Return the truth as the control API tells it."""
        return {
            "id": self.id,
            "role": self.role,
            "status": self.status,
            "shares_micro": self.shares,
            "usdc_micro": self.usdc,
            "fee_micro": self.fee,
            "tx_hash": self.tx_hash,
            "matched_at_ms": self.at_ms,
            "changed_at_ms": self.changed_ms,
            "block": self.fills[0].block if self.fills else None,
        }
