"""Pitfall 28: nonces, stuck, replaced and reorganised transactions, and kills between any two steps, on a real EVM."""

from dataclasses import replace
from decimal import Decimal

import pytest

from redeemer.domain import gas_pricing
from redeemer.domain.contract_calls import call_of
from redeemer.domain.pending_transaction import PendingTransaction, read_pending
from shared.domain.errors import Malformed, OutcomeUnknown, Rejected, Unavailable
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.polymarket.wire import abi
from tests.redeemer.dying_ledger import Killed, MortalLedger
from tests.redeemer.evm.evm_fixture import ONE, Market, Town, selector
from tests.redeemer.evm.node import GWEI
from tests.redeemer.evm.redeemer_parts import Counter

pytestmark = pytest.mark.evm


def a_due_market(counter: Counter, shares: int = 5 * ONE) -> Market:
    market = counter.town.market()
    counter.hold(market, shares)
    counter.town.resolve(market, 1, 0)
    return market


def nonce_of(counter: Counter) -> int:
    return int(counter.node.eth_get_transaction_count(counter.wallet, "latest"), 16)


def sent(counter: Counter) -> int:
    return counter.node.asked.count("eth_sendRawTransaction")


@pytest.mark.pitfall(28)
@pytest.mark.parametrize("lost", [False, True], ids=["after the write", "before the write"])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_kill_at_any_write_pays_and_books_once(town: Town, step: int, *, lost: bool) -> None:
    """The writes are: the signed bytes, that they were seen in a block, the booking, the free nonce."""
    ledger = MortalLedger()
    counter = Counter(town, ledger=ledger)
    market = a_due_market(counter)
    before = nonce_of(counter)
    ledger.left, ledger.lost = step, lost

    with pytest.raises(Killed):
        counter.redeem(market)
    again = Counter(town, ledger=ledger)
    again.redeem(market)
    again.redeem(market)

    assert [event.paid for event in again.published()] == [5]
    assert again.pusd() == 5 * ONE
    assert nonce_of(again) == before + 1
    assert again.purse.under_way() is None


@pytest.mark.pitfall(28)
def test_bytes_that_never_left_are_broadcast_by_the_next_worker(town: Town) -> None:
    counter = Counter(town)
    market = a_due_market(counter)
    due = counter.planner.judge([market.condition_id])[0]
    town.node.holding = True
    made = counter.purse.send(counter.wallet, call_of(due, "adapter", counter.contracts), (due,), "adapter")
    town.node.held = []
    town.node.holding = False

    result = Counter(town, ledger=counter.ledger).redeem(market)

    assert result is not None
    assert (result.transaction, result.paid) == (made.last.hash, 5)


@pytest.mark.pitfall(28)
def test_a_stuck_transaction_is_replaced_on_its_nonce_and_either_form_counts(town: Town) -> None:
    counter = Counter(town)
    market = a_due_market(counter)
    town.node.holding = True
    with pytest.raises(Unavailable, match="not mined"):
        counter.redeem(market)
    first = counter.purse.under_way()
    assert first is not None
    assert len(first.attempts) == 2

    low, high = first.attempts
    assert high.fees.most * 8 >= low.fees.most * 9
    assert high.fees.tip * 8 >= low.fees.tip * 9
    town.node.held = [low.raw]
    town.node.release()
    result = counter.redeem(market)

    assert result is not None
    assert (result.transaction, result.paid) == (low.hash, 5)
    assert [event.paid for event in counter.published()] == [5]


@pytest.mark.pitfall(28)
def test_nothing_is_sent_while_another_transaction_is_under_way(town: Town) -> None:
    counter = Counter(town)
    first, second = a_due_market(counter), a_due_market(counter)
    town.node.holding = True
    for market in (first, second):
        with pytest.raises(Unavailable, match="under way"):
            counter.redeem(market)
    assert len(set(town.node.held)) == len(under_way(counter).attempts)

    town.node.held = [under_way(counter).last.raw]
    town.node.release()
    counter.redeem(second)

    assert {event.condition_id for event in counter.published()} == {first.condition_id, second.condition_id}
    assert nonce_of(counter) == last_nonce(counter) + 1


