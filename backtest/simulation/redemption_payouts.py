"""Payouts of a resolved market on the lots that a run holds, posted to its ledger as the redeemer posts it."""

from collections.abc import Sequence
from fractions import Fraction

from msgspec.structs import replace

from shared.domain import ledger_accounts
from shared.domain.ledger_accounts import Lot
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.money import Shares, Usdc
from shared.domain.record_kinds import LOTS
from shared.ledger.memory_ledger import MemoryLedger
from shared.ledger.port import open_lots
from shared.messages.base import fact_id
from shared.messages.redemptions import Redeemed, RedemptionResult

NOTHING = Usdc(0)


def redeem_market(ledger: MemoryLedger, recorded: RedemptionResult) -> RedemptionResult:
    """Pay what the market paid on what is held now, whatever lots it was recorded with."""
    lots = [lot for lot in open_lots(ledger) if lot.condition_id == recorded.condition_id]
    paid = tuple(_paid(lot, recorded.payouts) for lot in lots)
    payout = sum((lot.payout for lot in paid), NOTHING)
    cost = sum((lot.cost for lot in paid), NOTHING)
    result = replace(recorded, lots=paid, expected=payout, paid=payout, cost=cost, realized=payout - cost)
    gone = tuple(LedgerRecord(LOTS, lot.key, None) for lot in lots)
    postings = ledger_accounts.redemption_postings(result)
    peaks = ledger_accounts.peaks_of(postings)
    ledger.commit(LedgerWrite(id=f"redeem:{result.id}", postings=postings, peaks=peaks, records=gone))
    return result


def unpaid_redemption(condition_id: str, payouts: Sequence[Fraction], at_ms: int) -> RedemptionResult:
    """Return the redemption of a market that nobody redeemed yet."""
    return RedemptionResult(
        id=fact_id("backtest-redemption", condition_id, at_ms),
        emitted_at_ms=at_ms,
        wallet="paper",
        condition_id=condition_id,
        mode="paper",
        payouts=tuple(str(share) for share in payouts),
        lots=(),
        expected=NOTHING,
        paid=NOTHING,
        cost=NOTHING,
        realized=NOTHING,
        ledger_seq=0,
    )


def _paid(lot: Lot, payouts: Sequence[str]) -> Redeemed:
    share = Fraction(payouts[lot.outcome_index])
    return Redeemed(
        leader=lot.leader,
        token_id=lot.token_id,
        outcome_index=lot.outcome_index,
        shares=Shares(lot.shares),
        cost=Usdc(lot.cost),
        payout=Usdc(lot.shares * share.numerator // share.denominator),
        behind=Shares(lot.behind),
        event_id=lot.event_id,
        group=lot.group,
    )
