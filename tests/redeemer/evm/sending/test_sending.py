"""Pitfall 28: nonces, stuck and replaced transactions, gas, and kills between any two steps, on a real EVM."""

from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest

from redeemer.domain import gas_pricing
from redeemer.domain.contract_calls import redeem_calls
from shared.domain.errors import Malformed, Rejected, Unavailable
from shared.domain.ledger_accounts import HALT_REDEMPTIONS
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.trading_controls import turn_control
from tests.redeemer.dying_ledger import Killed, MortalLedger
from tests.redeemer.evm.evm_fixture import ONE, EvmFixture
from tests.redeemer.evm.node import GWEI
from tests.redeemer.evm.redeemer_parts import LiveRedeemerFixture
from tests.redeemer.evm.sending.sending_steps import a_due_market, last_nonce, nonce_of, sent, under_way

pytestmark = pytest.mark.evm


@pytest.mark.pitfall(28)
@pytest.mark.parametrize("lost", [False, True], ids=["after the write", "before the write"])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_kill_at_any_write_pays_and_books_once(evm: EvmFixture, step: int, *, lost: bool) -> None:
    """The writes are: the signed bytes, that they were seen in a block, the booking, the free nonce."""
    ledger = MortalLedger()
    fixture = LiveRedeemerFixture(evm, ledger=ledger)
    market = a_due_market(fixture)
    before = nonce_of(fixture)
    ledger.left, ledger.lost = step, lost

    with pytest.raises(Killed):
        fixture.redeem(market)
    again = LiveRedeemerFixture(evm, ledger=ledger)
    again.redeem(market)
    again.redeem(market)

    assert [event.paid for event in again.published()] == [5 * ONE]
    assert again.pusd() == 5 * ONE
    assert nonce_of(again) == before + 1
    assert again.transactions.under_way() is None


@pytest.mark.pitfall(28)
def test_bytes_that_never_left_are_broadcast_by_the_next_worker(evm: EvmFixture) -> None:
    fixture = LiveRedeemerFixture(evm)
    market = a_due_market(fixture)
    due = fixture.plan.judge_conditions([market.condition_id])[0]
    evm.node.holding = True
    made = fixture.transactions.send(
        fixture.wallet, redeem_calls(due, "adapter", fixture.contracts)[0], (due,), "adapter"
    )
    evm.node.held = []
    evm.node.holding = False

    result = LiveRedeemerFixture(evm, ledger=fixture.ledger).redeem(market)

    assert result is not None
    assert (result.transaction, result.paid) == (made.last.hash, 5 * ONE)


@pytest.mark.pitfall(28)
def test_a_stuck_transaction_is_replaced_on_its_nonce_and_either_form_counts(evm: EvmFixture) -> None:
    fixture = LiveRedeemerFixture(evm)
    market = a_due_market(fixture)
    evm.node.holding = True
    with pytest.raises(Unavailable, match="not mined"):
        fixture.redeem(market)
    first = fixture.transactions.under_way()
    assert first is not None
    assert len(first.attempts) == 2

    low, high = first.attempts
    assert high.fees.most * 8 >= low.fees.most * 9
    assert high.fees.tip * 8 >= low.fees.tip * 9
    evm.node.held = [low.raw]
    evm.node.release()
    result = fixture.redeem(market)

    assert result is not None
    assert (result.transaction, result.paid) == (low.hash, 5 * ONE)
    assert [event.paid for event in fixture.published()] == [5 * ONE]


@pytest.mark.pitfall(28)
def test_nothing_is_sent_while_another_transaction_is_under_way(evm: EvmFixture) -> None:
    fixture = LiveRedeemerFixture(evm)
    first, second = a_due_market(fixture), a_due_market(fixture)
    evm.node.holding = True
    for market in (first, second):
        with pytest.raises(Unavailable, match="under way"):
            fixture.redeem(market)
    assert len(set(evm.node.held)) == len(under_way(fixture).attempts)

    evm.node.held = [under_way(fixture).last.raw]
    evm.node.release()
    fixture.redeem(second)

    assert {event.condition_id for event in fixture.published()} == {first.condition_id, second.condition_id}
    assert nonce_of(fixture) == last_nonce(fixture) + 1


