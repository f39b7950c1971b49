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
from tests.redeemer.evm.evm_fixture import ONE, Town, selector
from tests.redeemer.evm.redeemer_parts import CONFIRMATIONS, Counter

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
    town: Town, payouts: tuple[int, int], held: tuple[int, int], paid: Decimal, *, neg_risk: bool
) -> None:
    counter, market = Counter(town), town.market(neg_risk=neg_risk)
    counter.hold(market, *held, cost=ONE)
    town.resolve(market, *payouts)
    before = town.node.head

    result = counter.redeem(market)

    assert result is not None
    assert (result.paid, result.expected, result.token, result.way) == (paid, paid, "pUSD", "adapter")
    assert (counter.pusd(), town.shares(market, counter.wallet)) == (int(paid * ONE), (0, 0))
    assert result.transaction.startswith("0x")
    assert 0 < result.gas_pol < 1
    assert town.node.head >= before + CONFIRMATIONS
    assert (open_lots(counter.ledger), counter.published()) == ([], [result])
    lots = sum(1 for shares in held if shares)
    assert counter.ledger.read((CASH,)).values[CASH] == int(paid * ONE) - lots * ONE
    assert counter.redeem(market) is None


@pytest.mark.parametrize("neg_risk", [False, True], ids=["plain", "neg_risk"])
def test_the_legacy_ways_pay_usdc_e(town: Town, *, neg_risk: bool) -> None:
    counter, market = Counter(town, route="direct"), town.market(neg_risk=neg_risk)
    counter.hold(market, 10 * ONE, 2 * ONE)
    town.resolve(market, 1, 0)

    result = counter.redeem(market)

    assert result is not None
    assert (result.paid, result.token, result.way) == (10, "USDC.e", "direct")
    assert town.balance(town.contracts.usdc_e, counter.wallet) == 10 * ONE


@pytest.mark.parametrize("route", ["adapter", "direct"])
def test_a_safe_redeems_through_its_owner(town: Town, route: Route) -> None:
    counter, market = Counter(town, wallet=town.safe, kind="safe", route=route), town.market()
    counter.hold(market, 7 * ONE)
    town.resolve(market, 1, 0)

    result = counter.redeem(market)

    assert result is not None
    assert (result.paid, result.wallet) == (7, town.safe)
    assert town.shares(market, town.safe) == (0, 0)


def test_a_safe_redeems_everything_due_in_one_transaction(town: Town) -> None:
    counter = Counter(town, wallet=town.safe, kind="safe")
    markets = [town.market(neg_risk=bool(place % 2)) for place in range(3)]
    for market in markets:
        counter.hold(market, ONE, ONE)
        town.resolve(market, 1, 1)

    first = counter.redeem(markets[0])

    assert first is not None
    assert {event.transaction for event in counter.published()} == {first.transaction}
    assert [event.paid for event in counter.published()] == [1] * 3
    assert sum(event.gas_pol for event in counter.published()) < 1
    assert counter.pusd() == 3 * ONE
    town.node.asked = []
    told = counter.redeem(markets[2])  # its own job finds it done
    assert told in counter.published()
    assert (told and told.condition_id, town.node.asked) == (markets[2].condition_id, [])
    assert counter.redeem(markets[2]) is None


def test_a_batch_that_is_refused_is_halved_until_it_goes_through(town: Town) -> None:
    counter = Counter(town, wallet=town.safe, kind="safe")
    markets = [town.market() for _ in range(4)]
    for market in markets:
        counter.hold(market, ONE)
        town.resolve(market, 1, 0)
    alone = town.node.eth_estimate_gas(counter.call_of(markets[0]))
    town.node.heavier = gas_pricing.MOST_GAS // int(alone, 16) // 2

    first = counter.redeem(markets[0])

    assert first is not None
    together = [event for event in counter.published() if event.transaction == first.transaction]
    assert 1 <= len(together) < 4
    for market in markets:
        counter.redeem(market)
    assert (len(counter.published()), counter.pusd()) == (4, 4 * ONE)


@pytest.mark.pitfall(27)
def test_a_loser_is_written_off_once_without_a_transaction(town: Town) -> None:
    counter, market = Counter(town), town.market()
    counter.hold(market, 0, 5 * ONE, cost=2 * ONE)
    town.resolve(market, 1, 0)

    result, again = counter.redeem(market), counter.redeem(market)

    assert result is not None
    assert (result.paid, result.realized, result.way, result.transaction, again) == (0, -2, "write_off", "", None)
    assert "eth_sendRawTransaction" not in town.node.asked
    assert town.shares(market, counter.wallet) == (0, 5 * ONE)
    assert counter.states(market) == ["nothing"]


