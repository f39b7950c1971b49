"""What the ledger booked, one event for each change of a lot: the trades of an account, as people want them."""

from typing import Literal

from shared.domain.money import Shares, Usdc
from shared.domain.trading_words import Mode
from shared.messages.base import Event, fact_id
from shared.messages.redemptions import Redeemed, RedemptionResult

TradeKind = Literal["BUY", "SELL", "REDEEM", "WRITE_OFF"]


class TradeBooked(Event, frozen=True, kw_only=True):
    """Shares came to a lot or left it, in the ledger's own step.

    `usdc` is what was paid or received before `fee`; `cost` what came to the lot's cost with it, or left it, fees
    included; `realized` what the ledger booked as profit or loss, 0 for a buy. `signal_id` and `order_id` are '' where
    no order of ours did it. The sum of `realized` is the ledger's, as far back as its trades are kept.
    """

    event: Literal["TRADE_BOOKED"] = "TRADE_BOOKED"
    mode: Mode
    kind: TradeKind
    leader: str
    token_id: str
    condition_id: str
    outcome_index: int
    outcome: str = ""
    title: str = ""
    shares: Shares
    usdc: Usdc
    fee: Usdc
    cost: Usdc
    realized: Usdc
    signal_id: str = ""
    order_id: str = ""
    reason: str = ""


def trades_stream(mode: str) -> str:
    """Name the stream of a ledger's trades; the step that books one appends it."""
    return f"hs:{mode}:trades"


def redeemed_trades(result: RedemptionResult) -> tuple[tuple[str, Event], ...]:
    """Return a trade for each lot that a redemption ended or took a part of."""
    return tuple((trades_stream(result.mode), _redeemed(result, lot)) for lot in result.lots)


def _redeemed(result: RedemptionResult, lot: Redeemed) -> TradeBooked:
    return TradeBooked(
        id=fact_id("trade", result.id, lot.leader, lot.token_id),
        emitted_at_ms=result.emitted_at_ms,
        mode=result.mode,
        kind="REDEEM",
        leader=lot.leader,
        token_id=lot.token_id,
        condition_id=result.condition_id,
        outcome_index=lot.outcome_index,
        title=result.title,
        shares=lot.shares,
        usdc=lot.payout,
        fee=Usdc(0),
        cost=lot.cost,
        realized=lot.payout - lot.cost,
    )
