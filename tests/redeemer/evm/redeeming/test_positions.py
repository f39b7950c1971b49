"""Positions of Protocol V2 on a real EVM, with a PositionManager and a Router of our own (venue reference 7.4)."""

import pytest

from redeemer.domain.contract_calls import Route
from shared.domain.errors import OutcomeUnknown, Rejected, Unavailable
from shared.domain.market import positions_of
from shared.ledger.port import open_lots
from shared.polymarket.wire import abi
from tests.redeemer.evm.evm_fixture import ONE, EvmFixture, Market, selector
from tests.redeemer.evm.redeemer_parts import CONFIRMATIONS, LiveRedeemerFixture

pytestmark = pytest.mark.evm


def positions_market(number: int = 1) -> Market:
    condition = f"0x01{number:030x}{'00' * 8}{'ab' * 7}"
    return Market("", condition, neg_risk=False, tokens=positions_of(condition))


def hold(fixture: LiveRedeemerFixture, market: Market, yes: int, no: int = 0) -> None:
    for token, shares in zip(market.tokens, (yes, no), strict=True):
        mint = abi.encoded_call(selector("mint(address,uint256,uint256)"), fixture.wallet, int(token), shares)
        fixture.evm.send(fixture.contracts.position_manager, mint)
    fixture.lots(market, yes, no)


def resolve(evm: EvmFixture, market: Market, yes: int, no: int) -> None:
    report = abi.encoded_call(selector("report(bytes31,uint256,uint256)"), market.condition_id + "00", yes, no)
    evm.send(evm.contracts.position_manager, report)


def approve(fixture: LiveRedeemerFixture) -> None:
    allow = abi.encoded_call(selector("setApprovalForAll(address,bool)"), fixture.contracts.router, 1)
    fixture.evm.by_wallet(fixture.wallet, fixture.contracts.position_manager, allow)


def left(fixture: LiveRedeemerFixture, market: Market) -> list[int]:
    held = fixture.plan._holdings.read_holdings([market.condition_id])[market.condition_id]
    return list(held[0].balances) if held else [0, 0]


@pytest.mark.parametrize("route", ["adapter", "direct"])
@pytest.mark.parametrize(
    ("parts", "paid", "kept"),
    [
        pytest.param((1, 0), [10 * ONE], [0, 3_000_001], id="the first won"),
        pytest.param((0, 1), [3_000_001], [10 * ONE, 0], id="the second won"),
        pytest.param((1, 2), [3_333_333, 2_000_000], [0, 0], id="both are paid, each rounded down"),
    ],
)
def test_an_eoa_redeems_each_outcome_that_pays_by_a_transaction_of_its_own(
    evm: EvmFixture, route: Route, parts: tuple[int, int], paid: list[int], kept: list[int]
) -> None:
    fixture, market = LiveRedeemerFixture(evm, route=route), positions_market()
    hold(fixture, market, 10 * ONE, 3_000_001)
    approve(fixture)
    resolve(evm, market, *parts)

    results = [fixture.redeem(market) for _ in range(3)]

    assert [(each.paid, each.token) for each in results if each] == [(amount, "pUSD") for amount in paid]
    assert (fixture.pusd(), left(fixture, market), open_lots(fixture.ledger)) == (sum(paid), kept, [])


def test_a_safe_redeems_both_outcomes_and_other_markets_in_one_transaction(evm: EvmFixture) -> None:
    fixture = LiveRedeemerFixture(evm, wallet=evm.safe, kind="safe")
    plain, market = evm.market(), positions_market()
    fixture.hold(plain, 7 * ONE)
    hold(fixture, market, 4 * ONE, 2 * ONE)
    approve(fixture)
    evm.resolve(plain, 1, 0)
    resolve(evm, market, 1, 1)

    fixture.redeem(market)

    assert sorted(event.paid for event in fixture.published()) == [3 * ONE, 7 * ONE]
    assert len({event.transaction for event in fixture.published()}) == 1
    assert (fixture.pusd(), open_lots(fixture.ledger)) == (10 * ONE, [])


def test_by_the_older_contracts_positions_never_share_a_transaction_with_what_pays_usdc_e(evm: EvmFixture) -> None:
    fixture = LiveRedeemerFixture(evm, wallet=evm.safe, kind="safe", route="direct")
    plain, market = evm.market(), positions_market()
    fixture.hold(plain, 7 * ONE)
    hold(fixture, market, 4 * ONE)
    approve(fixture)
    evm.resolve(plain, 1, 0)
    resolve(evm, market, 1, 0)

    fixture.redeem(market)
    fixture.redeem(plain)

    assert [(event.paid, event.token) for event in fixture.published()] == [(4 * ONE, "pUSD"), (7 * ONE, "USDC.e")]
    assert len({event.transaction for event in fixture.published()}) == 2


