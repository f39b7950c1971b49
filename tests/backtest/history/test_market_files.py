"""What files say of markets: facts of Gamma's own rows, names that join a title to its ids."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backtest.history.market_facts import UNSURE
from shared.domain.market import MarketFacts
from tests.amounts import D
from tests.backtest.history import files_people_have as have
from tests.backtest.history.files_people_have import a_row, json_file, log_line, text_file

TITLE = "Made-up market 1"


def a_market(**changes: Any) -> dict[str, Any]:
    """Build a market as Gamma serves it: closed, won by the first outcome, its own fee."""
    row = a_row()
    return {
        "id": "12",
        "question": TITLE,
        "conditionId": row["conditionId"],
        "outcomes": '["Yes", "No"]',
        "outcomePrices": '["1", "0"]',
        "clobTokenIds": '["1001", "1002"]',
        "closed": True,
        "closedTime": "2026-02-25 07:00:00+00",
        "orderPriceMinTickSize": 0.001,
        "orderMinSize": 5,
        "feesEnabled": True,
        "feeSchedule": {"rate": 0.025, "exponent": 0.5, "takerOnly": True},
        **changes,
    }


def facts_in(history: have.HistoryFiles) -> list[MarketFacts]:
    return [event.what for event in history.market_events if isinstance(event.what, MarketFacts)]


@pytest.mark.parametrize(
    "wrap",
    ["[%s]", "%s", '{"data": [%s]}', '{"slug": "m", "raw": %s}', '{"id": "7", "slug": "event", "markets": [%s]}'],
)
def test_gammas_markets_tell_tick_fee_and_minimum_whatever_they_are_wrapped_in(wrap: str, tmp_path: Path) -> None:
    markets = text_file(tmp_path, wrap % json.dumps(a_market(orderMinSize=15)), "markets.json")

    history = have.opened(json_file(tmp_path, a_row()), resolved=[markets])

    (facts,) = facts_in(history)
    assert (facts.token_id, facts.min_shares, facts.fee_rate, facts.fee_exponent) == ("1001", D(15), D("0.025"), D_HALF)
    assert (facts.tick, facts.closed, facts.accepting_orders) == (D("0.01"), False, True)
    assert history.unsure == UNSURE


D_HALF = Decimal("0.5")


def test_facts_replace_assumptions_and_their_fee_is_charged(tmp_path: Path) -> None:
    markets = text_file(tmp_path, json.dumps([a_market()]), "markets.json")
    rows = json_file(tmp_path, a_row())

    assumed, told = have.result_of(rows), have.result_of(rows, resolved=[markets])

    assert 0 < told.costs.fees < assumed.costs.fees
    assert any(doubt.what.startswith("fees, tick and minimum size") for doubt in assumed.cannot_tell)
    assert [row.payouts for row in told.markets] == [("1", "0")]


def test_a_log_that_knows_titles_only_gets_ids_from_gammas_markets(tmp_path: Path) -> None:
    line = log_line(market=TITLE, timestamp=str(have.V1_S))
    log = text_file(tmp_path, f"{have.LOG_HEADING}\n{line}")
    markets = text_file(tmp_path, json.dumps([a_market()]), "markets.json")

    result = have.result_of(log, resolved=[markets])

    assert [row.condition_id for row in result.markets] == [a_row()["conditionId"]]
    assert have.theirs(result).theirs.realized == D(60)


def test_fills_that_know_tokens_only_get_their_market_from_gammas(tmp_path: Path) -> None:
    fill = f"{have.V1_S},{have.LEADER},0,40000000,{have.OTHER},1001,100000000,0xa1"
    fills = text_file(tmp_path, f"{have.FILL_HEADING}\n{fill}\n")
    markets = text_file(tmp_path, json.dumps([a_market()]), "markets.json")

    result = have.result_of(fills, resolved=[markets])

    assert have.theirs(result).theirs.realized == D(60)


def test_winners_by_title_count_for_rows_that_know_the_id(tmp_path: Path) -> None:
    winners = text_file(tmp_path, f"market,winner\n{TITLE},No\n", "winners.csv")

    assert have.theirs(have.result_of(json_file(tmp_path, a_row()), resolved=[winners])).theirs.realized == -D(40)
