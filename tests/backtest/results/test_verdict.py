"""What a result means in plain words, and how far luck carries."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.results.bootstrap_interval import BootstrapInterval, bootstrap_interval
from backtest.results.result import CopyCosts, PnlStanding
from backtest.results.three_numbers import three_numbers
from backtest.results.verdict import FEWEST_MARKETS, judge_result
from tests.backtest.result_builders import USD, a_doubt, a_market_result, a_reading, a_result, an_open_position

MANY = FEWEST_MARKETS * 3


def judged(bets: list[int], **changes: object) -> tuple[str, str]:
    found = judge_result(a_result(bets, **changes), bootstrap_interval(bets))
    return found.word, " ".join(found.reasons)


def test_an_interval_of_equal_bets_is_their_sum() -> None:
    assert bootstrap_interval([2 * USD] * 30) == BootstrapInterval(60 * USD, 60 * USD)


def test_the_same_seed_gives_the_same_interval_and_another_one_another() -> None:
    bets = [((n * 7919) % 13 - 6) * USD for n in range(60)]

    assert bootstrap_interval(bets, seed=3) == bootstrap_interval(bets, seed=3)
    assert bootstrap_interval(bets, seed=3) != bootstrap_interval(bets, seed=4)


def test_no_bets_leave_no_interval() -> None:
    assert bootstrap_interval([]) == BootstrapInterval(0, 0)
    assert not bootstrap_interval([]).tells


@settings(max_examples=20)
@given(st.lists(st.integers(-USD, USD), min_size=1, max_size=30))
def test_an_interval_lies_between_the_worst_and_the_best_luck(bets: list[int]) -> None:
    low, high = bootstrap_interval(bets)

    assert len(bets) * min(bets) <= low <= high <= len(bets) * max(bets)


def test_nine_in_ten_intervals_hold_the_truth() -> None:
    """Bets of +1 or -1 with even odds bring 0: an interval of 90% misses it about one time in ten."""
    coin = [1 if int(digit, 16) % 2 else -1 for digit in f"{3**2200:x}"]
    draws = [bootstrap_interval([step * USD for step in coin[at : at + 40]], seed=at) for at in range(0, 800, 40)]

    missed = sum(1 for low, high in draws if not low <= 0 <= high)
    assert len(draws) == 20
    assert missed <= 5


def test_steady_losses_are_called_losses() -> None:
    assert judged([-USD] * MANY)[0] == "lost"


def test_steady_gains_are_called_gains_and_no_promise() -> None:
    word, said = judged([USD] * MANY)

    assert word == "gained"
    assert "no promise" in said


@pytest.mark.parametrize(
    ("bets", "changes", "because"),
    [
        ([USD] * (FEWEST_MARKETS - 1), {}, "Only 19 markets"),
        ([], {}, "Only 0 markets"),
        ([30 * USD, *[-USD] * MANY], {}, "Luck alone"),
        ([USD] * MANY, {"cannot_tell": (a_doubt(51),)}, "51% of orders"),
        ([USD] * MANY, {"open": (an_open_position(value=900 * USD),)}, "not paid yet"),
    ],
)
def test_it_says_that_it_cannot_tell_and_why(bets: list[int], changes: dict[str, object], because: str) -> None:
    word, said = judged(bets, **changes)

    assert word == "cannot tell"
    assert because in said


@pytest.mark.pitfall(59)
@pytest.mark.parametrize("bet", [USD, -USD])
@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"cannot_tell": (a_doubt(80),)}, "80% of orders"),
        ({"history": (a_reading(trades=1, unread=9),)}, "9 of 10 rows"),
        ({"cannot_tell": (a_doubt(20, "whether a signal came in time: reckoned"),)}, "--closes-after"),
        ({"signals": 1000, "bought": 39, "sold": 0, "skips": {"day_cap": 961}}, "Only 39 of 1,000 trades"),
    ],
)
def test_a_doubt_weakens_a_loss_as_it_does_a_gain(bet: int, changes: dict[str, object], because: str) -> None:
    word, said = judged([bet] * MANY, **changes)

    assert word == "cannot tell"
    assert because in said


def test_trades_that_our_own_limits_hid_are_told_with_what_widens_them() -> None:
    _, said = judged([USD] * MANY, signals=1000, bought=39, sold=0, skips={"day_cap": 900, "cash": 61})

    assert "day_cap 900 (--set max_day_usdc=... widens it, now 200" in said
    assert "cash 61 (--bankroll ... widens it)" in said


@pytest.mark.pitfall(59)
@pytest.mark.parametrize(("value", "sign"), [(4 * USD, "−1.00"), (6 * USD, "+1.00")])  # noqa: RUF001
def test_no_loss_and_no_gain_is_claimed_before_anything_is_paid(value: int, sign: str) -> None:
    open_ = an_open_position(value=value)
    cash = {"cash": 995 * USD, "realized": 0, "open": (open_,)}
    unpaid = tuple(a_market_result(0, number, ours=PnlStanding(trades=1, spent=USD)) for number in range(MANY))

    word, said = judged([value - 5 * USD] * MANY, **cash, markets=unpaid)

    assert word == "cannot tell"
    assert f"Nothing is paid yet: all 1 positions are open; {sign}" in said


@pytest.mark.parametrize(
    ("pnl", "costs", "doubt", "named"),
    [
        (-USD, {"fees": 2 * USD}, "fees, tick and minimum size: not recorded", "The assumed fee rate decides"),
        (USD, {"fees": 2 * USD}, "fees, tick and minimum size: not recorded", "were it twice as much"),
        (-USD, {"spread": 2 * USD}, "the book that an order met: none", "The assumed tick, spread and depth decides"),
        (-USD * MANY, {"fees": USD * MANY}, "fees, tick and minimum size", "without it the result would be 0.00"),
    ],
)
def test_an_assumption_that_decides_is_named(pnl: int, costs: dict[str, int], doubt: str, named: str) -> None:
    bets = [pnl // MANY] * MANY
    spent = CopyCosts(**({"fees": 0, "delay": 0, "spread": 0, "impact": 0} | costs))

    word, said = judged(bets, costs=spent, cannot_tell=(a_doubt(100, doubt),))
    sure, _ = judged(bets, costs=spent)

    assert (word, sure) == ("cannot tell", "gained" if pnl > 0 else "lost")
    assert named in said


@given(st.integers(-(10**9), 10**9), *(st.integers(-(10**8), 10**8) for _ in range(4)))
def test_the_three_numbers_add_up_to_the_micro_unit(pnl: int, fees: int, delay: int, spread: int, impact: int) -> None:
    result = a_result([pnl], costs=CopyCosts(fees=fees, delay=delay, spread=spread, impact=impact))

    found = three_numbers(result)

    assert found.at_leaders_prices - found.assumed == found.follower == result.pnl
    assert found.assumed == fees + delay + spread + impact
