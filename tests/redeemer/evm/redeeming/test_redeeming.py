"""Redeeming on a real EVM with the real ConditionalTokens, by every way of our own."""

import pytest

from redeemer.domain import gas_pricing
from redeemer.domain.contract_calls import Route
from shared.domain.ledger_accounts import CASH
from shared.ledger.port import open_lots
from shared.polymarket.wire import abi
from tests.redeemer.evm.evm_fixture import ONE, EvmFixture, selector
from tests.redeemer.evm.redeemer_parts import CONFIRMATIONS, LiveRedeemerFixture

pytestmark = pytest.mark.evm


@pytest.mark.pitfall(27)
@pytest.mark.parametrize("neg_risk", [False, True], ids=["plain", "neg_risk"])
@pytest.mark.parametrize(
    ("payouts", "held", "paid"),
    [
        pytest.param((1, 0), (10 * ONE, 0), 10 * ONE, id="a winner"),
        pytest.param((0, 1), (10 * ONE, 4 * ONE), 4 * ONE, id="both outcomes held, the second won"),
        pytest.param((1, 1), (10 * ONE, 3), 5_000_001, id="50/50, each outcome rounded down"),
        pytest.param((1, 3), (0, 10 * ONE), 7_500_000, id="any vector"),
    ],
)
def test_what_resolved_is_paid_proved_and_booked(
    evm: EvmFixture, payouts: tuple[int, int], held: tuple[int, int], paid: int, *, neg_risk: bool
) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market(neg_risk=neg_risk)
    fixture.hold(market, *held, cost=ONE)
    evm.resolve(market, *payouts)
    before = evm.node.head

    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, result.expected, result.token, result.way) == (paid, paid, "pUSD", "adapter")
    assert (fixture.pusd(), evm.shares(market, fixture.wallet)) == (paid, (0, 0))
    assert result.transaction.startswith("0x")
    assert 0 < result.gas_pol < 1
    assert evm.node.head >= before + CONFIRMATIONS
    assert (open_lots(fixture.ledger), fixture.published()) == ([], [result])
    lots = sum(1 for shares in held if shares)
    assert fixture.ledger.read((CASH,)).values[CASH] == paid - lots * ONE
    assert fixture.redeem(market) is None


@pytest.mark.parametrize("neg_risk", [False, True], ids=["plain", "neg_risk"])
def test_the_legacy_ways_pay_usdc_e(evm: EvmFixture, *, neg_risk: bool) -> None:
    fixture, market = LiveRedeemerFixture(evm, route="direct"), evm.market(neg_risk=neg_risk)
    fixture.hold(market, 10 * ONE, 2 * ONE)
    evm.resolve(market, 1, 0)

    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, result.token, result.way) == (10 * ONE, "USDC.e", "direct")
    assert evm.balance(evm.contracts.usdc_e, fixture.wallet) == 10 * ONE


@pytest.mark.parametrize("route", ["adapter", "direct"])
def test_a_safe_redeems_through_its_owner(evm: EvmFixture, route: Route) -> None:
    fixture, market = LiveRedeemerFixture(evm, wallet=evm.safe, kind="safe", route=route), evm.market()
    fixture.hold(market, 7 * ONE)
    evm.resolve(market, 1, 0)

    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, result.wallet) == (7 * ONE, evm.safe)
    assert evm.shares(market, evm.safe) == (0, 0)


def test_a_safe_redeems_everything_due_in_one_transaction(evm: EvmFixture) -> None:
    fixture = LiveRedeemerFixture(evm, wallet=evm.safe, kind="safe")
    markets = [evm.market(neg_risk=bool(place % 2)) for place in range(3)]
    for market in markets:
        fixture.hold(market, ONE, ONE)
        evm.resolve(market, 1, 1)

    first = fixture.redeem(markets[0])

    assert first is not None
    assert {event.transaction for event in fixture.published()} == {first.transaction}
    assert [event.paid for event in fixture.published()] == [ONE] * 3
    assert sum(event.gas_pol for event in fixture.published()) < 1
    assert fixture.pusd() == 3 * ONE
    evm.node.asked = []
    told = fixture.redeem(markets[2])  # its own job finds it done
    assert told in fixture.published()
    assert (told and told.condition_id, evm.node.asked) == (markets[2].condition_id, [])
    assert fixture.redeem(markets[2]) is None


