"""What is to be done about a condition: every case, as values."""

import pytest

from redeemer.domain import gas_pricing, pending_transaction
from redeemer.domain.contract_calls import ContractCall
from redeemer.domain.gas_pricing import GWEI, GasFees, GasMarket
from redeemer.domain.payouts import PayoutPayment, claim_of, live_result, merged_lots
from redeemer.domain.pending_transaction import (
    ChainView,
    ConfirmedTransaction,
    LostTransaction,
    PendingTransaction,
    RepeatBroadcast,
    ReplaceTransaction,
    SendAttempt,
    Step,
    TransactionReceipt,
    WaitForBlock,
    next_step,
)
from redeemer.domain.redemption_action import ConditionHolding, RedemptionAction, State, judge_condition
from shared.domain.errors import Malformed, Unavailable
from shared.domain.ledger_accounts import Lot
from shared.domain.money import Usdc
from shared.polymarket.wire.conditions import PayoutVector
from tests.redeemer.builders import BOB, CONDITION, NO, ONE, YES, a_loser, a_lot, a_vector

LEAST = 1000


def held(yes: int, no: int = 0) -> tuple[ConditionHolding, ...]:
    return (ConditionHolding(CONDITION, "plain", (YES, NO), (yes, no)),)


@pytest.mark.pitfall(27)
@pytest.mark.parametrize(
    ("holdings", "lots", "vector", "state", "expected"),
    [
        pytest.param(held(10 * ONE), (), a_vector(1, 0), "pay", 10 * ONE, id="a winner"),
        pytest.param(held(0, 10 * ONE), (a_loser(),), a_vector(1, 0), "write_off", 0, id="a loser of ours"),
        pytest.param(held(0, 10 * ONE), (), a_vector(1, 0), "nothing", 0, id="a loser of nobody"),
        pytest.param(held(10 * ONE, 4 * ONE), (), a_vector(1, 1), "pay", 7 * ONE, id="both outcomes, 50/50"),
        pytest.param(held(3, 3), (), a_vector(1, 1), "dust", 2, id="each outcome rounded down"),
        pytest.param(held(1000), (), a_vector(1, 0), "pay", 1000, id="just worth it"),
        pytest.param(held(999), (a_lot(),), a_vector(1, 0), "dust", 999, id="dust below its gas"),
        pytest.param((), (a_lot(),), a_vector(1, 0), "gone", 0, id="redeemed by somebody else"),
        pytest.param((), (a_loser(),), a_vector(1, 0), "write_off", 0, id="a loser that is gone as well"),
        pytest.param((), (), a_vector(1, 0), "nothing", 0, id="redeemed and booked before"),
        pytest.param(held(5 * ONE, 4 * ONE), (), None, "open", 0, id="not resolved"),
    ],
)
def test_what_is_due(
    holdings: tuple[ConditionHolding, ...],
    lots: tuple[Lot, ...],
    vector: PayoutVector | None,
    state: State,
    expected: int,
) -> None:
    due = judge_condition(CONDITION, holdings, lots, vector, least=LEAST)

    assert (due.state, due.expected) == (state, expected)


def test_pairs_of_an_open_market_are_merged_only_where_that_is_wanted_and_worth_it() -> None:
    def state(yes: int, no: int, *, merge: bool) -> str:
        return judge_condition(CONDITION, held(yes, no), (), None, least=LEAST, merge=merge).state

    assert state(ONE, LEAST, merge=True) == "merge"
    assert state(ONE, LEAST, merge=False) == "open"
    assert state(ONE, LEAST - 1, merge=True) == "open"


def test_positions_that_a_prankster_sent_do_not_keep_us_from_our_money() -> None:
    ours = held(5 * ONE)[0]
    prank = ConditionHolding(CONDITION, "neg_risk", ("7", "8"), (0, 9 * ONE))

    assert judge_condition(CONDITION, (prank, ours), (), a_vector(1, 0), least=LEAST).holding == ours


def test_a_lot_of_an_outcome_that_does_not_exist_is_no_reason_to_guess() -> None:
    with pytest.raises(Malformed, match="no outcome 5"):
        judge_condition(CONDITION, held(ONE), (a_lot(outcome_index=5),), a_vector(1, 0), least=LEAST)


def a_sending(*sent_at_ms: int) -> PendingTransaction:
    fees = GasFees(100 * GWEI, GWEI)
    attempts = tuple(SendAttempt(f"0x{place}", "0xraw", fees, at_ms) for place, at_ms in enumerate(sent_at_ms or (0,)))
    due = RedemptionAction(CONDITION, "pay", held(ONE)[0], ONE, a_vector(1, 0))
    return PendingTransaction(
        "0xsigner", "0xwallet", 5, ContractCall("0xto", "0x"), 300_000, "adapter", (due,), attempts
    )


