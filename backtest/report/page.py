"""A result as one HTML file: plotly, style and data are inside, and the page may load nothing from anywhere."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from backtest.report.figures import PLOTS
from backtest.report.report_data import short, silences
from backtest.results.amount_words import doubt_percent, rate_text, signed_usd, usd_text
from backtest.results.bootstrap_interval import bootstrap_interval
from backtest.results.result import BacktestResult, LeaderResult, OpenPosition
from backtest.results.source_reading import SourceReading, reading_lines
from backtest.results.three_numbers import three_numbers
from backtest.results.verdict import ResultVerdict, judge_result
from backtest.settings import moment_text

CLASSES = {"lost": "lost", "gained": "gained", "cannot tell": "unsure"}
SECTIONS = {
    "equity": (
        "The account over time",
        "In pUSD; open positions at the last known price, before the fee of selling them.",
        True,
    ),
    "drawdown": ("Below its best", "In pUSD: what had been lost since the highest point so far.", True),
    "leaders": ("Against the leaders' own result", "What each pUSD spent returned. Theirs is before fees.", False),
    "costs": ("What following cost", "In pUSD beyond the leaders' own prices; below 0 is a gain.", False),
    "signals": ("What became of the signals", "Each skip under the first rule that said no.", True),
    "markets": ("Markets: best and worst", "What following brought in each, in pUSD.", True),
    "categories": ("By category", "In pUSD; as the venue names them.", True),
    "slippage": ("Price against the leader's", "Orders by what they paid; right of 0 is worse than the leader.", False),
    "delay": ("Delay", "Orders by the time from the leader's trade to our order at the book.", False),
}
"""Each plot's title, what it shows, and whether it is as wide as the page."""

FOOT = (
    "A backtest tells what would have happened under its assumptions, with the leaders' trades as recorded. It "
    "promises nothing: markets change, leaders change, and our own orders would have moved prices. Most public "
    "studies of copying leaderboards found that it loses money."
)
MOST_ROWS = 200
_LEADERS = (
    "In pUSD; their own result is before fees. What they got for shares whose origin the history does not show is "
    "unknown, and in no result."
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"


def write_page(result: BacktestResult, path: Path) -> None:
    """Write the page.

    Raises:
        DependencyMissing: plotly is not installed.
    """
    path.write_text(page(result), encoding="utf-8")


def page(result: BacktestResult) -> str:
    """Return the whole page."""
    drawn = {name: draw(result) for name, draw in PLOTS.items() if _worth(name, result)}
    title = f"Backtest of {moment_text(result.starts_at_ms)} to {moment_text(result.ends_at_ms)} UTC"
    judged = judge_result(result, bootstrap_interval([row.ours.pnl for row in result.markets]))
    after = {"drawdown": read_files(result.history) + stopped(result) + doubts(result)}
    sections = "".join(_section(name) + after.get(name, "") for name in drawn)
    body = (
        _header(result, title),
        _verdict(judged),
        _cards(result),
        f'<div class="grid">{sections}{_tables(result)}{assumed(result)}</div>',
        f"<footer>{escape(FOOT)}</footer>",
    )
    return document(title, "".join(body), {name: json.loads(str(figure.to_json())) for name, figure in drawn.items()})


def document(title: str, body: str, plots: dict[str, Any]) -> str:
    """Return a page around `body`, with the plots that its `div`s name."""
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - 4.8 MB that only a page needs

    here = Path(__file__)
    data = json.dumps(plots, separators=(",", ":")).replace("<", "\\u003c")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{here.with_name('page.css').read_text(encoding='utf-8')}</style></head>"
        f'<body><main>{body}</main><script type="application/json" id="plots">{data}</script>'
        f"<script>{get_plotlyjs()}</script><script>{here.with_name('page.js').read_text(encoding='utf-8')}</script>"
        "</body></html>\n"
    )


def card(name: str, value: str, note: str, mood: str = "") -> str:
    """Return one headline number."""
    return (
        f'<div class="card"><span>{escape(name)}</span><b class="{mood}">{value}</b><small>{escape(note)}</small></div>'
    )


def mood(micro: int) -> str:
    """Return the class of an amount that is good above 0 and bad below."""
    return "up" if micro > 0 else "down" if micro < 0 else ""