def test_a_batch_that_is_refused_is_halved_until_it_goes_through(evm: EvmFixture) -> None:
    fixture = LiveRedeemerFixture(evm, wallet=evm.safe, kind="safe")
    markets = [evm.market() for _ in range(4)]
    for market in markets:
        fixture.hold(market, ONE)
        evm.resolve(market, 1, 0)
    alone = evm.node.eth_estimate_gas(fixture.call_of(markets[0]))
    evm.node.heavier = gas_pricing.MOST_GAS // int(alone, 16) // 2

    first = fixture.redeem(markets[0])

    assert first is not None
    together = [event for event in fixture.published() if event.transaction == first.transaction]
    assert 1 <= len(together) < 4
    for market in markets:
        fixture.redeem(market)
    assert (len(fixture.published()), fixture.pusd()) == (4, 4 * ONE)


@pytest.mark.pitfall(27)
def test_a_loser_is_written_off_once_without_a_transaction(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    fixture.hold(market, 0, 5 * ONE, cost=2 * ONE)
    evm.resolve(market, 1, 0)

    result, again = fixture.redeem(market), fixture.redeem(market)

    assert result is not None
    assert (result.paid, result.realized, result.way, result.transaction, again) == (0, -2 * ONE, "write_off", "", None)
    assert "eth_sendRawTransaction" not in evm.node.asked
    assert evm.shares(market, fixture.wallet) == (0, 5 * ONE)
    assert fixture.states(market) == ["nothing"]


@pytest.mark.pitfall(27)
def test_what_the_automatic_redeemer_redeemed_is_found_proved_and_booked(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    fixture.hold(market, 10 * ONE, cost=4 * ONE)
    evm.resolve(market, 1, 0)
    redeem_for = abi.encoded_call(selector("redeemFor(address,bytes32)"), fixture.wallet, market.condition_id)
    tx_hash = evm.send(evm.contracts.ctf_collateral_adapter, redeem_for)
    evm.node.mine(CONFIRMATIONS)
    fixture.api.redeemed[market.condition_id] = [tx_hash]
    assert fixture.states(market) == ["gone"]

    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, result.way, result.transaction, result.realized) == (10 * ONE, "elsewhere", tx_hash, 6 * ONE)
    assert fixture.redeem(market) is None


def test_shares_outside_of_our_lots_are_redeemed_and_kept_out_of_the_bankroll(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    fixture.hold(market, 4 * ONE, cost=ONE)
    evm.give(market, fixture.wallet, 6 * ONE)
    evm.resolve(market, 1, 0)

    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, result.outside, result.realized) == (10 * ONE, 6 * ONE, 3 * ONE)
    assert fixture.ledger.read((CASH,)).values[CASH] == 3 * ONE


def test_fewer_shares_than_our_lots_are_shared_among_them(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    evm.give(market, fixture.wallet, 9 * ONE)
    fixture.lots(market, 10 * ONE, cost=ONE)
    evm.resolve(market, 1, 0)

    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, result.realized, result.outside) == (9 * ONE, 8 * ONE, 0)


@pytest.mark.parametrize("neg_risk", [False, True], ids=["plain", "neg_risk"])
def test_pairs_of_an_open_market_are_merged_where_that_is_wanted(evm: EvmFixture, *, neg_risk: bool) -> None:
    fixture, market = LiveRedeemerFixture(evm, merge=True), evm.market(neg_risk=neg_risk)
    fixture.hold(market, 10 * ONE, 4 * ONE, cost=2 * ONE)

    result = fixture.redeem(market)

    assert result is not None
    assert (result.way, result.paid, result.cost, result.realized) == ("merge", 4 * ONE, 2_800_000, 1_200_000)
    assert fixture.pusd() == 4 * ONE
    assert [(lot.outcome_index, lot.shares) for lot in open_lots(fixture.ledger)] == [(0, 6 * ONE)]
