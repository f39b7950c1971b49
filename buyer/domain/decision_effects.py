"""The effects of a decision beside money: shares gathered, still to be sold, and followed of the leader's. Pure."""

import json

from msgspec.structs import replace

from buyer.domain.order_states import is_provisional
from buyer.strategy.exit_policy import unsold_rest
from shared.domain.ledger_accounts import Postings, behind_account, lot_key, shares_account
from shared.domain.ledger_write import Balances, LedgerRecord
from shared.domain.money import Shares, Usdc
from shared.domain.record_kinds import EXITS, GATHERED, LEFT, STAKED
from shared.messages.decisions import BuyEngineDecision, ExitTask, LeaderSales, LotExit, Outcome, Portfolio, Staked


def records_of(decision: BuyEngineDecision) -> tuple[LedgerRecord, ...]:
    """Return the records that the step of a decision writes."""
    held, key = decision.inputs.portfolio, lot_key(decision.leader, decision.token_id)
    gathered, task = decision.gathered, _exit(decision)
    sales = _sales(decision)
    records = () if gathered is None else (LedgerRecord(GATHERED, f"{key}:BUY", gathered),)
    if sales is not None:
        records = (*records, LedgerRecord(GATHERED, f"{key}:SELL", sales))
    if task is not None:
        return (*records, LedgerRecord(EXITS, key, task))
    if held is not None and (_begins(decision, held) or (decision.exit is not None and held.exit is not None)):
        return (*records, LedgerRecord(EXITS, key, None))
    return records


def used_up_gathered(decision: BuyEngineDecision) -> tuple[LedgerRecord, ...]:
    """Return the records that an intent uses up: what was gathered goes with the order that follows it."""
    held = decision.inputs.portfolio
    if decision.verdict != "BUY" or held is None or held.gathered is None:
        return ()
    return (LedgerRecord(GATHERED, f"{lot_key(decision.leader, decision.token_id)}:BUY", None),)


def pace_records(decision: BuyEngineDecision) -> tuple[LedgerRecord, ...]:
    """Return the records of when a lot was bought last, or sold whole.

    What a buy staked at its intent is forgotten where nothing was bought, and nothing will be.
    """
    outcome, at_ms = decision.outcome, decision.inputs.now_ms
    if outcome is None:
        return ()
    if decision.verdict == "BUY":
        return (staked_record(decision, _at_stake(decision, outcome)),)
    if outcome.shares <= 0 or decision.exit is None or decision.exit.keep:
        return ()
    return (LedgerRecord(LEFT, decision.token_id, LotExit(at_ms=at_ms, reason=decision.exit.reason)),)


def staked_record(decision: BuyEngineDecision, usdc: Usdc) -> LedgerRecord:
    """Return what says that a lot was bought for so much: from the intent on, as the next piece may come meanwhile."""
    staked = Staked(at_ms=decision.inputs.now_ms, usdc=usdc) if usdc else None
    return LedgerRecord(STAKED, lot_key(decision.leader, decision.token_id), staked)


def adopted_pace(decision: BuyEngineDecision, before: Balances) -> tuple[LedgerRecord, ...]:
    """Return what `pace_records` says of an order's end, for a fill that only the chain knows; `before` is the lot.

    A buy or a sale since then counts more; a sale that leaves some of the lot left nothing.
    """
    key, outcome = lot_key(decision.leader, decision.token_id), decision.outcome
    kind, name = (STAKED, key) if decision.verdict == "BUY" else (LEFT, decision.token_id)
    since = before.records.get((kind, name))
    if outcome is None or (since is not None and _at_ms(since) >= decision.inputs.now_ms):
        return ()
    if decision.verdict == "BUY":
        return pace_records(decision)
    if outcome.shares < before.values.get(shares_account(decision.leader, decision.token_id), 0):
        return ()
    return (LedgerRecord(LEFT, name, LotExit(at_ms=decision.inputs.now_ms, reason="adopted")),)


def _at_ms(record: str) -> int:
    return json.loads(record)["at_ms"]


def _at_stake(decision: BuyEngineDecision, outcome: Outcome) -> Usdc:
    """Return what a buy paid, fees included; its whole budget while nothing matched and it can still fill."""
    if outcome.shares > 0:
        return Usdc(outcome.usdc + outcome.fee)
    order = decision.order
    return order.budget if order and is_provisional(decision.mode, outcome) else Usdc(0)


def followed_records(decision: BuyEngineDecision) -> Postings:
    """Return how the leader's shares behind our lot change: with every trade of his while we hold it.

    None are left behind a lot that was sold whole.
    """
    held = decision.inputs.portfolio
    if held is None:
        return ()
    filled = decision.outcome.shares if decision.outcome else Shares(0)
    change = _traded(decision, held)
    if filled > 0 and decision.verdict == "SELL" and filled >= held.lot_shares:
        change = -held.behind
    return ((behind_account(decision.leader, decision.token_id), change),) if change else ()


def _traded(decision: BuyEngineDecision, held: Portfolio) -> int:
    """Return what the leader's own trade adds to the shares behind our lot, or takes from them.

    What was gathered of his buys counted as it came, where we held the lot then already.
    """
    shares = decision.trade.shares if decision.trade else Shares(0)
    if decision.sales is not None:
        return -min(held.behind, shares) if held.lot_shares else 0
    if decision.verdict == "SELL" or decision.exit is not None:
        return -min(held.behind, shares)
    if held.lot_shares and held.gathered is not None:
        return max(0, shares - held.gathered.shares)
    bought = decision.outcome is not None and decision.outcome.shares > 0
    return shares if bought or held.lot_shares else 0


def _begins(decision: BuyEngineDecision, held: Portfolio) -> bool:
    """Say whether this buy begins a lot anew, which an exit of the one before must not sell."""
    filled = decision.outcome is not None and decision.outcome.shares > 0
    return decision.verdict == "BUY" and filled and held.lot_shares == 0


def _sales(decision: BuyEngineDecision) -> LeaderSales | None:
    """Return what is known of the leader's sales after this; what was too small for an earlier lot is none of a new."""
    held = decision.inputs.portfolio
    if decision.sales is None and held is not None and held.sales is not None and held.sales.shares:
        return replace(held.sales, shares=Shares(0)) if _begins(decision, held) else None
    return decision.sales


def _exit(decision: BuyEngineDecision) -> ExitTask | None:
    """Return the lot's exit after this decision; what is bought beside one that keeps a part is kept as well."""
    held = decision.inputs.portfolio
    if decision.exit is not None or held is None or held.exit is None:
        return unsold_rest(decision)
    bought = decision.outcome.shares if decision.verdict == "BUY" and decision.outcome else Shares(0)
    return replace(held.exit, keep=held.exit.keep + bought) if bought else None
