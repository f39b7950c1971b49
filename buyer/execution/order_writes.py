"""The ledger steps of an order, each composed once: for the journal, the settlement, the adoption and a run alike.

| step | happens | holds |
|---|---|---|
| `intent:<signal>` | before the order | the reserved budget; the journal adds the decision so far and the exact bytes |
| `decision:<signal>` | after it | what the outcome posts, the lot it opens; the journal adds event and ack |
| `settled:<order>` | at the end of a live order | what confirmed; what did not goes back |
| `adopted:<order>` | where only the chain knows an order | its whole cost, until it is settled like any other |

Who commits a step adds its fence, and what only it knows.
"""

from msgspec.structs import replace

from buyer.domain.booked_trade import booked_trade
from buyer.domain.decision_effects import (
    adopted_pace,
    followed_records,
    pace_records,
    records_of,
    staked_record,
    used_up_gathered,
)
from buyer.domain.ledger_scope import LedgerScope, scope_of_draft
from buyer.domain.order_states import is_provisional, may_follow
from buyer.domain.postings import counted_order, intent_guards, lot_of, reserve_postings, settle_postings
from buyer.execution.decision_text import decision_text
from buyer.execution.intent_codec import order_parts
from buyer.strategy.limits import TradingLimits
from shared.domain.errors import RefusedForSafety
from shared.domain.ledger_accounts import Postings, cost_account, merged_postings, peaks_of, shares_account
from shared.domain.ledger_write import BalanceGuard, Balances, LedgerRecord, LedgerWrite
from shared.domain.market import MarketFacts
from shared.domain.money import Shares, Usdc
from shared.domain.record_kinds import EXITS, INTENTS, ORDERS, SIGNED
from shared.ledger.port import lot_record
from shared.messages.base import DEAD, DECISIONS, fact_id
from shared.messages.decisions import BuyEngineDecision, Order, OrderUpdate, Outcome, Portfolio
from shared.messages.events import write_event
from shared.messages.service import DeadLetter
from shared.messages.value_codec import write_value

NO_BALANCES = Portfolio(
    seq=0,
    cash=Usdc(0),
    spent_today=Usdc(0),
    market_exposure=Usdc(0),
    lot_shares=Shares(0),
    lot_cost=Usdc(0),
)


def intent_write(draft: BuyEngineDecision, order: Order, scope: LedgerScope, limits: TradingLimits) -> LedgerWrite:
    """Return the step that reserves an order's budget, unless a cap or the kill switch says no."""
    bought = (staked_record(draft, order.budget),) if order.side == "BUY" else ()
    return LedgerWrite(
        id=f"intent:{draft.signal_id}",
        postings=reserve_postings(order, scope),
        tallies=counted_order(order, scope),
        guards=intent_guards(order, scope, limits, draft.inputs.portfolio),
        records=(*used_up_gathered(draft), *bought),
    )


def decision_write(decision: BuyEngineDecision) -> LedgerWrite:
    """Return the step of a decision whose order fills nothing, or nothing yet; or that has no order."""
    counted = unfilled_order(decision)
    records = (*records_of(counted), *pace_records(decision))
    return LedgerWrite(id=f"decision:{decision.signal_id}", postings=followed_records(counted), records=records)


def filled_write(
    decision: BuyEngineDecision, order: Order, outcome: Outcome, scope: LedgerScope, facts: MarketFacts
) -> LedgerWrite:
    """Return the step of a decision whose order came to its end at once."""
    before = decision.inputs.portfolio or NO_BALANCES
    postings = (*followed_records(decision), *settle_postings(order, outcome, scope, before))
    return LedgerWrite(
        id=f"decision:{decision.signal_id}",
        postings=postings,
        peaks=_peaks(order, postings),
        guards=(_lot_guard(scope),),
        records=(*records_of(decision), *pace_records(decision), *_opened_lots(decision, order, outcome, facts)),
    )


def ending_write(
    decision: BuyEngineDecision, scope: LedgerScope | None, facts: MarketFacts | None, letter: DeadLetter | None
) -> LedgerWrite:
    """Return the step that ends a signal with its terminal decision, whether it has an order or not.

    What an order can still fail to be stays reserved: it becomes a record of `orders` (pitfall 20).
    """
    order, outcome, text = decision.order, decision.outcome, decision_text(decision)
    told = (*(((DEAD, letter),) if letter else ()), (DECISIONS, decision))
    forgotten = (LedgerRecord(INTENTS, decision.signal_id, None), LedgerRecord(SIGNED, decision.signal_id, None))
    if order is None or outcome is None or scope is None or facts is None:
        write, kept = decision_write(decision), ()
    elif is_provisional(decision.mode, outcome):
        write, kept = decision_write(decision), (_open_order(decision, order),)
        told = ((DECISIONS, order_update(decision, order, outcome)), *told)
    else:
        write, kept = filled_write(decision, order, outcome, scope, facts), ()
        before = decision.inputs.portfolio or NO_BALANCES
        booked = booked_trade(decision, order, outcome, facts, before)
        told = ((DECISIONS, order_update(decision, order, outcome)), *told, *booked)
    records = (*forgotten, *write.records, *kept)
    return replace(write, events=told, records=records, texts={decision.id: text})


