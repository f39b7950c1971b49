"""A history is more than trades: what was redeemed, merged, split and converted counts as what it is."""

from fractions import Fraction
from pathlib import Path

import pytest

from backtest.domain.market_state import ResolvedMarket
from tests.amounts import D
from tests.backtest.history import files_people_have as have
from tests.backtest.history.files_people_have import a_row, json_file, second_outcome

BOTH = (a_row(), second_outcome(60, 0.5))


@pytest.mark.pitfall(58)
def test_a_merge_pays_the_leader_and_exits_our_lot(tmp_path: Path) -> None:
    result = have.result_of(json_file(tmp_path, *BOTH, a_row(120, kind="MERGE", usdcSize=100)))

    assert have.theirs(result).theirs.realized == D(10)
    assert result.sold == result.bought
    assert not result.open


@pytest.mark.pitfall(58)
def test_a_redemption_is_a_resolution(tmp_path: Path) -> None:
    result = have.result_of(json_file(tmp_path, a_row(), a_row(600, kind="REDEEM", usdcSize=100)))

    assert have.theirs(result).theirs.realized == D(60)
    assert [row.payouts for row in result.markets] == [("1", "0")]
    assert not result.open


def test_a_redemption_long_after_the_end_closes_its_market_when_trading_ended(tmp_path: Path) -> None:
    """Losers are redeemed late and many at once: what they lost was lost when their market ended."""
    day_s = 86_400
    history = have.opened(json_file(tmp_path, a_row(), a_row(day_s, kind="REDEEM", size=0, usdcSize=0)))

    (resolved,) = [event for event in history.market_events if isinstance(event.what, ResolvedMarket)]

    assert resolved.at_ms == (have.V1_S + 60) * 1000
    assert resolved.what == ResolvedMarket(a_row()["conditionId"], (Fraction(0), Fraction(1)), "assumed")


def test_a_market_closes_no_later_than_its_first_redemption(tmp_path: Path) -> None:
    history = have.opened(json_file(tmp_path, a_row(), a_row(20, kind="REDEEM", usdcSize=100)))

    assert [event.at_ms for event in history.market_events][-1] == (have.V1_S + 20) * 1000


@pytest.mark.pitfall(58)
def test_a_split_is_the_cost_of_what_is_sold_later(tmp_path: Path) -> None:
    split = a_row(0, kind="SPLIT", usdcSize=100)
    sells = (a_row(60, side="SELL", price=0.6, usdcSize=60.0), second_outcome(61, 0.5, "SELL"))

    result = have.result_of(json_file(tmp_path, split, *sells))

    assert have.theirs(result).theirs.realized == D(10)
    assert have.theirs(result).theirs.unknown == 0


def test_a_split_and_the_sell_in_one_second_count_in_that_order(tmp_path: Path) -> None:
    rows = (a_row(0, side="SELL", price=0.6, usdcSize=60.0), a_row(0, kind="SPLIT", usdcSize=100))

    assert have.theirs(have.result_of(json_file(tmp_path, *rows))).theirs.realized == D(10)


@pytest.mark.pitfall(58)
def test_what_is_got_for_shares_of_unknown_origin_is_apart_and_in_no_result(tmp_path: Path) -> None:
    sell = a_row(60, side="SELL", size=150, price=0.6, usdcSize=90.0)

    found = have.theirs(have.result_of(json_file(tmp_path, a_row(), sell))).theirs

    assert (found.realized, found.received, found.unknown) == (D(20), D(60), D(30))


def test_what_a_redemption_pays_beyond_the_shares_shown_is_of_unknown_origin(tmp_path: Path) -> None:
    winners = have.text_file(tmp_path, f"condition_id,payouts\n{a_row()['conditionId']},1;0\n", "winners.csv")
    rows = json_file(tmp_path, a_row(), a_row(600, kind="REDEEM", size=130, usdcSize=130))

    found = have.theirs(have.result_of(rows, resolved=[winners])).theirs

    assert (found.realized, found.unknown) == (D(60), D(30))


def test_a_redemption_that_paid_nothing_says_who_lost(tmp_path: Path) -> None:
    result = have.result_of(json_file(tmp_path, a_row(), a_row(600, kind="REDEEM", size=0, usdcSize=0)))

    assert have.theirs(result).theirs.realized == -D(40)
    assert [row.payouts for row in result.markets] == [("0", "1")]


def test_a_redemption_that_names_its_outcome_needs_no_holding(tmp_path: Path) -> None:
    paid = a_row(600, kind="REDEEM", size=7, usdcSize=7, outcomeIndex=1)

    result = have.result_of(json_file(tmp_path, a_row(), paid))

    assert [row.payouts for row in result.markets] == [("0", "1")]
    assert have.theirs(result).theirs.unknown == D(7)


def test_a_loser_redeemed_by_itself_says_nothing_of_the_winner(tmp_path: Path) -> None:
    bought = (a_row(), second_outcome(60, 0.5, size=40, usdcSize=20.0))
    redeemed = (a_row(600, kind="REDEEM", size=0, usdcSize=0), a_row(900, kind="REDEEM", size=40, usdcSize=40))

    result = have.result_of(json_file(tmp_path, *bought, *redeemed))

    assert [row.payouts for row in result.markets] == [("0", "1")]
    assert have.theirs(result).theirs.realized == D(40) - D(60)
    assert have.theirs(result).theirs.unknown == 0


def test_half_each_is_seen_by_what_it_paid(tmp_path: Path) -> None:
    rows = (a_row(), second_outcome(60, 0.5, size=40, usdcSize=20.0), a_row(600, kind="REDEEM", usdcSize=70))

    result = have.result_of(json_file(tmp_path, *rows))

    assert [row.payouts for row in result.markets] == [("1/2", "1/2")]
    assert have.theirs(result).theirs.realized == D(70) - D(60)


def test_as_much_of_either_outcome_pays_the_same_and_proves_nobody_won(tmp_path: Path) -> None:
    result = have.result_of(json_file(tmp_path, *BOTH, a_row(600, kind="REDEEM", usdcSize=100)))

    assert have.theirs(result).theirs.realized == D(10)
    assert [row.payouts for row in result.markets] == [None]


def test_a_redemption_that_fits_nothing_leaves_the_market_open_and_is_said(tmp_path: Path) -> None:
    result = have.result_of(json_file(tmp_path, a_row(), a_row(600, kind="REDEEM", usdcSize=33)))

    assert have.theirs(result).theirs.realized == 0
    assert have.theirs(result).theirs.unknown == D(33)
    assert len(result.open) == 1
    assert "nobody can tell how they resolved: 1" in result.history[0].remarks[0]


def test_a_conversion_takes_its_shares_at_their_cost(tmp_path: Path) -> None:
    rows = (second_outcome(0, 0.5), a_row(60, kind="CONVERSION", usdcSize=0), second_outcome(120, 0.9, "SELL"))

    found = have.theirs(have.result_of(json_file(tmp_path, *rows))).theirs

    assert (found.realized, found.unknown, found.open_cost) == (0, D(90), 0)


def test_rewards_and_rebates_are_counted_and_no_part_of_the_trading(tmp_path: Path) -> None:
    rows = (a_row(), a_row(60, kind="REWARD", conditionId=""), a_row(61, kind="MAKER_REBATE", conditionId=""))

    (reading,) = have.opened(json_file(tmp_path, *rows)).readings

    assert reading.kinds == {"REWARD": 1, "MAKER_REBATE": 1}
    assert reading.rows == reading.trades + sum(reading.kinds.values())