def test_two_wallets_of_one_signer_leave_each_others_transactions_alone(evm: EvmFixture) -> None:
    """They share nonces, so they share the turn; what one sent must not be proved by what the other one got."""
    own = LiveRedeemerFixture(evm)
    market = a_due_market(own)
    evm.node.holding = True
    with pytest.raises(Unavailable, match="not mined"):
        own.redeem(market)
    safe = LiveRedeemerFixture(evm, wallet=evm.safe, kind="safe", ledger=own.ledger)
    theirs = a_due_market(safe)

    with pytest.raises(Unavailable, match=f"{own.wallet}, which has the same signer, is under way"):
        safe.redeem(theirs)
    evm.node.held = [under_way(own).last.raw]
    evm.node.release()
    own.redeem(market)
    result = safe.redeem(theirs)

    assert result is not None
    assert [event.wallet for event in own.published()] == [own.wallet, evm.safe]
    assert own.alarms() == []


@pytest.mark.pitfall(28)
def test_a_nonce_that_somebody_else_took_is_given_up_and_the_money_still_comes(evm: EvmFixture) -> None:
    fixture = LiveRedeemerFixture(evm)
    market = a_due_market(fixture)
    evm.node.holding = True
    with pytest.raises(Unavailable):
        fixture.redeem(market)
    evm.node.holding, evm.node.held = False, []
    evm.approve(fixture.wallet, evm.bank)
    evm.node.mine(5)

    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, fixture.pusd()) == (5 * ONE, 5 * ONE)


@pytest.mark.pitfall(28)
def test_gas_above_the_cap_waits_and_spends_nothing(evm: EvmFixture) -> None:
    fixture = LiveRedeemerFixture(evm)
    market = a_due_market(fixture)
    fixture.transactions.rules = replace(fixture.transactions.rules, cap=1)

    with pytest.raises(Unavailable, match="above GAS_CAP_GWEI"):
        fixture.redeem(market)

    assert sent(fixture) == 0


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


def test_an_empty_signer_is_told_to_get_pol(evm: EvmFixture) -> None:
    fixture = LiveRedeemerFixture(evm)
    market = a_due_market(fixture)
    held = evm.node.tester.get_balance(fixture.wallet)
    fixture.transactions.rules = replace(fixture.transactions.rules, cap=10**30, pol_price=Decimal(0))
    fixture.node.tip = held

    try:
        with pytest.raises(Unavailable, match="send POL to"):
            fixture.redeem(market)
    finally:
        fixture.node.tip = GWEI

    assert sent(fixture) == 0


def test_an_unreadable_sending_stops_the_wallet_in_the_open(evm: EvmFixture) -> None:
    fixture = LiveRedeemerFixture(evm)
    market = a_due_market(fixture)
    fixture.ledger.commit(
        LedgerWrite(id="odd", records=(LedgerRecord("sendings", fixture.transactions.address, "{}"),))
    )

    with pytest.raises(Malformed, match="cannot be read"):
        fixture.redeem(market)


@pytest.mark.pitfall(24)
def test_a_kill_keeps_a_transaction_from_being_stored_or_broadcast_until_it_is_lifted(evm: EvmFixture) -> None:
    fixture = LiveRedeemerFixture(evm)
    market = a_due_market(fixture)
    before = sent(fixture)
    turn = partial(turn_control, who="t", why="t", now_ms=1, control=HALT_REDEMPTIONS)
    fixture.ledger.commit(turn("on", on=True))

    with pytest.raises(Unavailable, match="switched off"):
        fixture.redeem(market)
    assert (sent(fixture), fixture.transactions.under_way()) == (before, None)

    fixture.ledger.commit(turn("off", on=False))
    result = fixture.redeem(market)
    assert result is not None
    assert result.paid == 5 * ONE


@pytest.mark.pitfall(24)
def test_a_kill_keeps_stored_bytes_here_until_it_is_lifted(evm: EvmFixture) -> None:
    fixture = LiveRedeemerFixture(evm)
    market = a_due_market(fixture)
    evm.node.holding = True
    with pytest.raises(Unavailable):
        fixture.redeem(market)
    turn = partial(turn_control, who="t", why="t", now_ms=1, control=HALT_REDEMPTIONS)
    fixture.ledger.commit(turn("on", on=True))
    before = sent(fixture)

    with pytest.raises(Unavailable, match="switched off"):
        fixture.redeem(market)

    assert sent(fixture) == before