def settled_write(decision: BuyEngineDecision, outcome: Outcome, lot: Balances | None) -> LedgerWrite:
    """Return the step that ends a live order; `lot` is what stands of the lot that a sell took its shares out of.

    Raises:
        RefusedForSafety: such an end cannot follow what was known before.
        Malformed: the decision holds no order.
    """
    order, facts = order_parts(decision)
    before = decision.outcome.state if decision.outcome else "INTENT"
    if not may_follow(before, outcome.state):
        raise RefusedForSafety(f"order {order.id}: {outcome.state} cannot follow {before}; look it up at the venue")
    ended, scope = replace(decision, outcome=outcome), scope_of_draft(decision)
    held = _before_sale(decision, order, lot)
    settled = settle_postings(order, outcome, scope, held)
    postings = merged_postings((*settled, *_change_of_followed(decision, ended)))
    return LedgerWrite(
        id=f"settled:{order.id}",
        postings=postings,
        peaks=_peaks(order, postings),
        guards=(_lot_guard(scope),),
        records=(
            LedgerRecord(ORDERS, order.id, None),
            *_opened_lots(decision, order, outcome, facts),
            *_finished_exits(ended),
        ),
        events=(
            (DECISIONS, order_update(decision, order, outcome)),
            *booked_trade(decision, order, outcome, facts, held),
        ),
        expected_seq=lot.seq if lot else None,
    )


def adopted_write(decision: BuyEngineDecision, order: Order, outcome: Outcome, before: Balances) -> LedgerWrite:
    """Return the step that adds a fill nothing explains, with its signal's decision unless it has one already.

    `before` says whether it has, what the lot holds, and when it was bought or left last.
    """
    decided = bool(before.done)
    terminal = () if decided else ((DECISIONS, decision),)
    return LedgerWrite(
        id=f"adopted:{order.id}" if decided else f"decision:{decision.signal_id}",
        postings=reserve_postings(order, scope_of_draft(decision)),
        records=(LedgerRecord(ORDERS, order.id, write_value(decision)), *adopted_pace(decision, before)),
        events=((DECISIONS, order_update(decision, order, outcome)), *terminal),
    )


def order_update(decision: BuyEngineDecision, order: Order, outcome: Outcome | None) -> OrderUpdate:
    """Return the event that says an order moved to the state of `outcome` (None: its intent)."""
    state = outcome.state if outcome else "INTENT"
    return OrderUpdate(
        event="ORDER_UPDATE",
        version=1,
        id=fact_id("order-update", order.id, state),
        emitted_at_ms=decision.emitted_at_ms,
        order_id=order.id,
        signal_id=decision.signal_id,
        mode=decision.mode,
        state=state,
        order=order,
        outcome=outcome,
    )


def unfilled_order(decision: BuyEngineDecision) -> BuyEngineDecision:
    """Return the decision as it counts now: what is only matched has filled nothing yet."""
    outcome = decision.outcome
    if outcome is None or not is_provisional(decision.mode, outcome):
        return decision
    return replace(decision, outcome=replace(outcome, shares=0))


def _open_order(decision: BuyEngineDecision, order: Order) -> LedgerRecord:
    """Return what is kept of an order until its end: the rules, which its decision tells, say nothing of that."""
    return LedgerRecord(ORDERS, order.id, write_event(replace(decision, rules=())))


def _opened_lots(
    decision: BuyEngineDecision, order: Order, outcome: Outcome, facts: MarketFacts
) -> tuple[LedgerRecord, ...]:
    bought = order.side == "BUY" and outcome.shares > 0
    return (lot_record(lot_of(order, facts, decision)),) if bought else ()


def _peaks(order: Order, postings: Postings) -> tuple[tuple[str, str], ...]:
    return peaks_of(postings) if order.side == "SELL" else ()  # a buy realizes nothing


def _lot_guard(scope: LedgerScope) -> BalanceGuard:
    """Refuse a step that would leave less than nothing of the lot: ledger and venue disagree then."""
    return BalanceGuard(scope.names.shares, at_least=0)


def _before_sale(decision: BuyEngineDecision, order: Order, lot: Balances | None) -> Portfolio:
    """Return the balances of the decision, with the lot as it was before the sell took its shares out."""
    before = decision.inputs.portfolio or NO_BALANCES
    if lot is None:
        return before
    shares, cost = (name(order.leader, order.token_id) for name in (shares_account, cost_account))
    stood = lot.values[shares] + order.shares
    return replace(before, lot_shares=stood, lot_cost=lot.values[cost])


def _change_of_followed(decision: BuyEngineDecision, ended: BuyEngineDecision) -> Postings:
    """Return what the end changes of the leader's shares behind the lot, beyond what the decision changed already."""
    return (
        *followed_records(ended),
        *((account, -change) for account, change in followed_records(unfilled_order(decision))),
    )


def _finished_exits(ended: BuyEngineDecision) -> tuple[LedgerRecord, ...]:
    """Return the exits that this end finishes; one that goes on is counted elsewhere and must not be set back."""
    return tuple(record for record in records_of(ended) if record.kind == EXITS and record.value is None)
