"""Payouts that are not what was owed, or cannot be proved: an alarm, nothing booked."""

import pytest

from redeemer.domain.payout_proof import prove_payout
from shared.domain.errors import OutcomeUnknown, Rejected, Unavailable
from shared.ledger.port import open_lots
from shared.polymarket.wire import abi
from tests.redeemer.evm.evm_fixture import ONE, EvmFixture, selector
from tests.redeemer.evm.redeemer_parts import LiveRedeemerFixture

pytestmark = pytest.mark.evm


@pytest.mark.pitfall(27)
def test_shares_that_went_elsewhere_are_not_booked_as_paid(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    fixture.lots(market, 10 * ONE)
    evm.resolve(market, 1, 0)

    with pytest.raises(OutcomeUnknown, match="sold or moved by hand"):
        fixture.redeem(market)

    assert len(open_lots(fixture.ledger)) == 1


@pytest.mark.pitfall(27)
@pytest.mark.parametrize(("percent", "came"), [(0, 0), (60, 6)])
def test_a_redeem_that_succeeds_and_pays_too_little_is_an_alarm_and_never_done(
    evm: EvmFixture, percent: int, came: int
) -> None:
    names = ("conditional_tokens", "usdc_e", "usdc_e", "pusd")
    built = [getattr(evm.contracts, name) for name in names]
    short = evm.deploy("ShortAdapter", ["address"] * 4 + ["uint256"], [*built, percent])
    fixture, market = LiveRedeemerFixture(evm, ctf_collateral_adapter=short), evm.market()
    evm.approve(fixture.wallet, short)
    fixture.hold(market, 10 * ONE)
    evm.resolve(market, 1, 0)

    with pytest.raises(OutcomeUnknown, match=f"10 was owed and {came} came"):
        fixture.redeem(market)

    alarm = fixture.alarms()[0]
    assert (alarm.expected, alarm.paid, alarm.condition_id) == (10 * ONE, came * ONE, market.condition_id)
    assert (fixture.published(), len(open_lots(fixture.ledger))) == ([], 1)
    with pytest.raises(Rejected, match="has an alarm"):
        fixture.redeem(market)
    assert fixture.plan.find_all().due == ()


@pytest.mark.pitfall(27)
def test_the_wrong_collateral_redeems_nothing_on_the_real_contract_and_is_seen(evm: EvmFixture) -> None:
    """The commonest bug of the field, done by hand: the transaction succeeds, the event is there, the payout is 0."""
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    fixture.hold(market, 10 * ONE)
    evm.resolve(market, 1, 0)
    due = fixture.plan.judge_conditions([market.condition_id])[0]
    sel = selector("redeemPositions(address,bytes32,bytes32,uint256[])")
    zero = "0x" + "0" * 64
    data = abi.encoded_call(sel, evm.contracts.pusd, zero, market.condition_id, [1, 2])
    tx_hash = evm.as_signer(evm.contracts.conditional_tokens, data)

    receipt = evm.node.eth_get_transaction_receipt(tx_hash)
    assert receipt is not None
    proof = prove_payout((due,), receipt["logs"], fixture.wallet, evm.contracts.pusd, evm.contracts)

    assert proof.paid == {market.condition_id: 0}
    assert "shares worth 0 left the wallet" in proof.problem
    assert fixture.states(market) == ["pay"]


def test_a_node_that_forgot_the_block_leaves_the_logs_to_prove_it(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    fixture.hold(market, 2 * ONE)
    evm.resolve(market, 1, 0)
    evm.node.forgets = True

    result = fixture.redeem(market)

    assert result is not None
    assert result.paid == 2 * ONE


@pytest.mark.pitfall(11)
def test_a_node_that_lags_behind_raises_no_alarm(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    fixture.hold(market, 2 * ONE)
    evm.resolve(market, 1, 0)
    evm.node.lags = True

    with pytest.raises(Unavailable, match="does not know all logs"):
        fixture.redeem(market)
    assert fixture.alarms() == []
    evm.node.lags = False
    result = fixture.redeem(market)

    assert result is not None
    assert result.paid == 2 * ONE
