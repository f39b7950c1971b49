"""Candidates are gathered once each, and ranked by what their reports say."""

from typing import Any

import pytest

from ops.discovery.domain.candidate import gathered
from ops.discovery.domain.ranking import chance_text, ranked
from ops.discovery.table_view import csv_fields, flat_rows
from shared.domain.money import Shares, Usdc
from shared.polymarket.wire.endpoints import EXCHANGES
from shared.polymarket.wire.trader_rows import ActiveTrader, RankedTrader, read_active, read_ranked
from tests.ops.discovery.builders import a_report, a_wallet

ONE, TWO = a_wallet(1).address, a_wallet(2).address


def a_trader(address: str, rank: int, name: str = "") -> RankedTrader:
    return RankedTrader(address=address, rank=rank, profit=Usdc(1), volume=Shares(1), name=name)


def test_a_wallet_that_several_boards_name_is_one_candidate_with_all_that_names_it() -> None:
    boards = {"profit": [a_trader(TWO, 1, "Two"), a_trader(ONE, 2)], "volume": [a_trader(TWO, 5)]}
    active = [ActiveTrader(address=ONE, trades=3, volume=Usdc(9), name="One")]

    two, one = gathered([], boards, active)

    assert (two.address, two.name, two.found) == (TWO, "Two", ("profit #1", "volume #5"))
    assert (one.address, one.name, one.found) == (ONE, "One", ("profit #2", "3 of the newest trades"))


def test_what_a_person_gives_comes_first_and_the_venues_contracts_not_at_all() -> None:
    boards = {"profit": [a_trader(EXCHANGES[0], 1)]}

    assert [each.address for each in gathered([ONE], boards, [])] == [ONE]


def test_verdicts_order_the_table_and_luck_against_us_orders_equal_ones() -> None:
    judged = [
        (a_wallet(1), a_report("no")),
        (a_wallet(2), a_report("cannot tell", low="-9")),
        (a_wallet(3), a_report("it paid", low="2")),
        (a_wallet(4), a_report("cannot tell", low="-3")),
        (a_wallet(5), a_report("only fast", low="1")),
    ]

    rows = ranked(judged)

    assert [int(row.address, 16) for row in rows] == [3, 5, 4, 2, 1]
    assert [row.place for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0].why == "because of it paid"


@pytest.mark.parametrize(
    ("facts", "conduct"),
    [
        ({"makes_markets": True, "two_sided": "0.9"}, "makes markets"),
        ({"two_sided": "0.5"}, "both sides"),
        ({"concentration": "0.5"}, "few bets"),
        ({"concentration": "0.9", "markets": 5}, ""),
        ({}, ""),
    ],
)
def test_a_wallet_whose_conduct_alone_is_a_reason_says_so(facts: dict[str, Any], conduct: str) -> None:
    [row] = ranked([(a_wallet(1), a_report(**facts))])

    assert row.conduct == conduct


def test_luck_among_many_is_said_beside_who_passed() -> None:
    told = chance_text([*[a_report("cannot tell")] * 39, a_report("it paid", low="1")])

    assert "40 wallets were judged, 40 of them by 20 markets or more; 1 passed." in told
    assert "up to 2.0 of 40 would" in told
    assert "promises nothing" in told


def test_the_table_of_a_spreadsheet_runs_no_strangers_formula() -> None:
    rows = ranked([(a_wallet(1, name="=1+1"), a_report())])

    [flat] = flat_rows(rows, frozenset({ONE}))

    assert flat["followed"] is True
    assert [flat[name] for name in ("pnl_30s", "low_30s", "high_30s", "spent_30s")] == ["5", "-1", "9", "100"]
    assert set(csv_fields(rows)) == set(flat)


def test_rows_that_cannot_be_read_are_said_and_the_rest_is_taken() -> None:
    problems = list[str]()
    rows = [
        {"user_id": ONE, "rank": 1, "pnl": 2.5, "volume": 10, "user_name": "One"},
        {"user_id": "nobody", "rank": 2, "pnl": 1, "volume": 1},
        {"user_id": TWO, "rank": 3, "pnl": "many", "volume": 1},
    ]

    [found] = read_ranked(rows, problems)

    assert (found.address, found.profit, found.volume) == (ONE, 2_500_000, 10_000_000)
    assert len(problems) == 2


def test_trades_are_added_up_by_trader_the_largest_first() -> None:
    rows = [
        {"proxy_wallet": ONE.upper().replace("0X", "0x"), "size": 10, "price": 0.5, "pseudonym": "Uno"},
        {"proxy_wallet": TWO, "size": 100, "price": 0.5},
        {"proxy_wallet": ONE, "size": 4, "price": 0.25},
    ]

    two, one = read_active(rows, [])

    assert (two.address, two.volume) == (TWO, 50_000_000)
    assert (one.trades, one.volume, one.name) == (2, 6_000_000, "Uno")
