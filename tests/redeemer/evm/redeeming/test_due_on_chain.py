"""Conditions on a real EVM of which something is due, or not yet."""

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain.errors import Rejected, Unavailable
from shared.ledger.port import open_lots
from tests.redeemer.evm.evm_fixture import ONE, EvmFixture
from tests.redeemer.evm.redeemer_parts import LiveRedeemerFixture

pytestmark = pytest.mark.evm


def test_an_unresolved_market_sends_nothing(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    fixture.hold(market, ONE)

    with pytest.raises(Unavailable, match="no payouts"):
        fixture.redeem(market)


def test_a_missing_approval_is_told_before_gas_is_spent(evm: EvmFixture) -> None:
    stranger = evm.deploy(
        "CtfCollateralAdapter",
        ["address"] * 4,
        [getattr(evm.contracts, name) for name in ("conditional_tokens", "usdc_e", "usdc_e", "pusd")],
    )
    fixture, market = LiveRedeemerFixture(evm, ctf_collateral_adapter=stranger), evm.market()
    fixture.hold(market, ONE)
    evm.resolve(market, 1, 0)
    nonce = evm.node.eth_get_transaction_count(fixture.wallet, "latest")

    with pytest.raises(Rejected, match="revert"):
        fixture.redeem(market)

    assert evm.node.eth_get_transaction_count(fixture.wallet, "latest") == nonce


def test_dust_stays_until_it_is_worth_its_gas(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm, least=ONE), evm.market()
    fixture.hold(market, 100)
    evm.resolve(market, 1, 0)

    assert fixture.redeem(market) is None
    assert (fixture.states(market), fixture.plan.find_all().due) == (["dust"], ())
    assert len(open_lots(fixture.ledger)) == 1


def test_less_than_its_gas_is_dust_to_whoever_watches_and_to_whoever_redeems(evm: EvmFixture) -> None:
    """Were it due to the one and dust to the other, a job would be made and end with nothing at every look."""
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    fixture.transactions.rules = replace(fixture.transactions.rules, pol_price=Decimal(10_000))
    fixture.hold(market, ONE)
    evm.resolve(market, 1, 0)

    assert fixture.plan.find_all().due == ()
    assert fixture.redeem(market) is None
    fixture.transactions.rules = replace(fixture.transactions.rules, pol_price=Decimal("0.1"))
    assert fixture.plan.find_all().due == (market.condition_id,)


def test_what_waits_for_its_turn_is_not_asked_about_at_every_look(evm: EvmFixture) -> None:
    fixture = LiveRedeemerFixture(evm)
    markets = [evm.market() for _ in range(2)]
    for market in markets:
        fixture.hold(market, ONE)
        evm.resolve(market, 1, 0)
    both = {market.condition_id for market in markets}
    assert set(fixture.plan.find_all().due) == both

    evm.node.asked = []
    assert set(fixture.plan.find_all().due) == both
    assert "eth_call" not in evm.node.asked
    fixture.redeem(markets[0])

    assert fixture.plan.find_all().due == (markets[1].condition_id,)


def test_a_market_that_only_the_data_api_names_is_redeemed_as_well(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    evm.give(market, fixture.wallet, 3 * ONE)
    evm.resolve(market, 1, 0)
    fixture.api.redeemable = [market.condition_id]
    assert fixture.plan.find_all().due == (market.condition_id,)

    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, result.outside, result.lots) == (3 * ONE, 3 * ONE, ())
    assert fixture.redeem(market) is None


def test_any_number_of_conditions_is_judged_through_a_node_that_takes_few_calls_at_once(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    fixture.hold(market, ONE)
    evm.resolve(market, 1, 0)
    strangers = [f"0x{number:064x}" for number in range(900, 1130)]

    dues = fixture.plan.judge_conditions([*strangers, market.condition_id])

    assert len(dues) == 231
    assert [due.condition_id for due in dues if due.acts] == [market.condition_id]