def under_way(counter: Counter) -> PendingTransaction:
    return read_pending(counter.ledger.records("sendings")[counter.purse.address])


def last_nonce(counter: Counter) -> int:
    return int(counter.ledger.records("nonces")[counter.purse.address])


@pytest.mark.pitfall(28)
def test_a_block_that_is_taken_back_is_seen_and_the_same_bytes_go_out_again(town: Town) -> None:
    counter = Counter(town)
    market = a_due_market(counter)
    counter.clock.mining = False
    before = town.node.tester.take_snapshot()
    with pytest.raises(Unavailable, match="1 block"):
        counter.redeem(market)
    assert under_way(counter).seen_in

    town.node.tester.revert_to_snapshot(before)
    counter.clock.mining = True
    result = counter.redeem(market)

    assert result is not None
    assert result.paid == 5
    assert len({event.transaction for event in counter.published()}) == 1
    assert counter.pusd() == 5 * ONE


@pytest.mark.pitfall(28)
def test_what_is_taken_back_after_it_was_booked_leaves_no_gap_and_is_paid_once(town: Town) -> None:
    """Deeper than the confirmations asked for: its nonce is free again, and all that follows would wait for ever."""
    counter = Counter(town)
    first, second = a_due_market(counter), a_due_market(counter)
    before, nonce = town.node.tester.take_snapshot(), nonce_of(counter)
    booked = counter.redeem(first)
    assert booked is not None

    town.node.tester.revert_to_snapshot(before)
    with pytest.raises(Unavailable, match=f"{booked.transaction} was settled and the chain does not count it"):
        counter.redeem(second)
    counter.redeem(second)

    assert [event.condition_id for event in counter.published()] == [first.condition_id, second.condition_id]
    assert (counter.pusd(), nonce_of(counter), counter.alarms()) == (10 * ONE, nonce + 2, [])


@pytest.mark.pitfall(28)
def test_what_was_booked_and_then_pays_nothing_is_an_alarm(town: Town) -> None:
    """The chain took it back and carries it again after somebody moved the shares: what is in the books never came."""
    counter = Counter(town)
    market, later = a_due_market(counter), a_due_market(counter)
    town.approve(counter.wallet, town.bank)
    before = town.node.tester.take_snapshot()
    counter.redeem(market)

    town.node.tester.revert_to_snapshot(before)
    move = selector("safeTransferFrom(address,address,uint256,uint256,bytes)")
    moved = abi.encoded_call(move, counter.wallet, town.bank, int(market.tokens[0]), 5 * ONE, b"")
    town.send(counter.contracts.conditional_tokens, moved)
    with pytest.raises(Unavailable, match="does not count it"):
        counter.redeem(later)
    with pytest.raises(OutcomeUnknown, match="shares worth 0 left the wallet"):
        counter.redeem(later)

    assert [alarm.condition_id for alarm in counter.alarms()] == [market.condition_id]


@pytest.mark.pitfall(31)
def test_a_server_that_lost_everything_in_mid_flight_pays_once(town: Town) -> None:
    """Lots, signed bytes and nonces are gone; the chain and the Data API's list are what is left to go by."""
    before = Counter(town)
    market, nonce = a_due_market(before), nonce_of(before)
    town.node.holding = True
    with pytest.raises(Unavailable, match="not mined"):
        before.redeem(market)
    after = Counter(town)
    after.api.redeemable = [market.condition_id]
    with pytest.raises(Unavailable, match="not mined"):
        after.redeem(market)

    same_bytes = under_way(before).last.raw == under_way(after).last.raw  # fees may have moved
    town.node.held = [under_way(before).last.raw]
    town.node.release()
    after.redeem(market)

    assert (after.pusd(), nonce_of(after), after.alarms()) == (5 * ONE, nonce + 1, [])
    assert [event.outside for event in after.published()] == ([5] if same_bytes else [])
    assert after.planner.find().due == ()


