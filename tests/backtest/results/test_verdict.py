"""What a result means in plain words, and how far luck carries."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.results.bootstrap_interval import BootstrapInterval, bootstrap_interval
from backtest.results.verdict import FEWEST_MARKETS, judge_result
from tests.backtest.result_builders import USD, a_doubt, a_result, an_open_position

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


def test_a_loss_stays_a_loss_where_prices_are_unknown() -> None:
    """The unknown half of the delay could only be worse or better by luck: doubt never turns a loss into a maybe."""
    word, said = judged([-USD] * MANY, cannot_tell=(a_doubt(80),))

    assert word == "lost"
    assert "80% of orders" in said
