"""The plots of a copyability report: results and costs at each delay, and how the leader trades."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from backtest.report.figures import AMBER, BLUE, GREEN, GREY, RED, blank, dollars
from backtest.results.doubts.verdict_doubts import nothing_paid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plotly.graph_objects import Figure

    from backtest.results.copyability import DelayedCopy
    from backtest.results.trader_profile import TraderProfile

LINES = (BLUE, AMBER, RED, GREEN, GREY)
COSTS = (("price moved", BLUE, "delay"), ("spread", AMBER, "spread"), ("impact", RED, "impact"), ("fees", GREY, "fees"))
LARGE = 30
"""From so many points on they are not marked one by one."""
MOST_POINTS = 200


def results(copies: Sequence[DelayedCopy]) -> Figure:
    """Draw what each delay brought, with the span that luck alone would give it; grey, without one, where unpaid."""
    sums = [dollars(copy.result.pnl) for copy in copies]
    spans = [_span(copy) for copy in copies]
    figure = blank(height=320)
    figure.add_scatter(
        x=names(copies),
        y=sums,
        mode="markers",
        marker={"size": 13, "color": list(map(_color, copies))},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, span[1] - y) for span, y in zip(spans, sums, strict=True)],
            "arrayminus": [max(0.0, y - span[0]) for span, y in zip(spans, sums, strict=True)],
            "thickness": 2,
            "width": 10,
            "color": GREY,
        },
    )
    figure.add_hline(y=0, line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_layout(
        xaxis={"type": "category", "title": {"text": "delay behind the leader", "standoff": 12}},
        yaxis={"tickformat": "+,.0f"},
        showlegend=False,
    )
    return figure


def _span(copy: DelayedCopy) -> tuple[float, float]:
    if nothing_paid(copy.result):
        return dollars(copy.result.pnl), dollars(copy.result.pnl)
    return dollars(copy.likely.low), dollars(copy.likely.high)


def _color(copy: DelayedCopy) -> str:
    if nothing_paid(copy.result):
        return GREY
    return GREEN if copy.result.pnl > 0 else RED


def accounts(copies: Sequence[DelayedCopy]) -> Figure:
    """Draw each delay's account over time."""
    figure = blank(height=320)
    for copy, color in zip(copies, LINES, strict=False):
        points = copy.result.equity
        figure.add_scatter(
            x=[point.at_ms for point in points],
            y=[dollars(point.equity) for point in points],
            name=f"{copy.delay_s:g} s",
            line={"color": color, "width": 2},
        )
    figure.add_hline(y=dollars(copies[0].result.bankroll), line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_layout(xaxis={"type": "date"}, yaxis={"tickformat": ",.0f"}, hovermode="x unified")
    return figure


def costs(copies: Sequence[DelayedCopy]) -> Figure:
    """Draw what each delay cost beyond the leader's own prices."""
    figure = blank(height=320)
    for name, color, field in COSTS:
        amounts = [dollars(getattr(copy.result.costs, field)) for copy in copies]
        figure.add_bar(x=names(copies), y=amounts, name=name, marker_color=color)
    figure.update_layout(
        xaxis={"type": "category", "title": {"text": "delay behind the leader", "standoff": 12}},
        yaxis={"tickformat": ",.0f"},
        barmode="relative",
    )
    return figure


def concentration(profile: TraderProfile) -> Figure:
    """Draw which share of the leader's volume its largest markets hold."""
    volumes = sorted((market.volume for market in profile.markets.values()), reverse=True)
    whole = max(1, sum(volumes))
    shares = [sum_so_far / whole for sum_so_far in accumulate(volumes)]
    places = sorted({*range(0, len(shares), 1 + len(shares) // MOST_POINTS), len(shares) - 1} - {-1})
    x, y = [0, *(place + 1 for place in places)], [0.0, *(shares[place] for place in places)]
    figure = blank(height=320)
    figure.add_scatter(x=x, y=y, mode="lines+markers" if len(x) < LARGE else "lines", line={"color": BLUE})
    figure.update_layout(
        xaxis={"title": {"text": "markets, the largest first", "standoff": 12}, "tickformat": ",d"},
        yaxis={"tickformat": ".0%", "range": [0, 1.03]},
        showlegend=False,
    )
    return figure


def names(copies: Sequence[DelayedCopy]) -> list[str]:
    """Return each delay as it is written under an axis."""
    return [f"{copy.delay_s:g} s" for copy in copies]