@pytest.mark.pitfall(27)
def test_what_the_automatic_redeemer_redeemed_is_found_proved_and_booked(town: Town) -> None:
    counter, market = Counter(town), town.market()
    counter.hold(market, 10 * ONE, cost=4 * ONE)
    town.resolve(market, 1, 0)
    redeem_for = abi.encoded_call(selector("redeemFor(address,bytes32)"), counter.wallet, market.condition_id)
    tx_hash = town.send(town.contracts.ctf_collateral_adapter, redeem_for)
    town.node.mine(CONFIRMATIONS)
    counter.api.redeemed[market.condition_id] = [tx_hash]
    assert counter.states(market) == ["gone"]

    result = counter.redeem(market)

    assert result is not None
    assert (result.paid, result.way, result.transaction, result.realized) == (10, "elsewhere", tx_hash, 6)
    assert counter.redeem(market) is None


@pytest.mark.pitfall(27)
def test_shares_that_went_elsewhere_are_not_booked_as_paid(town: Town) -> None:
    counter, market = Counter(town), town.market()
    counter.lots(market, 10 * ONE)
    town.resolve(market, 1, 0)

    with pytest.raises(OutcomeUnknown, match="sold or moved by hand"):
        counter.redeem(market)

    assert len(open_lots(counter.ledger)) == 1


@pytest.mark.pitfall(27)
@pytest.mark.parametrize(("percent", "came"), [(0, 0), (60, 6)])
def test_a_redeem_that_succeeds_and_pays_too_little_is_an_alarm_and_never_done(
    town: Town, percent: int, came: int
) -> None:
    names = ("conditional_tokens", "usdc_e", "usdc_e", "pusd")
    built = [getattr(town.contracts, name) for name in names]
    short = town.deploy("ShortAdapter", ["address"] * 4 + ["uint256"], [*built, percent])
    counter, market = Counter(town, ctf_collateral_adapter=short), town.market()
    town.approve(counter.wallet, short)
    counter.hold(market, 10 * ONE)
    town.resolve(market, 1, 0)

    with pytest.raises(OutcomeUnknown, match=f"10 was owed and {came} came"):
        counter.redeem(market)

    alarm = counter.alarms()[0]
    assert (alarm.expected, alarm.paid, alarm.condition_id) == (10, came, market.condition_id)
    assert (counter.published(), len(open_lots(counter.ledger))) == ([], 1)
    with pytest.raises(Rejected, match="has an alarm"):
        counter.redeem(market)
    assert counter.planner.find().due == ()


@pytest.mark.pitfall(27)
def test_the_wrong_collateral_redeems_nothing_on_the_real_contract_and_is_seen(town: Town) -> None:
    """The commonest bug of the field, done by hand: the transaction succeeds, the event is there, the payout is 0."""
    counter, market = Counter(town), town.market()
    counter.hold(market, 10 * ONE)
    town.resolve(market, 1, 0)
    due = counter.planner.judge([market.condition_id])[0]
    sel = selector("redeemPositions(address,bytes32,bytes32,uint256[])")
    zero = "0x" + "0" * 64
    data = abi.encoded_call(sel, town.contracts.pusd, zero, market.condition_id, [1, 2])
    tx_hash = town.as_signer(town.contracts.conditional_tokens, data)

    receipt = town.node.eth_get_transaction_receipt(tx_hash)
    assert receipt is not None
    proof = prove_payout((due,), receipt["logs"], counter.wallet, town.contracts.pusd, town.contracts)

    assert proof.paid == {market.condition_id: 0}
    assert "shares worth 0 left the wallet" in proof.problem
    assert counter.states(market) == ["pay"]


def test_an_unresolved_market_sends_nothing(town: Town) -> None:
    counter, market = Counter(town), town.market()
    counter.hold(market, ONE)

    with pytest.raises(Unavailable, match="no payouts"):
        counter.redeem(market)


def test_a_missing_approval_is_told_before_gas_is_spent(town: Town) -> None:
    stranger = town.deploy(
        "CtfCollateralAdapter",
        ["address"] * 4,
        [getattr(town.contracts, name) for name in ("conditional_tokens", "usdc_e", "usdc_e", "pusd")],
    )
    counter, market = Counter(town, ctf_collateral_adapter=stranger), town.market()
    counter.hold(market, ONE)
    town.resolve(market, 1, 0)
    nonce = town.node.eth_get_transaction_count(counter.wallet, "latest")

    with pytest.raises(Rejected, match="revert"):
        counter.redeem(market)

    assert town.node.eth_get_transaction_count(counter.wallet, "latest") == nonce


def test_dust_stays_until_it_is_worth_its_gas(town: Town) -> None:
    counter, market = Counter(town, least=ONE), town.market()
    counter.hold(market, 100)
    town.resolve(market, 1, 0)

    assert counter.redeem(market) is None
    assert (counter.states(market), counter.planner.find().due) == (["dust"], ())
    assert len(open_lots(counter.ledger)) == 1