def test_two_wallets_of_one_signer_leave_each_others_transactions_alone(town: Town) -> None:
    """They share nonces, so they share the turn; what one sent must not be proved by what the other one got."""
    own = Counter(town)
    market = a_due_market(own)
    town.node.holding = True
    with pytest.raises(Unavailable, match="not mined"):
        own.redeem(market)
    safe = Counter(town, wallet=town.safe, kind="safe", ledger=own.ledger)
    theirs = a_due_market(safe)

    with pytest.raises(Unavailable, match=f"{own.wallet}, which has the same signer, is under way"):
        safe.redeem(theirs)
    town.node.held = [under_way(own).last.raw]
    town.node.release()
    own.redeem(market)
    result = safe.redeem(theirs)

    assert result is not None
    assert [event.wallet for event in own.published()] == [own.wallet, town.safe]
    assert own.alarms() == []


@pytest.mark.pitfall(28)
def test_a_nonce_that_somebody_else_took_is_given_up_and_the_money_still_comes(town: Town) -> None:
    counter = Counter(town)
    market = a_due_market(counter)
    town.node.holding = True
    with pytest.raises(Unavailable):
        counter.redeem(market)
    town.node.holding, town.node.held = False, []
    town.approve(counter.wallet, town.bank)
    town.node.mine(5)

    result = counter.redeem(market)

    assert result is not None
    assert (result.paid, counter.pusd()) == (5, 5 * ONE)


@pytest.mark.pitfall(28)
def test_gas_above_the_cap_waits_and_spends_nothing(town: Town) -> None:
    counter = Counter(town)
    market = a_due_market(counter)
    counter.purse.rules = replace(counter.purse.rules, cap=1)

    with pytest.raises(Unavailable, match="above GAS_CAP_GWEI"):
        counter.redeem(market)

    assert sent(counter) == 0


@pytest.mark.pitfall(28)
def test_a_replacement_above_the_cap_is_not_made() -> None:
    last = gas_pricing.GasFees(100 * GWEI, 30 * GWEI)

    assert gas_pricing.raised_fees(last, gas_pricing.GasMarket(GWEI, GWEI), 112 * GWEI) is None
    assert gas_pricing.raised_fees(last, gas_pricing.GasMarket(GWEI, GWEI), 113 * GWEI) == gas_pricing.GasFees(
        112_500_000_000, 33_750_000_000
    )


def test_what_no_block_would_take_is_not_sent_and_a_margin_never_makes_it_so() -> None:
    assert gas_pricing.with_margin(100_000) == 125_000
    assert gas_pricing.with_margin(gas_pricing.MOST_GAS - 1) == gas_pricing.MOST_GAS
    with pytest.raises(Rejected, match="send less at once"):
        gas_pricing.with_margin(gas_pricing.MOST_GAS + 1)


def test_an_empty_signer_is_told_to_get_pol(town: Town) -> None:
    counter = Counter(town)
    market = a_due_market(counter)
    held = town.node.tester.get_balance(counter.wallet)
    counter.purse.rules = replace(counter.purse.rules, cap=10**30, pol_price=Decimal(0))
    counter.node.tip = held

    try:
        with pytest.raises(Unavailable, match="send POL to"):
            counter.redeem(market)
    finally:
        counter.node.tip = GWEI

    assert sent(counter) == 0


def test_an_unreadable_sending_stops_the_wallet_in_the_open(town: Town) -> None:
    counter = Counter(town)
    market = a_due_market(counter)
    counter.ledger.commit(LedgerWrite(id="odd", records=(LedgerRecord("sendings", counter.purse.address, "{}"),)))

    with pytest.raises(Malformed, match="cannot be read"):
        counter.redeem(market)
