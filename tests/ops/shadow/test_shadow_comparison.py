"""A shadow is compared market by market with the real buyer over the same time, and luck is said."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from ops.shadow.domain.book_result import BookResult, book_result
from ops.shadow.domain.shadow_comparison import ShadowLine, compare_books
from ops.shadow.shadow_table import shadow_facts
from shared.domain.ledger_accounts import REALIZED, Lot
from shared.messages.account import LotMarks
from shared.messages.trades import TradeBooked
from tests.amounts import D
from tests.ops.shadow.shadow_builders import BEGAN_MS, a_lot, a_round, a_trade, market, some_marks


def a_book(trades: Sequence[TradeBooked], lots: Sequence[Lot] = (), marks: LotMarks | None = None) -> BookResult:
    values = {REALIZED: sum(trade.realized for trade in trades)}
    return book_result(trades, lots, marks, values, BEGAN_MS)


def rounds(count: int, realized: str) -> list[TradeBooked]:
    return [trade for number in range(count) for trade in a_round(number, realized)]


def compared(shadow: BookResult, real: BookResult) -> ShadowLine:
    return compare_books("tight", "stake_usdc=5", shadow, real, running=True, backlog=0)


def test_a_market_brings_what_it_realized_and_what_is_held_stands_above_its_cost() -> None:
    book = a_book([*a_round(1, "2"), a_trade(2)], [a_lot(2)], some_marks(m2="4"))

    assert book.markets == {market(1): D(2), market(2): D(-1)}
    assert (book.pnl, book.buys, book.spent) == (D(1), 2, D(10))


def test_a_market_whose_lot_has_no_mark_does_not_count_and_is_said() -> None:
    book = a_book([a_trade(1)], [a_lot(1)], None)

    assert (book.markets, book.unknown) == ({}, {market(1)})


def test_what_the_real_buyer_entered_before_counts_on_neither_side() -> None:
    before = a_trade(1, at_ms=BEGAN_MS - 1)
    real = a_book([before, a_trade(1, "REDEEM", "50")])

    line = compared(a_book(a_round(1, "-5")), real)

    assert (real.markets, real.before) == ({}, {market(1)})
    assert line.gain == 0
    assert "Left out, entered by the real buyer before: 1 markets." in line.why


def test_a_redemption_of_a_buy_that_is_not_kept_any_more_is_of_before_too() -> None:
    assert a_book([a_trade(1, "REDEEM", "3")]).before == {market(1)}


def test_a_steady_difference_over_many_markets_is_told() -> None:
    line = compared(a_book(rounds(25, "1")), a_book(rounds(25, "-1")))

    assert (line.verdict, line.gain, line.gain_low, line.gain_high) == ("better", D(50), D(50), D(50))
    assert compared(a_book(rounds(25, "-1")), a_book(rounds(25, "1"))).verdict == "worse"


def test_few_markets_say_nothing() -> None:
    line = compared(a_book(rounds(5, "1")), a_book(rounds(5, "-1")))

    assert line.verdict == "cannot tell"
    assert line.why[0] == "Only 5 markets were traded by either; fewer than 20 say nothing."


def test_the_luck_that_both_share_falls_out_of_the_difference() -> None:
    wild = [str(size) for size in (90, -80, 70, -95, 60) * 5]
    real = [trade for number, won in enumerate(wild) for trade in a_round(number, won)]
    shadow = [trade for number, won in enumerate(wild) for trade in a_round(number, str(int(won) + 1))]

    line = compared(a_book(shadow), a_book(real))

    assert line.low < 0 < line.high
    assert (line.verdict, line.gain) == ("better", D(25))


def test_luck_in_one_market_is_no_better_policy() -> None:
    line = compared(a_book([*a_round(99, "60"), *rounds(25, "-1")]), a_book(rounds(25, "-1")))

    assert line.verdict == "cannot tell"
    assert line.why[0].startswith("Luck alone explains the difference")


def test_trades_that_are_not_kept_make_nobody_better() -> None:
    trades = rounds(25, "1")
    forgotten = book_result(trades, [], None, {REALIZED: D(999)}, BEGAN_MS)

    assert compared(forgotten, a_book(rounds(25, "-1"))).why[0].startswith("Trades of this time are not kept")


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=40))
def test_a_shadow_with_the_same_trades_is_never_better_or_worse(won: list[int]) -> None:
    trades = [trade for number, each in enumerate(won) for trade in a_round(number, str(each))]

    line = compared(a_book(trades), a_book(trades))

    assert (line.gain, line.verdict) == (0, "cannot tell")


def test_programs_get_amounts_as_decimal_strings() -> None:
    [row] = shadow_facts([compared(a_book(rounds(25, "1")), a_book([]))])

    assert (row["pnl"], row["real_pnl"], row["gain"], row["running"]) == ("25", "0", "25", True)
