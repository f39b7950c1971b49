"""Redeeming on a real EVM with the real ConditionalTokens: every case of what is due, by every way of our own."""

from dataclasses import replace
from decimal import Decimal

import pytest

from redeemer.domain import gas_pricing
from redeemer.domain.contract_calls import Route
from redeemer.domain.payout_proof import prove_payout
from shared.domain.errors import OutcomeUnknown, Rejected, Unavailable
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
        pytest.param((1, 0), (10 * ONE, 0), 10, id="a winner"),
        pytest.param((0, 1), (10 * ONE, 4 * ONE), 4, id="both outcomes held, the second won"),
        pytest.param((1, 1), (10 * ONE, 3), Decimal("5.000001"), id="50/50, each outcome rounded down"),
        pytest.param((1, 3), (0, 10 * ONE), Decimal("7.5"), id="any vector"),
    ],
)
def test_what_resolved_is_paid_proved_and_booked(
    evm: EvmFixture, payouts: tuple[int, int], held: tuple[int, int], paid: Decimal, *, neg_risk: bool
) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market(neg_risk=neg_risk)
    fixture.hold(market, *held, cost=ONE)
    evm.resolve(market, *payouts)
    before = evm.node.head

    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, result.expected, result.token, result.way) == (paid, paid, "pUSD", "adapter")
    assert (fixture.pusd(), evm.shares(market, fixture.wallet)) == (int(paid * ONE), (0, 0))
    assert result.transaction.startswith("0x")
    assert 0 < result.gas_pol < 1
    assert evm.node.head >= before + CONFIRMATIONS
    assert (open_lots(fixture.ledger), fixture.published()) == ([], [result])
    lots = sum(1 for shares in held if shares)
    assert fixture.ledger.read((CASH,)).values[CASH] == int(paid * ONE) - lots * ONE
    assert fixture.redeem(market) is None


@pytest.mark.parametrize("neg_risk", [False, True], ids=["plain", "neg_risk"])
def test_the_legacy_ways_pay_usdc_e(evm: EvmFixture, *, neg_risk: bool) -> None:
    fixture, market = LiveRedeemerFixture(evm, route="direct"), evm.market(neg_risk=neg_risk)
    fixture.hold(market, 10 * ONE, 2 * ONE)
    evm.resolve(market, 1, 0)

    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, result.token, result.way) == (10, "USDC.e", "direct")
    assert evm.balance(evm.contracts.usdc_e, fixture.wallet) == 10 * ONE


@pytest.mark.parametrize("route", ["adapter", "direct"])
def test_a_safe_redeems_through_its_owner(evm: EvmFixture, route: Route) -> None:
    fixture, market = LiveRedeemerFixture(evm, wallet=evm.safe, kind="safe", route=route), evm.market()
    fixture.hold(market, 7 * ONE)
    evm.resolve(market, 1, 0)

    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, result.wallet) == (7, evm.safe)
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
    assert [event.paid for event in fixture.published()] == [1] * 3
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
    assert (result.paid, result.realized, result.way, result.transaction, again) == (0, -2, "write_off", "", None)
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
    assert (result.paid, result.way, result.transaction, result.realized) == (10, "elsewhere", tx_hash, 6)
    assert fixture.redeem(market) is None


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
    assert (alarm.expected, alarm.paid, alarm.condition_id) == (10, came, market.condition_id)
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


def test_shares_outside_of_our_lots_are_redeemed_and_kept_out_of_the_bankroll(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    fixture.hold(market, 4 * ONE, cost=ONE)
    evm.give(market, fixture.wallet, 6 * ONE)
    evm.resolve(market, 1, 0)

    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, result.outside, result.realized) == (10, 6, 3)
    assert fixture.ledger.read((CASH,)).values[CASH] == 3 * ONE


def test_a_market_that_only_the_data_api_names_is_redeemed_as_well(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    evm.give(market, fixture.wallet, 3 * ONE)
    evm.resolve(market, 1, 0)
    fixture.api.redeemable = [market.condition_id]
    assert fixture.plan.find_all().due == (market.condition_id,)

    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, result.outside, result.lots) == (3, 3, ())
    assert fixture.redeem(market) is None


def test_fewer_shares_than_our_lots_are_shared_among_them(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    evm.give(market, fixture.wallet, 9 * ONE)
    fixture.lots(market, 10 * ONE, cost=ONE)
    evm.resolve(market, 1, 0)

    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, result.realized, result.outside) == (9, 8, 0)


@pytest.mark.parametrize("neg_risk", [False, True], ids=["plain", "neg_risk"])
def test_pairs_of_an_open_market_are_merged_where_that_is_wanted(evm: EvmFixture, *, neg_risk: bool) -> None:
    fixture, market = LiveRedeemerFixture(evm, merge=True), evm.market(neg_risk=neg_risk)
    fixture.hold(market, 10 * ONE, 4 * ONE, cost=2 * ONE)

    result = fixture.redeem(market)

    assert result is not None
    assert (result.way, result.paid, result.cost, result.realized) == ("merge", 4, Decimal("2.8"), Decimal("1.2"))
    assert fixture.pusd() == 4 * ONE
    assert [(lot.outcome_index, lot.shares) for lot in open_lots(fixture.ledger)] == [(0, 6 * ONE)]


def test_a_node_that_forgot_the_block_leaves_the_logs_to_prove_it(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    fixture.hold(market, 2 * ONE)
    evm.resolve(market, 1, 0)
    evm.node.forgets = True

    result = fixture.redeem(market)

    assert result is not None
    assert result.paid == 2


def test_any_number_of_conditions_is_judged_through_a_node_that_takes_few_calls_at_once(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), evm.market()
    fixture.hold(market, ONE)
    evm.resolve(market, 1, 0)
    strangers = [f"0x{number:064x}" for number in range(900, 1130)]

    dues = fixture.plan.judge_conditions([*strangers, market.condition_id])

    assert len(dues) == 231
    assert [due.condition_id for due in dues if due.acts] == [market.condition_id]


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
    assert result.paid == 2