def table(columns: Sequence[str], rows: Iterable[Sequence[tuple[str, str]]]) -> str:
    """Return a table; each cell is its text and its class."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    cells = ("".join(f'<td class="{kind}">{escape(text)}</td>' for text, kind in row) for row in rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(f"<tr>{row}</tr>" for row in cells)}</table></div>'


def section(title: str, note: str, inside: str, *, wide: bool = False) -> str:
    """Return one box of the page."""
    kind = ' class="wide"' if wide else ""
    return f"<section{kind}><h2>{escape(title)}</h2><p>{escape(note)}</p>{inside}</section>"


def _worth(name: str, result: BacktestResult) -> bool:
    """Say whether a plot would show more than one bar that says nothing."""
    if name == "categories":
        return len({row.category for row in result.markets}) > 1
    return name not in {"slippage", "delay"} or any(outcome.shares for outcome in result.outcomes)


def _header(result: BacktestResult, title: str) -> str:
    sources = ", ".join(result.sources) or "unnamed"
    told = f"{result.signals:,} signals of {len(result.leaders)} leaders, from {sources}"
    return f"<header><h1>{escape(title)}</h1><p>{escape(told)}</p></header>"


def _verdict(judged: ResultVerdict) -> str:
    said = "".join(f"<p>{escape(reason[:1].upper() + reason[1:])}</p>" for reason in judged.reasons)
    return f'<div class="verdict {CLASSES[judged.word]}"><strong>{escape(judged.title)}</strong>{said}</div>'


def _cards(result: BacktestResult) -> str:
    spent = sum(row.ours.spent for row in result.leaders)
    orders = result.filled + result.partial + result.missed
    numbers = three_numbers(result)
    won = sum(1 for row in result.markets if row.ours.pnl > 0)
    followed = f"of {orders:,} orders, of {result.signals:,} signals"
    cards = (
        card("Result, pUSD", signed_usd(result.pnl), f"on {usd_text(result.bankroll)} to begin with", mood(result.pnl)),
        card(
            "Return on what was spent",
            rate_text(result.pnl, spent),
            f"{usd_text(spent)} spent in all",
            mood(result.pnl),
        ),
        card("At the leaders' own prices", signed_usd(numbers.at_leaders_prices), "the same orders, without any fee"),
        card(
            "What the assumptions cost",
            usd_text(numbers.assumed),
            f"delay, spread, impact; fees {usd_text(result.costs.fees)} of it",
            mood(-numbers.assumed),
        ),
        card("Of it open", usd_text(result.open_value), f"{len(result.open)} positions not paid yet"),
        card(
            "Worst fall",
            usd_text(-result.max_drawdown),
            f"{rate_text(-result.max_drawdown, _best(result))} of the best it stood at",
        ),
        card("Filled", f"{result.filled + result.partial:,}", followed),
        card("Markets won", f"{won:,}", f"of {len(result.markets):,} traded"),
        card("Most locked", usd_text(result.most_locked), "in positions waiting for their market"),
    )
    return f'<div class="cards">{"".join(cards)}</div>'


def _best(result: BacktestResult) -> int:
    """Return the most that the account was worth, as far as the curve's points tell."""
    return max(result.bankroll, result.max_drawdown, *(point.equity for point in result.equity), 0)


def doubts(result: BacktestResult) -> str:
    """Return what the data cannot tell, and for how many trades."""
    rows = "".join(
        f'<div class="doubt"><b>{doubt_percent(doubt)}</b><span>{escape(doubt.what)} '
        f'<span class="soft">({doubt.trades:,} of {doubt.of:,})</span></span>'
        f'<div class="meter"><i style="width:{doubt.share * 100:.1f}%"></i></div></div>'
        for doubt in result.cannot_tell
    )
    note = "Where the record has a gap, an assumption stands in; this is the share of trades it concerns."
    return section("What this data cannot tell", note, rows or "<p>Nothing is missing.</p>", wide=True)


def read_files(readings: Sequence[SourceReading]) -> str:
    """Return what became of each file's rows; '' where nobody counted them."""
    told = "".join(f"<p>{escape(line)}</p>" for line in reading_lines(readings))
    note = "Every row that came in is a trade, another kind of row, told before, or left out with its reason."
    return section("What was read", note, told, wide=True) if told else ""


def stopped(result: BacktestResult) -> str:
    """Return the stops that kept trades from being followed; '' where there were none."""
    told = "".join(f"<p>{escape(words[:1].upper() + words[1:])}</p>" for words in silences(result))
    note = "Nothing that happened while a stop held says anything of the leaders."
    return section("Stops that kept trades out", note, told, wide=True) if told else ""


def _section(name: str) -> str:
    title, note, wide = SECTIONS[name]
    return section(title, note, f'<div class="plot" id="{name}"></div>', wide=wide)


def _tables(result: BacktestResult) -> str:
    parts = [_leaders(result.leaders)]
    if result.open:
        parts.append(_open(result.open))
    return "".join(parts)


def _leaders(leaders: Sequence[LeaderResult]) -> str:
    columns = (
        "leader",
        "signals",
        "our orders",
        "spent",
        "our result",
        "return",
        "their spent",
        "their result",
        "return",
        "unknown",
    )
    rows = (
        (
            (short(row.leader), ""),
            (f"{row.signals:,}", ""),
            (f"{row.ours.trades:,}", ""),
            (usd_text(row.ours.spent), ""),
            (signed_usd(row.ours.pnl), mood(row.ours.pnl)),
            (rate_text(row.ours.pnl, row.ours.spent), ""),
            (usd_text(row.theirs.spent), ""),
            (signed_usd(row.theirs.pnl), mood(row.theirs.pnl)),
            (rate_text(row.theirs.pnl, row.theirs.spent), ""),
            (usd_text(row.theirs.unknown), ""),
        )
        for row in sorted(leaders, key=lambda row: -row.ours.pnl)[:MOST_ROWS]
    )
    return section("Leaders", _LEADERS, table(columns, rows), wide=True)


def _open(positions: Sequence[OpenPosition]) -> str:
    columns = ("market", "leader", "shares", "cost", "last price", "worth", "priced at, UTC")
    rows = (
        (
            (lot.title or lot.condition_id, ""),
            (short(lot.leader), ""),
            (usd_text(lot.shares), ""),
            (usd_text(lot.cost), ""),
            (usd_text(lot.price), ""),
            (usd_text(lot.value), mood(lot.value - lot.cost)),
            (moment_text(lot.priced_at_ms), ""),
        )
        for lot in sorted(positions, key=lambda lot: -lot.cost)[:MOST_ROWS]
    )
    note = f"{len(positions)} positions that no market has paid; the {min(MOST_ROWS, len(positions))} largest."
    return section("Still open", note, table(columns, rows), wide=True)


def assumed(result: BacktestResult) -> str:
    """Return every assumption and limit of a run."""
    facts = {**result.model, **{name: str(value) for name, value in result.limits.plain().items()}}
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())
    return section("Assumptions and limits", "What this was computed with.", f"<dl>{rows}</dl>", wide=True)
