"""Orders that met, and the fills the world remembers as the truth."""

from dataclasses import dataclass, field
from typing import Literal

from simulator.core.book import Side
from simulator.core.market import Market

Role = Literal["taker", "maker"]


@dataclass(frozen=True, slots=True)
class Order:
    """One filled order: amounts in micro-units; `row` keeps a captured row's own texts.

    A signed order also has its hash and the two words it carries onto the chain; a captured one the fee it paid.
    """

    wallet: str
    outcome: int
    side: Side
    shares: int
    usdc: int
    row: dict[str, str] | None = None
    hash: str = ""
    metadata: int = 0
    builder: int = 0
    fee: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """One taker order against makers, settled in one transaction."""

    market: Market
    taker: Order
    makers: tuple[Order, ...]
    at_ms: int
    tx_hash: str | None = None


@dataclass(eq=False, kw_only=True, slots=True)
class Fill:
    """One order's execution, with the moment each source shows it."""

    seq: int
    market: Market
    order: Order
    role: Role
    counterparty: str
    tx_hash: str
    order_hash: str
    fee: int
    matched_at_ms: int
    rtds_at_ms: int
    data_at_ms: int
    block: int
    chain_at_ms: int
    log_index: int = -1
    tracked: bool = False
    removed: bool = False
    pending_at_ms: int | None = None
    former: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    @property
    def wallet(self) -> str:
        """Return whose order was filled."""
        return self.order.wallet

    @property
    def token_id(self) -> str:
        """Return the position bought or sold."""
        return self.market.tokens[self.order.outcome]

    @property
    def usdc_size(self) -> int:
        """Return what the feed shows as collateral: the fee is in it, on top of a BUY's and out of a SELL's."""
        return self.order.usdc + (self.fee if self.order.side == "BUY" else -self.fee)

    def record(self) -> dict[str, object]:
        """Return the truth as the control API tells it."""
        return {
            "seq": self.seq,
            "leader": self.wallet,
            "tracked": self.tracked,
            "tx_hash": self.tx_hash,
            "log_index": self.log_index,
            "order_hash": self.order_hash,
            "token_id": self.token_id,
            "condition_id": self.market.condition_id,
            "side": self.order.side,
            "role": self.role,
            "shares_micro": self.order.shares,
            "usdc_micro": self.order.usdc,
            "fee_micro": self.fee,
            "matched_at_ms": self.matched_at_ms,
            "block": self.block,
            "chain_at_ms": self.chain_at_ms,
            "rtds_at_ms": self.rtds_at_ms,
            "pending_at_ms": self.pending_at_ms,
            "data_at_ms": self.data_at_ms,
            "removed": self.removed,
        }
