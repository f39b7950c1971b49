"""What a sweep tries, and how much of its best is luck."""

import math
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.results.deflated_sharpe import (
    ReturnMoments,
    deflated_sharpe,
    lucky_sharpe,
    probability_above,
    return_moments,
)
from backtest.sweep.contents import read_content
from backtest.sweep.plan import grid, read_axis, read_setting, sample
from backtest.sweep.trial import TrialScore, TrialSpec, trial_id
from shared.domain.errors import BadConfig
from tests.amounts import D
from tests.buyer.builders import some_limits

SPEC = TrialSpec(
    files=("a.csv",), history="ab", fixed={"delay": "2"}, limits=some_limits(), bankroll=Decimal(1000), code="1"
)


def test_a_grid_is_every_combination_once() -> None:
    tries = grid([read_axis("stake_usdc=1,5,5"), read_axis("delay=2,30")])

    assert [tuple(one.values()) for one in tries] == [("1", "2"), ("1", "30"), ("5", "2"), ("5", "30")]


def test_a_sample_repeats_by_its_seed_and_stays_in_its_range() -> None:
    axes = [read_axis("max_price=0.5..0.9"), read_axis("max_slippage_ticks=0..8"), read_axis("delay=2,5")]

    tries = sample(axes, 40, seed=3)

    assert tries == sample(axes, 40, seed=3)
    assert tries != sample(axes, 40, seed=4)
    assert len({tuple(one.values()) for one in tries}) == 40
    assert all(0.5 <= float(one["max_price"]) <= 0.9 and one["max_slippage_ticks"].isdecimal() for one in tries)


def test_a_sample_of_few_possibilities_ends() -> None:
    assert len(sample([read_axis("delay=2,5")], 10, seed=1)) == 2


@pytest.mark.parametrize(
    "text", ["stake=1", "stake_usdc", "stake_usdc=", "stake_usdc=9..1", "stake_usdc=a..b", "stake_usdc=1..nan"]
)
def test_what_cannot_be_varied_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadConfig, match="--vary"):
        read_axis(text)


def test_a_range_needs_a_random_sweep() -> None:
    with pytest.raises(BadConfig, match="--random"):
        grid([read_axis("max_price=0.5..0.9")])


def test_values_that_hold_commas_are_parted_by_bars() -> None:
    assert read_axis("tiers=100:1,*:0.5|*:1").values == ("100:1,*:0.5", "*:1")


def test_a_setting_for_all_may_hold_commas() -> None:
    assert read_setting("delay=1,2.5,30") == ("delay", "1,2.5,30")


@pytest.mark.parametrize(
    "change",
    [
        {"history": "cd"},
        {"code": "2"},
        {"fixed": {"delay": "3"}},
        {"fixed": {"delay": "2", "order_ms": "1"}},
        {"limits": some_limits(max_day_usdc=D(7))},
        {"bankroll": Decimal(10)},
    ],
)
def test_a_try_is_named_by_all_that_decides_it(change: dict[str, object]) -> None:
    assert trial_id(SPEC, {"stake_usdc": "5"}) != trial_id(SPEC.model_copy(update=change), {"stake_usdc": "5"})


def test_a_try_has_one_name_wherever_its_files_and_in_whatever_order_its_settings_stand() -> None:
    moved = SPEC.model_copy(update={"files": ("/elsewhere/a.csv",)})

    assert trial_id(SPEC, {"a": "1", "b": "2"}) == trial_id(moved, {"b": "2", "a": "1"})


def test_a_history_is_named_by_its_content(tmp_path: Path) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("x")
    two.write_text("x")

    assert read_content([one], []).id == read_content([two], []).id
    two.write_text("y")
    assert read_content([one], []).id != read_content([two], []).id
    assert read_content([one, two], []).id != read_content([one], [two]).id
    with pytest.raises(BadConfig, match=r"three\.csv: No such file"):
        read_content([tmp_path / "three.csv"])


def test_the_deflated_sharpe_ratio_of_the_papers_own_example() -> None:
    """Bailey and Lopez de Prado (2014), p. 11: 100 trials, annual variance 1/2, 1,250 days, ratio 2.5 a year."""
    days = 250
    best = ReturnMoments(count=1250, mean=2.5 / math.sqrt(days), deviation=1, skew=-3, kurtosis=10)

    lucky = lucky_sharpe(100, 0.5 / days)

    assert lucky == pytest.approx(0.1132, abs=0.0001)
    assert probability_above(best, lucky) == pytest.approx(0.9004, abs=0.0005)


def test_one_try_is_judged_without_a_penalty_and_more_tries_make_it_less_sure() -> None:
    best = ReturnMoments(count=100, mean=0.2, deviation=1, skew=0, kurtosis=3)

    sure = [deflated_sharpe(best, [0.2, *[0.0, 0.1] * half]).probability for half in (0, 1, 8, 64)]

    assert sure == sorted(sure, reverse=True)
    assert deflated_sharpe(best, [0.2]).lucky == 0


def test_luck_is_said_where_it_may_be_luck() -> None:
    noise = deflated_sharpe(return_moments([1.0, -1.0, 0.5, -0.4]), [0.1, -0.2, 0.05, 0.0])

    assert not noise.convincing
    assert "Choosing it is choosing luck" in str(noise)


@settings(max_examples=30)
@given(st.lists(st.floats(-1, 1), max_size=30))
def test_any_results_have_moments_and_a_probability(values: list[float]) -> None:
    found = return_moments(values)

    assert found.count == len(values)
    assert 0 <= probability_above(found, 0.1) <= 1


def test_a_score_reads_back_as_it_was_written() -> None:
    score = TrialScore(
        id="a",
        settings={"delay": "2"},
        signals=3,
        orders=2,
        filled=1,
        markets=1,
        spent=5,
        pnl=-1,
        open_value=0,
        fees=1,
        beyond=2,
        max_drawdown=1,
        most_locked=5,
        shape=return_moments([0.1, 0.2, 0.30000000000000004]),
    )

    assert TrialScore.model_validate_json(score.model_dump_json()) == score
