"""The plots of a result. Amounts become floats here and nowhere else: a pixel needs no micro-unit.

Plotly is imported when a plot is drawn, so that nothing else pays for it.
"""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from backtest.report.report_data import (
    DataShare,
    beyond,
    categories,
    delays_s,
    returns,
    slippages,
    verdicts,
    worst_and_best,
)
from shared.domain.errors import DependencyMissing
from shared.domain.money import MICRO

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plotly.graph_objects import Figure

    from backtest.results.result import BacktestResult

BLUE, GREY, GREEN, RED, AMBER = "#4f8cf7", "#94a3b8", "#22a06b", "#e5484d", "#e0a100"
CLEAR, GRID = "rgba(0,0,0,0)", "rgba(128,128,128,0.18)"
LONGEST_LABEL = 64
BINS = 40


def plotly() -> Any:  # noqa: ANN401 - plotly's modules have no types
    """Return plotly's graph objects.

    Raises:
        DependencyMissing: the extra is not installed.
    """
    try:
        import plotly.graph_objects as drawing  # noqa: PLC0415 - only who draws pays for it
    except ImportError as error:
        raise DependencyMissing("plots need plotly, of the extra `report`: `make install-report`") from error
    return drawing


def equity(result: BacktestResult) -> Figure:
    """Draw the account over time, and how far it stood below its best."""
    times = [point.at_ms for point in result.equity]
    values = [dollars(point.equity) for point in result.equity]
    paid = [dollars(result.bankroll + point.realized) for point in result.equity]
    figure = blank(height=380)
    figure.add_scatter(x=times, y=values, name="cash and open positions", line={"color": BLUE, "width": 2})
    figure.add_scatter(x=times, y=paid, name="realized only", line={"color": GREY, "width": 1.5, "dash": "dot"})
    figure.add_hline(y=dollars(result.bankroll), line={"color": GREY, "width": 1})
    figure.update_layout(xaxis={"type": "date"}, yaxis={"tickformat": ",.0f"}, hovermode="x unified")
    return figure


def drawdown(result: BacktestResult) -> Figure:
    """Draw how far the account stood below its best so far."""
    highest, falls = result.bankroll, list[float]()
    for point in result.equity:
        highest = max(highest, point.equity)
        falls.append(dollars(point.equity - highest))
    figure = blank(height=220)
    times = [point.at_ms for point in result.equity]
    figure.add_scatter(x=times, y=falls, fill="tozeroy", line={"color": RED, "width": 1}, name="below its best")
    figure.update_layout(xaxis={"type": "date"}, yaxis={"tickformat": ",.0f"}, showlegend=False)
    return figure


def leaders(result: BacktestResult) -> Figure:
    """Draw what each pUSD spent returned: ours beside the leader's own."""
    rows = returns(result)
    names = [row.name for row in rows]
    figure = blank(height=max(220, 90 + 56 * len(rows)))
    figure.add_bar(
        y=names, x=[row.theirs for row in rows], orientation="h", name="the leader, before fees", marker_color=GREY
    )
    figure.add_bar(y=names, x=[row.ours for row in rows], orientation="h", name="following", marker_color=BLUE)
    figure.update_layout(xaxis={"tickformat": "+.1%"}, barmode="group")
    return figure


def markets(result: BacktestResult) -> Figure:
    """Draw the markets that brought and cost most."""
    return _signed_bars(worst_and_best(result))


def by_category(result: BacktestResult) -> Figure:
    """Draw PnL by category."""
    return _signed_bars(categories(result))


def signals(result: BacktestResult) -> Figure:
    """Draw what became of the signals."""
    rows = verdicts(result)
    colors = [AMBER if row.name.startswith("skipped") else GREEN if row.good else RED for row in rows]
    figure = blank(height=max(220, 90 + 30 * len(rows)))
    total = max(1, sum(row.amount for row in rows))
    shown = [f"{row.amount:,} ({row.amount / total:.0%})" for row in rows]
    figure.add_bar(
        y=[_label(row.name) for row in rows],
        x=[row.amount for row in rows],
        orientation="h",
        marker_color=colors,
        text=shown,
        textposition="auto",
    )
    figure.update_layout(yaxis={"autorange": "reversed"}, showlegend=False)
    return figure


