"""How markets resolved and when they closed: told, planned or reckoned, and never known too early."""

import json
from datetime import UTC, datetime
from fractions import Fraction
from operator import itemgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.domain.market_events import MarketEvent
from backtest.domain.market_state import ResolvedMarket
from backtest.history.resolutions import KnownResolutions, read_resolutions, resolution_events
from backtest.results.result import SignalOutcome
from shared.domain.errors import Malformed
from tests.backtest.histories import a_trade, at, run
from tests.buyer.builders import CONDITION

MOMENT = "2026-07-24 12:00:00+00"
MOMENT_S = int(datetime(2026, 7, 24, 12, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("heading", "row", "at_s", "when"),
    [
        ("resolved_at", f"{MOMENT_S}.5", MOMENT_S + 0.5, "told"),
        ("closedTime", MOMENT, MOMENT_S, "told"),
        ("closedTime,endDate", f"{MOMENT},2026-08-01T00:00:00Z", MOMENT_S, "told"),
        ("endDate", "2026-07-24T12:00:00Z", MOMENT_S, "planned"),
        ("endDate", "2026-07-23", MOMENT_S - 43_200, "planned"),
        ("endDate", "2026-07-22", MOMENT_S - 86_400 + 60, "assumed"),
    ],
)
def test_when_a_market_closed_is_what_is_told_then_its_plan_then_its_last_trade(
    heading: str, row: str, at_s: float, when: str
) -> None:
    known = read_resolutions([f"condition_id,payouts,{heading}\n", f"0xc0,1;0,{row}\n"], "w.csv")

    (found,) = resolution_events(known, {"0xc0": (MOMENT_S - 86_400) * 1000})

    assert (found.at_ms, found.what) == (round(at_s * 1000), ResolvedMarket("0xc0", (Fraction(1), Fraction(0)), when))  # type: ignore[arg-type]


@pytest.mark.parametrize("as_lines", [False, True])
def test_markets_as_gamma_serves_them_say_how_and_when_they_closed(as_lines: bool) -> None:  # noqa: FBT001
    paid = {"conditionId": "0xA", "closed": True, "outcomePrices": '["0", "1"]', "closedTime": MOMENT}
    split = {"conditionId": "0xb", "closed": True, "outcomePrices": '["0.5", "0.5"]', "endDate": "2026-07-24T12:00:00Z"}
    unpaid = {"conditionId": "0xc", "closed": True, "outcomePrices": '["0.995", "0.005"]', "closedTime": MOMENT}
    going = {"conditionId": "0xd", "closed": False, "outcomePrices": '["1", "0"]', "closedTime": None}
    rows = [paid, split, unpaid, going]
    text = "\n".join(json.dumps(row) for row in rows) if as_lines else json.dumps(rows, indent=1)

    known = read_resolutions(text.splitlines(keepends=True), "markets.json")

    assert known == {
        "0xa": KnownResolutions((Fraction(0), Fraction(1)), closed_ms=MOMENT_S * 1000),
        "0xb": KnownResolutions((Fraction(1, 2), Fraction(1, 2)), ends_ms=MOMENT_S * 1000),
    }


@pytest.mark.parametrize(
    "text", ['[{"closed": true, "outcomePrices": "[\\"1\\"]"}]', '{"closed": true, "outcomePrices": 7}']
)
def test_a_file_of_markets_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(Malformed, match=r"w\.json: no markets as Gamma serves them"):
        read_resolutions([text], "w.json")


def test_a_reckoned_closing_is_said_with_the_share_of_trades_it_concerns() -> None:
    trades = [a_trade(0), a_trade(30), a_trade(100)]
    paid = (Fraction(1), Fraction(0))

    told = run([*trades[:2], MarketEvent(at(90), ResolvedMarket(CONDITION, paid)), trades[2]])
    reckoned = run([*trades[:2], MarketEvent(at(90), ResolvedMarket(CONDITION, paid, "assumed")), trades[2]])

    assert (told.bought, told.skips) == (reckoned.bought, reckoned.skips) == (2, {"market_open": 1})
    doubts = {doubt.what.partition(":")[0]: (doubt.trades, doubt.of) for doubt in reckoned.cannot_tell}
    assert doubts["when the market closed"] == (2, 2)
    assert doubts["whether a signal came in time"] == (1, 3)
    assert "closed" not in str(told.cannot_tell)


@settings(max_examples=20)
@given(st.integers(0, 200), st.integers(0, 1), st.sampled_from(["told", "planned", "assumed"]))
def test_when_and_how_a_market_closed_changes_nothing_before_it(second: int, winner: int, when: str) -> None:
    trades = [a_trade(each * 20) for each in range(8)]
    paid = (Fraction(1 - winner), Fraction(winner))
    closing = MarketEvent(at(second), ResolvedMarket(CONDITION, paid, when))  # type: ignore[arg-type]

    def before(outcomes: tuple[SignalOutcome, ...]) -> list[SignalOutcome]:
        return [each for each in outcomes if max(each.decided_at_ms, each.filled_at_ms) < at(second)]

    never = run(trades).outcomes
    once = run(sorted([*trades, closing], key=itemgetter(0))).outcomes

    assert before(once) == before(never)
    assert all(not each.shares for each in once if each.decided_at_ms >= at(second))