def test_less_than_its_gas_is_dust_to_whoever_watches_and_to_whoever_redeems(town: Town) -> None:
    """Were it due to the one and dust to the other, a job would be made and end with nothing at every look."""
    counter, market = Counter(town), town.market()
    counter.purse.rules = replace(counter.purse.rules, pol_price=Decimal(10_000))
    counter.hold(market, ONE)
    town.resolve(market, 1, 0)

    assert counter.planner.find().due == ()
    assert counter.redeem(market) is None
    counter.purse.rules = replace(counter.purse.rules, pol_price=Decimal("0.1"))
    assert counter.planner.find().due == (market.condition_id,)


def test_what_waits_for_its_turn_is_not_asked_about_at_every_look(town: Town) -> None:
    counter = Counter(town)
    markets = [town.market() for _ in range(2)]
    for market in markets:
        counter.hold(market, ONE)
        town.resolve(market, 1, 0)
    both = {market.condition_id for market in markets}
    assert set(counter.planner.find().due) == both

    town.node.asked = []
    assert set(counter.planner.find().due) == both
    assert "eth_call" not in town.node.asked
    counter.redeem(markets[0])

    assert counter.planner.find().due == (markets[1].condition_id,)


def test_shares_outside_of_our_lots_are_redeemed_and_kept_out_of_the_bankroll(town: Town) -> None:
    counter, market = Counter(town), town.market()
    counter.hold(market, 4 * ONE, cost=ONE)
    town.give(market, counter.wallet, 6 * ONE)
    town.resolve(market, 1, 0)

    result = counter.redeem(market)

    assert result is not None
    assert (result.paid, result.outside, result.realized) == (10, 6, 3)
    assert counter.ledger.read((CASH,)).values[CASH] == 3 * ONE


def test_a_market_that_only_the_data_api_names_is_redeemed_as_well(town: Town) -> None:
    counter, market = Counter(town), town.market()
    town.give(market, counter.wallet, 3 * ONE)
    town.resolve(market, 1, 0)
    counter.api.redeemable = [market.condition_id]
    assert counter.planner.find().due == (market.condition_id,)

    result = counter.redeem(market)

    assert result is not None
    assert (result.paid, result.outside, result.lots) == (3, 3, ())
    assert counter.redeem(market) is None


def test_fewer_shares_than_our_lots_are_shared_among_them(town: Town) -> None:
    counter, market = Counter(town), town.market()
    town.give(market, counter.wallet, 9 * ONE)
    counter.lots(market, 10 * ONE, cost=ONE)
    town.resolve(market, 1, 0)

    result = counter.redeem(market)

    assert result is not None
    assert (result.paid, result.realized, result.outside) == (9, 8, 0)


@pytest.mark.parametrize("neg_risk", [False, True], ids=["plain", "neg_risk"])
def test_pairs_of_an_open_market_are_merged_where_that_is_wanted(town: Town, *, neg_risk: bool) -> None:
    counter, market = Counter(town, merge=True), town.market(neg_risk=neg_risk)
    counter.hold(market, 10 * ONE, 4 * ONE, cost=2 * ONE)

    result = counter.redeem(market)

    assert result is not None
    assert (result.way, result.paid, result.cost, result.realized) == ("merge", 4, Decimal("2.8"), Decimal("1.2"))
    assert counter.pusd() == 4 * ONE
    assert [(lot.outcome_index, lot.shares) for lot in open_lots(counter.ledger)] == [(0, 6 * ONE)]


def test_a_node_that_forgot_the_block_leaves_the_logs_to_prove_it(town: Town) -> None:
    counter, market = Counter(town), town.market()
    counter.hold(market, 2 * ONE)
    town.resolve(market, 1, 0)
    town.node.forgets = True

    result = counter.redeem(market)

    assert result is not None
    assert result.paid == 2


def test_any_number_of_conditions_is_judged_through_a_node_that_takes_few_calls_at_once(town: Town) -> None:
    counter, market = Counter(town), town.market()
    counter.hold(market, ONE)
    town.resolve(market, 1, 0)
    strangers = [f"0x{number:064x}" for number in range(900, 1130)]

    dues = counter.planner.judge([*strangers, market.condition_id])

    assert len(dues) == 231
    assert [due.condition_id for due in dues if due.acts] == [market.condition_id]


@pytest.mark.pitfall(11)
def test_a_node_that_lags_behind_raises_no_alarm(town: Town) -> None:
    counter, market = Counter(town), town.market()
    counter.hold(market, 2 * ONE)
    town.resolve(market, 1, 0)
    town.node.lags = True

    with pytest.raises(Unavailable, match="does not know all logs"):
        counter.redeem(market)
    assert counter.alarms() == []
    town.node.lags = False
    result = counter.redeem(market)

    assert result is not None
    assert result.paid == 2
