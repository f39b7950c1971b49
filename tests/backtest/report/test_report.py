"""The report: one file that needs nothing, seen in a real browser."""

import json
from pathlib import Path
from typing import Any

import pytest

from backtest.report import png_export, report_data
from backtest.report.page import CLASSES, page, write_page
from backtest.results.verdict import FEWEST_MARKETS
from shared.domain.errors import DependencyMissing
from tests.backtest.browsing import Outside, look
from tests.backtest.result_builders import USD, a_doubt, a_market_result, a_result, an_open_position, an_outcome

EVIL = '</script><script>alert("x")</script><img src=x onerror=alert(1)>'


def test_slippage_is_what_was_paid_beyond_the_leader_on_both_sides() -> None:
    bought = an_outcome(usdc=5_200_000)
    sold = an_outcome(side="SELL", usdc=4_900_000)
    nothing = an_outcome(shares=0, usdc=0)

    assert report_data.slippages(a_result(outcomes=(bought, sold, nothing))) == [2.0, 1.0]


def test_delay_is_counted_from_the_leaders_trade_to_the_book() -> None:
    assert report_data.delays_s(a_result(outcomes=(an_outcome(), an_outcome(filled_at_ms=0)))) == [2.3]


def test_markets_show_both_ends_and_nothing_twice() -> None:
    rows = report_data.worst_and_best(a_result([n * USD for n in range(50)]))

    assert [row.amount // USD for row in rows] == [*range(49, 39, -1), *range(9, -1, -1)]


def test_categories_add_up_to_the_result() -> None:
    result = a_result([USD, -3 * USD, 5 * USD])

    rows = report_data.categories(result)

    assert {row.name: row.amount // USD for row in rows} == {"Sports": 6, "Weather": -3}
    assert sum(row.amount for row in rows) == result.pnl


def test_every_signal_is_an_order_or_a_skip() -> None:
    result = a_result()

    assert sum(row.amount for row in report_data.verdicts(result)) == result.signals


@pytest.fixture(scope="module")
def written() -> str:
    market = a_market_result(USD, 7, title=EVIL)
    result = a_result([USD] * 3, cannot_tell=(a_doubt(37),), open=(an_open_position(title=EVIL),))
    return page(result.model_copy(update={"markets": (*result.markets, market)}))


def test_the_page_names_nothing_outside_itself(written: str) -> None:
    outside = Outside()
    outside.feed(written)

    assert outside.loads == []
    assert "default-src 'none'" in written


def test_a_markets_own_words_are_never_markup(written: str) -> None:
    assert EVIL not in written
    assert "<img src=x" not in written


def test_the_page_says_what_cannot_be_told_and_promises_nothing(written: str) -> None:
    assert "37%" in written
    assert "It promises nothing" in written
    assert all(f'class="verdict {name}"' in written for name in [CLASSES["cannot tell"]])


def test_a_run_without_any_order_still_has_a_page() -> None:
    empty = a_result([], leaders=(), equity=(), outcomes=(), skips={}, signals=0, filled=0, partial=0, missed=0)

    assert "Only 0 markets" in page(empty)


def test_no_browser_is_a_plain_error_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(DependencyMissing, match="apt-get install chromium"):
        png_export.browser()


@pytest.mark.process
@pytest.mark.usefixtures("browser")
def test_a_plot_is_written_as_a_picture(tmp_path: Path) -> None:
    [path] = png_export.write_pictures(a_result(), tmp_path / "plots", ["costs"])

    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 10_000


@pytest.mark.process
def test_a_browser_shows_every_plot_without_an_error_or_a_request(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    write_page(a_result([USD, -USD] * FEWEST_MARKETS, cannot_tell=(a_doubt(40),)), file)

    views = [look(browser, file, width, scheme) for width, scheme in ((1280, "light"), (390, "dark"))]

    for view in views:
        assert view["said"] == []
        assert view["asked"] == [file.as_uri()]
        assert len(view["plots"]) == 9
        assert [name for name, width, drawn in view["plots"] if width < 200 or not drawn] == []
        assert view["overflow"] <= 0
        assert view["shot"].startswith(b"\x89PNG")
        assert len(view["shot"]) > 20_000
    assert views[0]["ink"] != views[1]["ink"]


def test_the_plots_hold_the_results_own_numbers(written: str) -> None:
    start = written.index('id="plots">') + len('id="plots">')
    plots = json.loads(written[start : written.index("</script>", start)])

    assert plots["costs"]["data"][0]["text"] == ["-0.50", "+2.00", "+0.25", "+1.00", "+2.75"]