def slippage(result: BacktestResult) -> Figure:
    """Draw how much worse than the leader's our prices were."""
    figure = _histogram(slippages(result), "cents a share worse than the leader", AMBER)
    figure.add_vline(x=0, line={"color": GREY, "width": 1, "dash": "dot"})
    return figure


def delay(result: BacktestResult) -> Figure:
    """Draw the time from the leader's trade to our order at the book."""
    return _histogram(delays_s(result), "seconds from the leader's trade to our order", BLUE)


def costs(result: BacktestResult) -> Figure:
    """Draw what following cost beyond the leaders' own prices, step by step."""
    spent = result.costs
    steps = [("price moved", spent.delay), ("spread", spent.spread), ("impact", spent.impact), ("fees", spent.fees)]
    figure = blank(height=300)
    figure.add_waterfall(
        x=[*(name for name, _ in steps), "together"],
        y=[*(dollars(micro) for _, micro in steps), 0],
        measure=[*("relative" for _ in steps), "total"],
        text=[*(f"{dollars(micro):+,.2f}" for _, micro in steps), f"{dollars(beyond(result)):+,.2f}"],
        textposition="outside",
        cliponaxis=False,
        increasing={"marker": {"color": RED}},
        decreasing={"marker": {"color": GREEN}},
        totals={"marker": {"color": GREY}},
        connector={"line": {"color": GREY, "width": 1}},
    )
    figure.update_layout(yaxis={"tickformat": ",.0f"}, showlegend=False)
    return figure


def heat_map(
    across: Sequence[str], down: Sequence[str], values: Sequence[Sequence[float | None]], rows: str, columns: str
) -> dict[str, Any]:
    """Draw results over two settings, as plotly's own JSON values."""
    figure = blank(height=max(280, 120 + 44 * len(down)))
    figure.add_heatmap(
        x=list(across),
        y=list(down),
        z=[list(row) for row in values],
        zmid=0,
        colorscale=[[0, RED], [0.5, "#8b93a1"], [1, GREEN]],
        texttemplate="%{z:+,.2f}",
        xgap=2,
        ygap=2,
    )
    figure.update_layout(
        xaxis={"type": "category", "title": {"text": columns, "standoff": 12}},
        yaxis={"type": "category", "title": {"text": rows, "standoff": 12}},
    )
    drawn: dict[str, Any] = json.loads(str(figure.to_json()))
    return drawn


PLOTS: dict[str, Callable[[BacktestResult], Figure]] = {
    "equity": equity,
    "drawdown": drawdown,
    "leaders": leaders,
    "costs": costs,
    "signals": signals,
    "markets": markets,
    "categories": by_category,
    "slippage": slippage,
    "delay": delay,
}


def _signed_bars(rows: Sequence[DataShare]) -> Figure:
    figure = blank(height=max(220, 80 + 28 * len(rows)))
    places = list(range(len(rows)))
    figure.add_bar(
        y=places,
        x=[dollars(row.amount) for row in rows],
        orientation="h",
        marker_color=[GREEN if row.amount >= 0 else RED for row in rows],
    )
    names = {"tickvals": places, "ticktext": [_label(row.name) for row in rows], "autorange": "reversed"}
    figure.update_layout(xaxis={"tickformat": "+,.0f"}, yaxis=names, showlegend=False)
    return figure


def _histogram(values: Sequence[float], title: str, color: str) -> Figure:
    figure = blank(height=280)
    figure.add_histogram(x=list(values), nbinsx=BINS, marker_color=color)
    figure.update_layout(xaxis={"title": {"text": title, "standoff": 12}}, bargap=0.04, showlegend=False)
    return figure


def blank(height: int) -> Figure:
    """Return a figure without anything in it, in the page's style."""
    figure: Figure = plotly().Figure()
    axis = {"automargin": True, "zeroline": False, "gridcolor": GRID, "ticks": "outside", "tickcolor": CLEAR}
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 8, "r": 16, "t": 28, "b": 8},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        font={"family": "system-ui, sans-serif", "size": 13},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis=axis,
        yaxis=axis,
    )
    return figure


def _label(text: str) -> str:
    """Return a market's own words as a label: both ends of a long one, and nothing in them is taken for markup."""
    half = LONGEST_LABEL // 2
    return escape(text if len(text) <= LONGEST_LABEL else f"{text[:half]}…{text[-half:]}", quote=False)


def dollars(micro: int) -> float:
    """Return micro-units as a float, for a pixel."""
    return micro / MICRO
