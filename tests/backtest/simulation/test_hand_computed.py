"""Runs small enough to reckon by hand, to the micro-unit: the arithmetic stands beside each expectation."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from backtest.domain.market_events import MarketEvent
from backtest.domain.market_state import AssumedFacts
from backtest.domain.price_model import PriceModel
from shared.messages.signals import MarketHint
from tests.amounts import D
from tests.backtest.histories import a_trade, at, other_outcome, resolves, run
from tests.buyer.builders import LEADER, a_book, a_market

OTHER = "0x" + "b2" * 20
THIN = PriceModel(half_spread_ticks=1, level_shares=D(4))
FREE = AssumedFacts(fee_rate=D(0))


@dataclass(frozen=True)
class Hand:
    """What happened, and what it comes to: (shares, usdc, fee) of each order, and cash at the end."""

    market_events: list[MarketEvent]
    fills: list[tuple[str, str, str]]
    cash: str
    realized: str = "0"
    flags: tuple[str, ...] = ()
    changes: dict[str, Any] = field(default_factory=dict[str, Any])


# 5 / 0.52 = 9.61 shares; x 0.51 = 4.9011; fee 9.61 x 0.07 x 0.51 x 0.49 = 0.168107 -> 0.1681; together 5.0692
WHOLE = ("9.61", "4.9011", "0.1681")
CASES = {
    "a fill at one level, still open": Hand([a_trade(0)], [WHOLE], "994.9308"),
    # 4 x 0.51 + 4 x 0.52 = 4.12; fees 0.069972 -> 0.06997 and 0.069888 -> 0.06988
    "a thin book: partly filled": Hand([a_trade(0)], [("8", "4.12", "0.13985")], "995.74015", changes={"prices": THIN}),
    "a win": Hand([a_trade(0), resolves(9, "1", "0")], [WHOLE], "1004.5408", "4.5408"),
    "a loss": Hand([a_trade(0), resolves(9, "0", "1")], [WHOLE], "994.9308", "-5.0692"),
    # 9.61 / 2 = 4.805
    "a 50/50": Hand([a_trade(0), resolves(9, "0.5", "0.5")], [WHOLE], "999.7358", "-0.2642"),
    # 9.61 / 3 = 3.2033333.. -> 3.203333, as the contract rounds
    "a third each": Hand([a_trade(0), resolves(9, "1/3", "1/3")], [WHOLE], "998.134133", "-1.865867"),
    "the second outcome wins": Hand([other_outcome(0, "0.5"), resolves(9, "0", "1")], [WHOLE], "1004.5408", "4.5408"),
    "a market without fees": Hand([a_trade(0)], [("9.61", "4.9011", "0")], "995.0989", changes={"markets": FREE}),
    # 2 / 0.52 = 3.84 < 5 shares; 5 x 0.51 = 2.55; fee 5 x 0.07 x 0.2499 = 0.087465 -> 0.08746
    "raised to the minimum": Hand([a_trade(0)], [("5", "2.55", "0.08746")], "997.36254", flags=("--stake-usdc", "2")),
    # sold at 0.59: 9.61 x 0.59 = 5.6699; fee 9.61 x 0.07 x 0.59 x 0.41 = 0.162726 -> 0.16272; 5.50718 - 5.0692
    "a mirrored sell": Hand(
        [a_trade(0), a_trade(60, "0.6", side="SELL")], [WHOLE, ("9.61", "5.6699", "0.16272")], "1000.43798", "0.43798"
    ),
    # 4 x 0.59 + 4 x 0.58 = 4.68; fees 0.067732 -> 0.06773 and 0.068208 -> 0.0682; 4.54407 - 4.25985
    "a sell over two levels": Hand(
        [a_trade(0), a_trade(60, "0.6", side="SELL")],
        [("8", "4.12", "0.13985"), ("8", "4.68", "0.13593")],
        "1000.28422",
        "0.28422",
        changes={"prices": THIN},
    ),
    "a price that ran away before the order came": Hand(
        [a_trade(0), a_trade(3, "0.7", leader=OTHER, shares="0.1")],
        [("0", "0", "0")],
        "1000",
        changes={"order_ms": 1500},
    ),
    "a market that closed before the order came": Hand(
        [a_trade(0), resolves(3, "1", "0")], [("0", "0", "0")], "1000", changes={"order_ms": 1500}
    ),
    # 3 shares at 0.5: 1.5, fee 3 x 0.07 x 0.25 = 0.0525; 6.61 at 0.52: 3.4372, fee 6.61 x 0.07 x 0.2496 = 0.115489
    "a recorded book": Hand(
        [
            a_trade(0),
            MarketEvent(at(2), a_market(fee_rate=D("0.07"))),
            MarketEvent(at(2), a_book(asks=(("0.5", "3"), ("0.52", "50")), at_ms=at(2))),
        ],
        [("9.61", "4.9372", "0.16798")],
        "994.89482",
    ),
    # 3.333333 x 0.501 = 1.669999833, a cost, so 1.67; fee x 0.07 x 0.249999 = 0.058333 -> 0.05833
    # 6.276667 x 0.52 = 3.26386684 -> 3.263867; fee x 0.07 x 0.2496 = 0.109665 -> 0.10966
    "odd sizes: each level's cost is rounded up": Hand(
        [
            a_trade(0),
            MarketEvent(at(2), a_market(fee_rate=D("0.07"))),
            MarketEvent(at(2), a_book(asks=(("0.501", "3.333333"), ("0.52", "50")), at_ms=at(2))),
        ],
        [("9.61", "4.933867", "0.16799")],
        "994.898143",
    ),
    # 3.333333 x 0.591 = 1.969999803 -> 1.969999; fee x 0.07 x 0.241719 = 0.056401 -> 0.0564
    # 6.276667 x 0.59 = 3.70323353 -> 3.703233; fee x 0.07 x 0.2419 = 0.106282 -> 0.10628
    "odd sizes: each level's proceeds are rounded down": Hand(
        [
            a_trade(0),
            a_trade(60, "0.6", side="SELL"),
            MarketEvent(
                at(62), a_book(bids=(("0.591", "3.333333"), ("0.59", "50")), asks=(("0.6", "9"),), at_ms=at(62))
            ),
        ],
        [WHOLE, ("9.61", "5.673232", "0.16268")],
        "1000.441352",
        "0.441352",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_run_comes_to_what_the_hand_reckons(name: str) -> None:
    case = CASES[name]

    result = run(case.market_events, *case.flags, **case.changes)

    orders = [outcome for outcome in result.outcomes if outcome.verdict != "SKIP"]
    assert [(o.shares, o.usdc, o.fee) for o in orders] == [tuple(D(amount) for amount in fill) for fill in case.fills]
    assert (result.cash, result.realized) == (D(case.cash), D(case.realized))
    assert result.costs.fees == sum(order.fee for order in orders)


def test_what_was_paid_beyond_the_leaders_price_is_delay_spread_and_impact() -> None:
    moved = a_trade(1, "0.51", leader=OTHER, shares="0.1")

    result = run([a_trade(0), moved], prices=PriceModel(1, D(4)))

    (order,) = (outcome for outcome in result.outcomes if outcome.verdict == "BUY")
    paid_beyond = order.usdc - order.leader_price * order.shares // 1_000_000
    assert (order.middle, order.best, order.shares) == (510_000, 520_000, 4_000_000)
    assert result.costs.delay == 40_000
    assert result.costs.spread == 40_000
    assert result.costs.delay + result.costs.spread + result.costs.impact == paid_beyond


@pytest.mark.parametrize(("second", "reason"), [(70, "cash"), (80, "all rules passed")])
def test_capital_is_locked_until_the_market_has_paid(second: int, reason: str) -> None:
    elsewhere = MarketHint(condition_id="0x" + "c1" * 32, outcome_index=0)
    next_buy = a_trade(second, token_id="77", market=elsewhere)

    result = run([a_trade(0), resolves(15, "1", "0"), next_buy], bankroll=6)

    assert [outcome.reason for outcome in result.outcomes] == ["all rules passed", reason]


def test_open_lots_are_valued_at_the_last_known_trade_and_said_to_be_open() -> None:
    later = a_trade(50, "0.8", leader=OTHER)

    result = run([a_trade(0), later], "--max-market-usdc", "6")

    (lot,) = result.open
    assert (lot.leader, lot.shares, lot.cost, lot.price) == (LEADER, 9_610_000, 5_069_200, 800_000)
    assert lot.value == 7_688_000
    assert result.pnl == 7_688_000 - 5_069_200
    doubts = {doubt.what.partition(":")[0]: (doubt.trades, doubt.of) for doubt in result.cannot_tell}
    assert doubts["how the market resolved"] == (1, 1)
    assert doubts["how the price moved in the delay"] == (1, 1)


def test_how_a_market_resolves_is_no_question_once_nothing_of_it_is_held() -> None:
    result = run([a_trade(0), a_trade(50, side="SELL")])

    assert (result.bought, result.sold) == (1, 1)
    doubts = {doubt.what.partition(":")[0]: (doubt.trades, doubt.of) for doubt in result.cannot_tell}
    assert "how the market resolved" not in doubts


def test_the_leaders_own_result_stands_beside_ours() -> None:
    result = run([a_trade(0), a_trade(40, "0.7", "40", side="SELL"), resolves(90, "1", "0")])

    (leader,) = result.leaders
    assert leader.theirs.spent == 50_000_000
    assert leader.theirs.received == 28_000_000
    assert leader.theirs.paid_out == 60_000_000
    assert leader.theirs.pnl == 38_000_000
