"""A sweep's scores: the table, the heat map and the warning that the best of many is luck."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from html import escape
from statistics import fmean
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from backtest.report import page as report
from backtest.report.figures import heat_map
from backtest.results.amount_words import rate_text, signed_usd, usd_text
from backtest.results.deflated_sharpe import DeflatedSharpe, deflated_sharpe
from backtest.results.source_reading import reading_lines
from backtest.sweep.plan import SweepAxis, named
from backtest.sweep.trial import TrialScore
from shared.domain.money import MICRO, from_micro

SHOWN = 20
AXES = 2
MOST_CELLS = 12
_AMOUNTS = ("spent", "pnl", "open_value", "fees", "beyond", "max_drawdown", "most_locked")


def ranking(scores: Iterable[TrialScore]) -> list[TrialScore]:
    """Return scores by their result, the best first; what never bought anything comes last."""
    return sorted(scores, key=lambda score: (not score.filled, -score.pnl))


def judged(ranked: Sequence[TrialScore]) -> DeflatedSharpe:
    """Judge the score that leads the ranking: the one that is read first, and chosen."""
    return deflated_sharpe(ranked[0].shape, [score.shape.sharpe for score in ranked])


def _said(ranked: Sequence[TrialScore], found: DeflatedSharpe) -> str:
    return f"In the lead by its result: {named(ranked[0].settings)}. {found}"


def shown(ranked: Sequence[TrialScore], axes: Sequence[SweepAxis]) -> RenderableType:
    """Return everything for a terminal."""
    found = judged(ranked)
    parts: list[RenderableType] = [_table(ranked[:SHOWN]), Text()]
    if len(ranked) > SHOWN:
        parts.append(Text(f"the best {SHOWN} of {len(ranked)} tries; --json has all", "dim"))
    if _mappable(axes):
        title = f"mean result, {axes[0].name} down, {axes[1].name} across"
        parts += [Text(title, "dim"), _heat(ranked, axes), Text()]
    parts.append(Text(_said(ranked, found), "" if found.convincing else "bold yellow"))
    parts += [
        Text(line, "yellow" if line.startswith("left out") else "dim") for line in reading_lines(ranked[0].history)
    ]
    return Group(*parts)


def figures(ranked: Sequence[TrialScore]) -> dict[str, Any]:
    """Return everything as plain JSON values; amounts are decimal strings."""
    found = judged(ranked)
    return {
        "event": "SWEEP",
        "luck": {
            "settings": ranked[0].settings,
            "trials": found.trials,
            "sharpe": found.sharpe,
            "lucky_sharpe": found.lucky,
            "probability": found.probability,
            "convincing": found.convincing,
        },
        "history": [reading.model_dump(mode="json") for reading in ranked[0].history],
        "tries": [
            {
                **score.model_dump(mode="json", exclude={"history"}),
                **{name: format(from_micro(getattr(score, name)), "f") for name in _AMOUNTS},
                "sharpe": score.shape.sharpe,
            }
            for score in ranked
        ],
    }


def page(ranked: Sequence[TrialScore], axes: Sequence[SweepAxis]) -> str:
    """Return one HTML page that needs nothing else."""
    found, best = judged(ranked), ranked[0]
    kind = "gained" if found.convincing and best.pnl > 0 else "unsure"
    title = f"Sweep of {len(ranked)} settings"
    verdict = (
        "The best of many is luck until shown otherwise." if kind == "unsure" else "More than luck, in this history."
    )
    plots = {"heat": heat_map(*cells(ranked, axes), axes[0].name, axes[1].name)} if _mappable(axes) else {}
    columns = (*best.settings, "result", "return", "orders", "worst fall", "beyond leaders", "Sharpe by market")
    rows = ([(text, "") for text in _row(score)] for score in ranked[: report.MOST_ROWS])
    heat = '<div class="plot" id="heat"></div>' if plots else ""
    told = f"Mean result in pUSD of all tries with these values of {' and '.join(axis.name for axis in axes[:AXES])}."
    body = (
        f"<header><h1>{escape(title)}</h1></header>"
        f'<div class="verdict {kind}"><strong>{escape(verdict)}</strong><p>{escape(_said(ranked, found))}</p></div>'
        f'<div class="grid">{report.section("Heat map", told, heat, wide=True) if heat else ""}'
        f"{report.section('Tries', 'The best first, in pUSD.', report.table(columns, rows), wide=True)}"
        f"{report.read_files(best.history)}</div>"
        f"<footer>{escape(report.FOOT)}</footer>"
    )
    return report.document(title, body, plots)


def cells(
    ranked: Sequence[TrialScore], axes: Sequence[SweepAxis]
) -> tuple[list[str], list[str], list[list[float | None]]]:
    """Return the values of the first two axes and the mean result of each pair, in pUSD for a picture."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(list)
    for score in ranked:
        sums[score.settings[axes[0].name], score.settings[axes[1].name]].append(score.pnl)
    down, across = axes[0].values, axes[1].values
    means = [[fmean(sums[y, x]) / MICRO if (y, x) in sums else None for x in across] for y in down]
    return list(across), list(down), means


def _mappable(axes: Sequence[SweepAxis]) -> bool:
    return len(axes) >= AXES and all(1 < len(axis.values) <= MOST_CELLS for axis in axes[:AXES])


def _row(score: TrialScore) -> tuple[str, ...]:
    return (
        *score.settings.values(),
        signed_usd(score.pnl),
        rate_text(score.pnl, score.spent),
        f"{score.filled:,}",
        usd_text(score.max_drawdown),
        usd_text(score.beyond),
        f"{score.shape.sharpe:.3f}",
    )


def _table(ranked: Sequence[TrialScore]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    names = (*ranked[0].settings, "result", "return", "filled", "worst fall", "beyond leaders", "Sharpe by market")
    for name in names:
        table.add_column(name, justify="right")
    for score in ranked:
        table.add_row(*_row(score))
    return table


def _heat(ranked: Sequence[TrialScore], axes: Sequence[SweepAxis]) -> Table:
    across, down, means = cells(ranked, axes)
    most = max((abs(value) for row in means for value in row if value is not None), default=0) or 1
    table = Table(box=None, pad_edge=False)
    for name in ("", *across):
        table.add_column(name, justify="right")
    for name, row in zip(down, means, strict=True):
        table.add_row(Text(name, "dim"), *(_cell(value, most) for value in row))
    return table


def _cell(value: float | None, most: float) -> Text:
    if value is None:
        return Text("·")
    depth = round(40 + 140 * min(1.0, abs(value) / most))
    color = f"rgb(0,{depth},60)" if value >= 0 else f"rgb({depth},0,30)"
    return Text(f" {value:+,.2f} ", f"white on {color}")