def test_an_open_market_is_asked_again_and_nothing_is_sent_or_written_off(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), positions_market()
    hold(fixture, market, 10 * ONE)
    approve(fixture)

    with pytest.raises(Unavailable, match="not known to be resolved"):
        fixture.redeem(market)

    assert (fixture.states(market), fixture.published()) == (["open"], [])


def test_without_the_approval_it_would_revert_and_no_gas_is_spent(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), positions_market()
    hold(fixture, market, 10 * ONE)
    resolve(evm, market, 1, 0)

    with pytest.raises(Rejected, match="not approved"):
        fixture.redeem(market)

    assert "eth_sendRawTransaction" not in evm.node.asked


@pytest.mark.pitfall(27)
def test_a_router_that_takes_the_position_and_pays_less_is_an_alarm_and_books_nothing(evm: EvmFixture) -> None:
    pusd, manager = evm.contracts.pusd, evm.contracts.position_manager
    short = evm.deploy("Router", ["address", "address", "uint256"], [manager, pusd, 40])
    fixture, market = LiveRedeemerFixture(evm, router=short), positions_market()
    hold(fixture, market, 10 * ONE)
    approve(fixture)
    resolve(evm, market, 1, 0)

    with pytest.raises(OutcomeUnknown, match="10 was owed and 4 came"):
        fixture.redeem(market)

    assert [(alarm.expected, alarm.paid) for alarm in fixture.alarms()] == [(10 * ONE, 4 * ONE)]
    assert (fixture.published(), len(open_lots(fixture.ledger))) == ([], 1)
    with pytest.raises(Rejected, match="has an alarm"):
        fixture.redeem(market)


@pytest.mark.pitfall(27)
def test_what_somebody_else_redeemed_outcome_by_outcome_is_booked_each_to_its_own_lots(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), positions_market()
    hold(fixture, market, 10 * ONE, 4 * ONE)
    approve(fixture)
    resolve(evm, market, 1, 1)
    sel, condition = selector("redeem(bytes31,uint256,uint256)"), market.condition_id + "00"
    sent = [
        evm.as_signer(evm.contracts.router, abi.encoded_call(sel, condition, outcome, shares))
        for outcome, shares in enumerate((10 * ONE, 4 * ONE))
    ]
    evm.node.mine(CONFIRMATIONS)
    fixture.api.redeemed[market.condition_id] = sent[::-1]

    results = [fixture.redeem(market) for _ in range(3)]

    assert [(each.paid, each.way, len(each.lots)) for each in results if each] == [
        (2 * ONE, "elsewhere", 1),
        (5 * ONE, "elsewhere", 1),
    ]
    assert (fixture.pusd(), open_lots(fixture.ledger)) == (7 * ONE, [])


def test_an_outcome_whose_redemption_is_not_found_stays_in_the_books(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), positions_market()
    hold(fixture, market, 10 * ONE)
    fixture.lots(market, 0, 4 * ONE)
    approve(fixture)
    resolve(evm, market, 1, 1)
    sel, condition = selector("redeem(bytes31,uint256,uint256)"), market.condition_id + "00"
    sent = evm.as_signer(evm.contracts.router, abi.encoded_call(sel, condition, 0, 10 * ONE))
    evm.node.mine(CONFIRMATIONS)
    fixture.api.redeemed[market.condition_id] = [sent]

    first = fixture.redeem(market)

    assert first is not None
    assert first.paid == 5 * ONE
    with pytest.raises(OutcomeUnknown, match="no redemption of them is found"):
        fixture.redeem(market)
    assert [lot.outcome_index for lot in open_lots(fixture.ledger)] == [1]


def test_an_outcome_that_went_before_is_not_booked_with_the_other_one(evm: EvmFixture) -> None:
    fixture, market = LiveRedeemerFixture(evm), positions_market()
    hold(fixture, market, 10 * ONE, 4 * ONE)
    approve(fixture)
    resolve(evm, market, 1, 1)
    sel, condition = selector("redeem(bytes31,uint256,uint256)"), market.condition_id + "00"
    sent = evm.as_signer(evm.contracts.router, abi.encoded_call(sel, condition, 0, 10 * ONE))
    evm.node.mine(CONFIRMATIONS)
    fixture.api.redeemed[market.condition_id] = [sent]

    results = [fixture.redeem(market) for _ in range(2)]

    assert [(each.paid, each.way) for each in results if each] == [(2 * ONE, "adapter"), (5 * ONE, "elsewhere")]
    assert (fixture.pusd(), open_lots(fixture.ledger)) == (7 * ONE, [])