def mined(name: str, block: int) -> TransactionReceipt:
    return TransactionReceipt(name, block, "0xblock", succeeded=True, cost=1, logs=())


@pytest.mark.pitfall(28)
@pytest.mark.parametrize(
    ("view", "expected"),
    [
        pytest.param(ChainView(9, {}, 5), RepeatBroadcast(), id="not mined yet"),
        pytest.param(ChainView(9, {"0x0": mined("0x0", 9)}, 0), WaitForBlock(mined("0x0", 9), 1), id="just mined"),
        pytest.param(
            ChainView(11, {"0x0": mined("0x0", 9)}, 0), ConfirmedTransaction(mined("0x0", 9)), id="deep enough"
        ),
        pytest.param(
            ChainView(11, {"0x1": mined("0x1", 9)}, 0),
            ConfirmedTransaction(mined("0x1", 9)),
            id="the second form was mined",
        ),
        pytest.param(ChainView(11, {}, 6), LostTransaction(), id="its nonce carried something else"),
    ],
)
def test_the_next_step_of_a_transaction(view: ChainView, expected: Step) -> None:
    assert next_step(a_sending(0, 0), view, 1000, confirmations=3, stuck_after_ms=5000) == expected


@pytest.mark.pitfall(28)
def test_only_an_old_attempt_is_replaced() -> None:
    def step(now_ms: int) -> Step:
        return next_step(a_sending(0, 4000), ChainView(9, {}, 5), now_ms, confirmations=3, stuck_after_ms=5000)

    assert (step(8999), step(9000)) == (RepeatBroadcast(), ReplaceTransaction())


@pytest.mark.pitfall(28)
def test_a_stored_transaction_is_read_back_whole() -> None:
    made = a_sending(0, 7)

    assert pending_transaction.read_pending(pending_transaction.write_pending(made)) == made


def test_gas_is_offered_under_the_cap_or_not_at_all() -> None:
    market = GasMarket(base=30 * GWEI, tip=GWEI)

    assert gas_pricing.offered_fees(market, 100 * GWEI) == GasFees(61 * GWEI, GWEI)
    assert gas_pricing.offered_fees(market, 40 * GWEI) == GasFees(40 * GWEI, GWEI)
    with pytest.raises(Unavailable, match="above GAS_CAP_GWEI=30"):
        gas_pricing.offered_fees(market, 30 * GWEI)


def test_fewer_shares_than_lots_are_shared_by_what_each_is_owed() -> None:
    lots = (a_lot(shares=6 * ONE), a_lot(leader=BOB, shares=3 * ONE))
    claim = claim_of("w", lots, a_vector(1, 0))

    event = live_result(claim, a_vector(1, 0), "w", PayoutPayment(8, 8, "adapter", "pUSD"), now_ms=0, ledger_seq=1)

    assert sum((lot.payout for lot in event.lots), Usdc(0)) == 8
    assert event.outside == 0


def test_a_merge_takes_the_same_of_both_outcomes_and_its_part_of_the_cost() -> None:
    lots = (a_lot(shares=10, cost=5), a_lot(leader=BOB, shares=10, cost=6), a_loser(shares=12, cost=6))

    taken = merged_lots(lots, 12)

    assert [(lot.outcome_index, lot.shares, lot.cost) for lot in taken] == [(0, 10, 5), (0, 2, 1), (1, 12, 6)]


def a_position(yes: int, no: int, vector: PayoutVector | None) -> RedemptionAction:
    holding = ConditionHolding(CONDITION, "position", (YES, NO), (yes, no))
    return judge_condition(CONDITION, (holding,), (), vector, least=LEAST, merge=True)


@pytest.mark.parametrize(
    ("yes", "no", "vector", "outcome", "expected"),
    [
        pytest.param(4 * ONE, 2 * ONE, a_vector(1, 1), 0, 2 * ONE, id="both are paid: the first goes first"),
        pytest.param(0, 2 * ONE, a_vector(1, 1), None, ONE, id="one is held"),
        pytest.param(4 * ONE, 2 * ONE, a_vector(0, 1), None, 2 * ONE, id="one is paid"),
    ],
)
def test_one_call_hands_in_one_outcome_of_a_position_of_protocol_v2(
    yes: int, no: int, vector: PayoutVector, outcome: int | None, expected: int
) -> None:
    one = a_position(yes, no, vector).one_call()

    assert (one.outcome, one.expected, len(one.owed_outcomes)) == (outcome, expected, 1)


def test_pairs_of_an_open_market_of_protocol_v2_are_left_alone() -> None:
    """Only its redemption is known here, not its merge."""
    assert a_position(4 * ONE, 2 * ONE, None).state == "open"
