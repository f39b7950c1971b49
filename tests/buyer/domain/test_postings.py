"""What each step posts, to the micro-unit: fees, parts of a lot, and what must hold at the very moment of an intent."""

from typing import Any

import pytest
from msgspec.structs import replace

from buyer.domain.ledger_scope import LedgerScope, scope_of
from buyer.domain.postings import basis_of, counted_order, intent_guards, reserve_postings, settle_postings
from buyer.strategy.limits import TradingLimits
from shared.domain import ledger_accounts
from shared.domain.ledger_write import LedgerWrite, RefusedWrite, WrittenStep
from shared.domain.market import Side
from shared.domain.money import Shares, cost_micro, proceeds_micro
from shared.ledger.memory_ledger import MemoryLedger
from shared.messages.decisions import HeldLot, Order, Outcome
from tests.amounts import D
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, TOKEN, a_market, a_portfolio, some_limits

DAY = "day:20260921"
MARKET = f"market:{CONDITION}"
SHARES, COST = f"shares:{LEADER}:{TOKEN}", f"cost:{LEADER}:{TOKEN}"
REALIZED = ledger_accounts.realized_account(LEADER)
SCOPE = scope_of(LEADER, TOKEN, a_market(neg_risk=True), NOW_MS)
WIDER = ("event:77", "group:77", f"leader:{LEADER}", "total", f"outcome:{CONDITION}:0")
SENT = {"rate:minute": NOW_MS // 60_000, "rate:orders": 1}


def an_order(side: Side = "BUY", **changes: Any) -> Order:
    values: dict[str, Any] = {"shares": D(10), "limit_price": D("0.5"), "budget": D("5.2"), **changes}
    return Order(
        id="o", signal_id="s", token_id=TOKEN, condition_id=CONDITION, leader=LEADER, side=side, kind="FAK", **values
    )


def an_intent(
    order: Order, scope: LedgerScope = SCOPE, *, name: str = "intent", limits: TradingLimits | None = None
) -> LedgerWrite:
    asked = intent_guards(order, scope, limits, a_portfolio(leader_peak=D(7))) if limits else ()
    return LedgerWrite(
        id=name, postings=reserve_postings(order, scope), tallies=counted_order(order, scope), guards=asked
    )


def an_outcome(shares: str, usdc: str, fee: str) -> Outcome:
    return Outcome(state="MATCHED", shares=D(shares), usdc=D(usdc), fee=D(fee))


def test_a_buy_costs_its_fee_and_gives_back_what_it_did_not_use() -> None:
    ledger = MemoryLedger({"cash": 6_000_000})
    ledger.commit(an_intent(an_order()))
    assert ledger.values == {"cash": 800_000, **SENT, **dict.fromkeys((DAY, MARKET, *WIDER), 5_200_000)}

    outcome = an_outcome("8", "3.9", "0.1")
    ledger.commit(LedgerWrite(id="decision", postings=settle_postings(an_order(), outcome, SCOPE, a_portfolio())))

    assert ledger.values == {
        "cash": 2_000_000,
        **SENT,
        **dict.fromkeys((DAY, MARKET, *WIDER), 4_000_000),
        SHARES: 8_000_000,
        COST: 4_000_000,
        "fees": 100_000,
        "fees:20260921": 100_000,
    }


def test_a_part_sold_takes_its_part_of_the_cost_and_its_fee_out_of_the_result() -> None:
    before = {"cash": 0, **dict.fromkeys((MARKET, *WIDER), 5_000_000), SHARES: 10_000_000, COST: 4_000_000}
    ledger, order = MemoryLedger(before), an_order("SELL", shares=D(6))
    ledger.commit(LedgerWrite(id="intent", postings=reserve_postings(order, SCOPE)))
    assert ledger.values[SHARES] == 4_000_000

    lot = HeldLot(opened_at_ms=NOW_MS, event_id="77", group="77")
    portfolio = a_portfolio(lot_shares=D(10), lot_cost=D(4), lot=lot)
    ledger.commit(
        LedgerWrite(id="decision", postings=settle_postings(order, an_outcome("5", "3", "0.2"), SCOPE, portfolio))
    )

    assert ledger.values == {
        "cash": 2_800_000,
        **dict.fromkeys((MARKET, *WIDER), 3_000_000),
        SHARES: 5_000_000,
        COST: 2_000_000,
        "realized": 800_000,
        "pnl:20260921": 800_000,
        ledger_accounts.realized_account(LEADER): 800_000,
        "fees": 200_000,
        "fees:20260921": 200_000,
    }


@pytest.mark.parametrize(
    ("sold", "basis"), [(0, 0), (1, 0), (3_333_333, 1_333_333), (10_000_000, 4_000_001), (20_000_000, 4_000_001)]
)
def test_the_basis_of_a_part_is_never_more_than_its_share_and_of_all_the_whole(sold: int, basis: int) -> None:
    held = a_portfolio(lot_shares=D(10), lot_cost=D("4.000001"))

    assert basis_of(sold, held) == basis


@pytest.mark.pitfall(19)
@pytest.mark.parametrize(
    ("account", "values"),
    [
        ("cash", {"cash": 5_199_999}),
        (DAY, {"cash": 99_000_000, DAY: 194_800_001}),
        (MARKET, {"cash": 99_000_000, MARKET: 44_800_001}),
        ("event:77", {"cash": 99_000_000, "event:77": 94_800_001}),
        ("group:77", {"cash": 99_000_000, "group:77": 94_800_001}),
        (f"leader:{LEADER}", {"cash": 99_000_000, f"leader:{LEADER}": 194_800_001}),
        ("total", {"cash": 99_000_000, "total": 494_800_001}),
        ("pnl:20260921", {"cash": 99_000_000, "pnl:20260921": -100_000_000}),
        (REALIZED, {"cash": 99_000_000, REALIZED: -93_000_000}),
        ("halt", {"cash": 99_000_000, "halt": 1}),
        ("pause_all", {"cash": 99_000_000, "pause_all": 1}),
        ("pause_buys", {"cash": 99_000_000, "pause_buys": 1}),
        ("flatten", {"cash": 99_000_000, "flatten": 1}),
    ],
)
def test_an_intent_is_refused_a_micro_unit_beyond_each_limit(account: str, values: dict[str, int]) -> None:
    write = an_intent(an_order(), limits=some_limits())
    refused = MemoryLedger(values).commit(write)
    assert isinstance(refused, RefusedWrite)
    assert refused.account == account

    step = 1 if account in {"cash", REALIZED} or account.startswith("pnl:") else -1
    enough = values | {account: values[account] + step}

    assert not isinstance(MemoryLedger(enough).commit(write), RefusedWrite)


@pytest.mark.pitfall(22)
@pytest.mark.parametrize(
    ("account", "values"),
    [
        (SHARES, {SHARES: 9_999_999}),
        ("halt", {SHARES: 99_000_000, "halt": 1}),
        ("pause_all", {SHARES: 99_000_000, "pause_all": 1}),
    ],
)
def test_a_sell_is_refused_beyond_the_lot_and_under_the_switch(account: str, values: dict[str, int]) -> None:
    order = an_order("SELL")
    refused = MemoryLedger(values).commit(
        LedgerWrite(
            id="i", postings=reserve_postings(order, SCOPE), guards=intent_guards(order, SCOPE, some_limits(), None)
        )
    )

    assert isinstance(refused, RefusedWrite)
    assert refused.account == account


def test_a_cost_is_never_understated_and_proceeds_are_never_overstated() -> None:
    assert (cost_micro(Shares(3), D("0.5")), proceeds_micro(Shares(3), D("0.5"))) == (2, 1)
    assert (cost_micro(Shares(4), D("0.5")), proceeds_micro(Shares(4), D("0.5"))) == (2, 2)


def test_a_sell_is_allowed_while_buys_are_paused_or_everything_is_flattened() -> None:
    order, values = an_order("SELL"), {SHARES: 99_000_000, "pause_buys": 1, "flatten": 1}
    write = LedgerWrite(
        id="i", postings=reserve_postings(order, SCOPE), guards=intent_guards(order, SCOPE, some_limits(), None)
    )

    assert not isinstance(MemoryLedger(values).commit(write), RefusedWrite)


@pytest.mark.pitfall(19)
def test_the_buys_of_a_minute_are_counted_in_the_step_that_sends_them() -> None:
    limits, minute = some_limits(max_orders_per_minute=2), NOW_MS // 60_000
    ledger = MemoryLedger({"cash": 99_000_000, "rate:minute": minute - 1, "rate:orders": 60})

    results = [ledger.commit(an_intent(an_order(), name=f"i{number}", limits=limits)) for number in range(3)]

    assert results[2] == RefusedWrite("rate:orders", 3, 2)
    assert (ledger.values["rate:minute"], ledger.values["rate:orders"]) == (minute, 2)


def test_a_buy_decided_before_the_minute_turned_counts_in_the_new_one_and_sets_nothing_back() -> None:
    """Several shards see the same minute end; the slower one's intent comes later, or from a clock that lags."""
    limits = some_limits(max_orders_per_minute=2)
    before, after = (replace(SCOPE, minute=SCOPE.minute + number) for number in range(2))
    ledger = MemoryLedger({"cash": 99_000_000, "rate:minute": before.minute, "rate:orders": 2})

    results = [
        ledger.commit(an_intent(an_order(), scope, name=f"i{number}", limits=limits))
        for number, scope in enumerate((before, after, before, after, before))
    ]

    assert [isinstance(result, WrittenStep) for result in results] == [False, True, True, False, False]
    assert (ledger.values["rate:minute"], ledger.values["rate:orders"]) == (after.minute, 2)
