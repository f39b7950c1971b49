"""Pitfall 28: transactions whose block is taken back, on a real EVM: the same bytes again, paid and booked once."""

import pytest

from shared.domain.errors import OutcomeUnknown, Unavailable
from shared.polymarket.wire import abi
from tests.redeemer.evm.evm_fixture import ONE, EvmFixture, selector
from tests.redeemer.evm.redeemer_parts import LiveRedeemerFixture
from tests.redeemer.evm.sending.sending_steps import a_due_market, nonce_of, under_way

pytestmark = pytest.mark.evm


@pytest.mark.pitfall(28)
def test_a_block_that_is_taken_back_is_seen_and_the_same_bytes_go_out_again(evm: EvmFixture) -> None:
    fixture = LiveRedeemerFixture(evm)
    market = a_due_market(fixture)
    fixture.clock.mining = False
    before = evm.node.tester.take_snapshot()
    with pytest.raises(Unavailable, match="1 block"):
        fixture.redeem(market)
    assert under_way(fixture).seen_in

    evm.node.tester.revert_to_snapshot(before)
    fixture.clock.mining = True
    result = fixture.redeem(market)

    assert result is not None
    assert result.paid == 5 * ONE
    assert len({event.transaction for event in fixture.published()}) == 1
    assert fixture.pusd() == 5 * ONE


@pytest.mark.pitfall(28)
def test_what_is_taken_back_after_it_was_booked_leaves_no_gap_and_is_paid_once(evm: EvmFixture) -> None:
    """Deeper than the confirmations asked for: its nonce is free again, and all that follows would wait for ever."""
    fixture = LiveRedeemerFixture(evm)
    first, second = a_due_market(fixture), a_due_market(fixture)
    before, nonce = evm.node.tester.take_snapshot(), nonce_of(fixture)
    booked = fixture.redeem(first)
    assert booked is not None

    evm.node.tester.revert_to_snapshot(before)
    with pytest.raises(Unavailable, match=f"{booked.transaction} was settled and the chain does not count it"):
        fixture.redeem(second)
    fixture.redeem(second)

    assert [event.condition_id for event in fixture.published()] == [first.condition_id, second.condition_id]
    assert (fixture.pusd(), nonce_of(fixture), fixture.alarms()) == (10 * ONE, nonce + 2, [])


@pytest.mark.pitfall(28)
def test_what_was_booked_and_then_pays_nothing_is_an_alarm(evm: EvmFixture) -> None:
    """The chain took it back and carries it again after somebody moved the shares: what is in the books never came."""
    fixture = LiveRedeemerFixture(evm)
    market, later = a_due_market(fixture), a_due_market(fixture)
    evm.approve(fixture.wallet, evm.bank)
    before = evm.node.tester.take_snapshot()
    fixture.redeem(market)

    evm.node.tester.revert_to_snapshot(before)
    move = selector("safeTransferFrom(address,address,uint256,uint256,bytes)")
    moved = abi.encoded_call(move, fixture.wallet, evm.bank, int(market.tokens[0]), 5 * ONE, b"")
    evm.send(fixture.contracts.conditional_tokens, moved)
    with pytest.raises(Unavailable, match="does not count it"):
        fixture.redeem(later)
    with pytest.raises(OutcomeUnknown, match="shares worth 0 left the wallet"):
        fixture.redeem(later)

    assert [alarm.condition_id for alarm in fixture.alarms()] == [market.condition_id]


@pytest.mark.pitfall(31)
def test_a_server_that_lost_everything_in_mid_flight_pays_once(evm: EvmFixture) -> None:
    """Lots, signed bytes and nonces are gone; the chain and the Data API's list are what is left to go by."""
    before = LiveRedeemerFixture(evm)
    market, nonce = a_due_market(before), nonce_of(before)
    evm.node.holding = True
    with pytest.raises(Unavailable, match="not mined"):
        before.redeem(market)
    after = LiveRedeemerFixture(evm)
    after.api.redeemable = [market.condition_id]
    with pytest.raises(Unavailable, match="not mined"):
        after.redeem(market)

    same_bytes = under_way(before).last.raw == under_way(after).last.raw  # fees may have moved
    evm.node.held = [under_way(before).last.raw]
    evm.node.release()
    after.redeem(market)

    assert (after.pusd(), nonce_of(after), after.alarms()) == (5 * ONE, nonce + 1, [])
    assert [event.outside for event in after.published()] == ([5] if same_bytes else [])
    assert after.plan.find_all().due == ()
