"""Losses that nobody has realized count, marked to what the bids would pay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer.market_data.loss_marker import LossMarker
from buyer.strategy.open_losses import lot_loss
from buyer.strategy.policy import decide_signal
from shared.clock import ManualClock
from shared.domain.ledger_accounts import Lot
from shared.domain.market import Level
from shared.domain.money import MICRO, Price, Shares, Usdc
from shared.messages.decisions import OpenLosses
from tests.amounts import D
from tests.buyer.builders import NOW_MS, a_book, a_case, a_portfolio, levels, some_limits
from tests.buyer.fakes import FakePrices
from tests.buyer.strategy.failed_rules import failed

LOSSES = OpenLosses(total=D(60), leader=D(40))


def a_lot(leader: str = "a", held: str = "1", shares: int = 10, cost: str = "5") -> Lot:
    return Lot(leader, held, "c", 0, "", shares * MICRO, D(cost))


@pytest.mark.pitfall(47)
def test_what_open_lots_lost_stops_buys_with_what_was_realized_and_shows_both_parts() -> None:
    below, above = a_portfolio(realized_today=D("-39.9")), a_portfolio(realized_today=D(-40))

    assert failed(portfolio=below, losses=lambda: LOSSES) == set()
    assert failed(portfolio=above, losses=lambda: LOSSES) == {"day_loss"}
    decision = decide_signal(a_case(portfolio=above, losses=lambda: LOSSES))
    assert [one.value for one in decision.rules if one.rule == "day_loss"] == ["100, 60 of it open"]
    assert failed(portfolio=above, limits=some_limits(mark_losses=False)) == set()


@pytest.mark.pitfall(47)
def test_a_leaders_open_losses_count_in_his_drawdown() -> None:
    fallen = a_portfolio(leader_peak=D(10), leader_realized=D(-50))

    assert failed(portfolio=fallen, losses=lambda: LOSSES) == {"drawdown"}


def test_losses_that_nobody_could_find_out_let_nothing_be_bought() -> None:
    assert failed(losses=None) == {"day_loss", "drawdown"}


def test_a_lot_is_worth_what_the_bids_take_of_it_and_unseen_ones_count_as_lost_whole() -> None:
    bids = levels(("0.4", "5"), ("0.1", "2"))

    assert lot_loss(10 * MICRO, D(5), bids) == D("2.8")
    assert lot_loss(5 * MICRO, D(1), bids) == 0
    assert lot_loss(10 * MICRO, D(5), ()) == lot_loss(10 * MICRO, D(5), None) == D(5)


@given(
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.lists(st.tuples(st.integers(1, MICRO - 1), st.integers(1, 10**9)), max_size=6),
    st.integers(0, 5),
)
def test_a_loss_lies_between_nothing_and_the_cost_and_fewer_bids_never_make_it_smaller(
    shares: int, cost: int, pairs: list[tuple[int, int]], kept: int
) -> None:
    bids = [Level(price=Price(p), shares=Shares(n)) for p, n in sorted(pairs, reverse=True)]

    assert 0 <= lot_loss(shares, cost, bids) <= lot_loss(shares, cost, bids[:kept]) <= cost


def test_the_marker_looks_at_a_few_books_in_turn_and_keeps_the_last_one_it_could_read() -> None:
    clock, prices, lots = ManualClock(NOW_MS), FakePrices(book=a_book(bids=(("0.3", "100"),))), list[Lot]()
    marker = LossMarker(lambda: lots, prices, clock)  # type: ignore[arg-type]  # facts and books are all it asks for
    lots += [a_lot("a", str(number)) for number in range(5)] + [a_lot("b", "0")]

    marker.work_due()
    first = marker.losses("b")
    clock.advance(1)
    marker.work_due()
    seen = marker.losses("a")
    prices.next_book = None
    clock.advance(1)
    marker.work_due()

    assert first == OpenLosses(total=D(15), leader=D(2))
    assert seen == marker.losses("a") == OpenLosses(total=D(12), leader=D(10))
    assert prices.asked <= 12


def test_losses_are_asked_for_once_and_only_when_a_rule_wants_them() -> None:
    asked = list[int]()

    def ask() -> OpenLosses:
        asked.append(1)
        return OpenLosses(total=Usdc(len(asked)), leader=Usdc(0))

    case = a_case(losses=ask)

    assert case.asked == (None, None)
    assert case.lost is case.lost is case.asked[0]
    assert len(asked) == 1
