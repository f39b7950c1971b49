"""The copyability report as a page: the verdict first, every delay, how the leader trades, nothing from outside."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from backtest.report.wallet_page import CLASSES, wallet_page, write_wallet_page
from backtest.results.copyability import DelayedCopy
from backtest.results.trader_profile import RESTLESS
from shared.messages.signals import MarketHint
from tests.backtest.browsing import Outside, look
from tests.backtest.result_builders import a_doubt
from tests.backtest.results.test_copyability import GAIN, LOSS, UNSURE, a_trade, conduct_of, copied

pytestmark = pytest.mark.slow

EVIL = '</script><script>alert("x")</script><img src=x onerror=alert(1)>'
PLOTS = ["results", "concentration", "accounts", "costs", "signals"]


def a_page(*runs: list[int], trades: int = 40, both_ways: bool = False) -> str:
    sides = [("BUY" if number % 2 or not both_ways else "SELL") for number in range(trades)]
    return wallet_page(copied(*runs), conduct_of([a_trade(10, n, side=side) for n, side in enumerate(sides)]))


def plots_in(written: str) -> dict[str, Any]:
    start = written.index('id="plots">') + len('id="plots">')
    return json.loads(written[start : written.index("</script>", start)])


def with_result(copies: Sequence[DelayedCopy], **changes: Any) -> list[DelayedCopy]:
    return [DelayedCopy(copy.delay_s, copy.result.model_copy(update=changes), copy.likely) for copy in copies]


@pytest.mark.parametrize(
    ("runs", "kind", "words"),
    [
        ((GAIN, GAIN, GAIN), "it paid", "Following paid in this history, at every delay."),
        ((GAIN, GAIN, UNSURE), "only fast", "only faster than 30 s"),
        ((LOSS, LOSS, LOSS), "no", "Following lost money"),
        ((UNSURE, LOSS, LOSS), "cannot tell", "cannot tell whether following pays"),
    ],
)
def test_the_verdict_stands_first_with_its_reasons(runs: tuple[list[int], ...], kind: str, words: str) -> None:
    written = a_page(*runs)

    verdict = written[written.index('<div class="verdict') : written.index('<div class="cards"')]
    assert f'class="verdict {CLASSES[kind]}"' in verdict
    assert words in verdict
    assert "promises nothing" in verdict


def test_each_delay_stands_with_its_result_and_the_span_of_luck() -> None:
    written = a_page(GAIN, UNSURE, LOSS)

    for delay, result in ((2, "+40.00"), (5, "−10.00"), (30, "−40.00")):  # noqa: RUF001 - a minus sign, for people
        assert f"Following {delay} s behind, pUSD</span>" in written
        assert f">{result}</b>" in written
    assert "90% of luck: −41.00 to +" in written  # noqa: RUF001
    drawn = plots_in(written)["results"]["data"][0]
    assert (drawn["x"], drawn["y"]) == (["2 s", "5 s", "30 s"], [40.0, -10.0, -40.0])
    assert drawn["error_y"]["arrayminus"][1] == 31.0


def test_a_market_maker_is_shown_as_one() -> None:
    maker = a_page(GAIN, GAIN, GAIN, trades=RESTLESS, both_ways=True)

    assert 'Makes markets</span><b class="down">yes</b><small>100% of its volume both ways' in maker
    assert "Not to be copied" in maker
    assert 'Makes markets</span><b class="">no</b>' in a_page(GAIN)


def test_concentration_is_the_share_of_the_largest_markets() -> None:
    trades = [
        a_trade(usdc, n, market=MarketHint(condition_id=f"0x{n:064x}")) for n, usdc in enumerate((40, 20, 20, 10, 5, 5))
    ]

    drawn = plots_in(wallet_page(copied(GAIN), conduct_of(trades)))["concentration"]["data"][0]

    assert drawn["x"] == [0, 1, 2, 3, 4, 5, 6]
    assert drawn["y"] == [0, 0.4, 0.6, 0.8, 0.9, 0.95, 1]


def test_what_cannot_be_told_is_said_and_foreign_words_are_never_markup() -> None:
    copies = copied(GAIN, GAIN)
    markets = (copies[0].result.markets[0].model_copy(update={"title": EVIL}), *copies[0].result.markets[1:])

    written = wallet_page(with_result(copies, cannot_tell=(a_doubt(37),), markets=markets), conduct_of([a_trade(10)]))

    outside = Outside()
    outside.feed(written)
    assert outside.loads == []
    assert "37%" in written
    assert EVIL not in written
    assert "<img src=x" not in written


def test_a_leader_that_could_not_be_followed_once_still_has_a_page() -> None:
    empty: dict[str, Any] = {"equity": (), "skips": {}, "signals": 0, "filled": 0, "partial": 0, "leaders": ()}

    assert "cannot tell whether following pays" in wallet_page(
        with_result(copied([]), **empty), conduct_of([a_trade(10)])
    )


@pytest.mark.process
def test_a_browser_shows_the_page_without_an_error_or_a_request(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "wallet.html"
    copies = with_result(copied(GAIN, UNSURE, LOSS), cannot_tell=(a_doubt(40),))
    write_wallet_page(copies, conduct_of([a_trade(10, n) for n in range(40)]), file)

    wide, narrow = (("light", 1280), ("dark", 390))
    views = [look(browser, file, width, scheme, "results", "signals") for scheme, width in (wide, narrow)]

    for view in views:
        assert view["said"] == []
        assert view["asked"] == [file.as_uri()]
        assert [name for name, _, _ in view["plots"]] == PLOTS
        assert [name for name, width, drawn in view["plots"] if width < 200 or not drawn] == []
        assert view["overflow"] <= 0
        assert len(view["shot"]) > 20_000
    assert views[0]["ink"] != views[1]["ink"]
