"""A copyability report as one HTML file: the verdict first, then each delay, then how the leader trades."""

import json
from collections.abc import Sequence
from decimal import Decimal
from html import escape
from pathlib import Path

from backtest.report import wallet_figures as draw
from backtest.report.figures import signals
from backtest.report.page import FOOT, assumed, card, document, doubts, mood, read_files, section, stopped, table
from backtest.report.report_data import short, worst_and_best
from backtest.results.amount_words import rate_text, signed_usd, usd_text
from backtest.results.copyability import CONCENTRATED, Assessment, DelayedCopy, assess_copyability
from backtest.results.doubts.verdict_doubts import nothing_paid
from backtest.results.three_numbers import three_numbers
from backtest.results.trader_profile import RESTLESS, TOP, TWO_SIDED, TraderProfile
from backtest.settings import moment_text

CLASSES = {"no": "lost", "only fast": "unsure", "it paid": "gained", "cannot tell": "unsure"}
_PLOT = '<div class="plot" id="{}"></div>'


def write_wallet_page(copies: Sequence[DelayedCopy], profile: TraderProfile, path: Path) -> None:
    """Write the page.

    Raises:
        DependencyMissing: plotly is not installed.
    """
    path.write_text(wallet_page(copies, profile), encoding="utf-8")


def wallet_page(copies: Sequence[DelayedCopy], profile: TraderProfile) -> str:
    """Return the whole page; `copies` from the shortest delay to the longest."""
    first = copies[0].result
    drawn = {
        "results": draw.results(copies),
        "accounts": draw.accounts(copies),
        "costs": draw.costs(copies),
        "concentration": draw.concentration(profile),
        "signals": signals(first),
    }
    title = f"Could {short(profile.leader)} have been copied?"
    grid = (
        _results(copies),
        _profile(profile),
        read_files(first.history),
        stopped(first),
        doubts(first),
        _more(copies),
        _markets(copies[0]),
        assumed(first),
    )
    body = (
        _header(profile, title),
        _verdict(assess_copyability(copies, profile)),
        _cards(copies, profile),
        f'<div class="grid">{"".join(grid)}</div>',
        f"<footer>{escape(FOOT)}</footer>",
    )
    return document(title, "".join(body), {name: json.loads(str(figure.to_json())) for name, figure in drawn.items()})


def _header(profile: TraderProfile, title: str) -> str:
    traded = f"{profile.trades:,} trades for {usd_text(profile.volume)} pUSD, markets: {len(profile.markets):,}"
    when = f"{moment_text(profile.first_ms)} to {moment_text(profile.last_ms)} UTC"
    return f"<header><h1>{escape(title)}</h1><p>{escape(f'{profile.leader} · {traded} · {when}')}</p></header>"


def _verdict(found: Assessment) -> str:
    said = "".join(f"<p>{escape(reason)}</p>" for reason in found.reasons)
    return f'<div class="verdict {CLASSES[found.word]}"><strong>{escape(found.title)}</strong>{said}</div>'


def _cards(copies: Sequence[DelayedCopy], profile: TraderProfile) -> str:
    theirs = sum(row.theirs.pnl for row in copies[0].result.leaders)
    spent = sum(row.theirs.spent for row in copies[0].result.leaders)
    paid = sum(row.theirs.realized for row in copies[0].result.leaders)
    delays = [
        card(
            f"Following {copy.delay_s:g} s behind, pUSD",
            signed_usd(copy.result.pnl),
            f"of it paid {signed_usd(copy.result.realized)}; 90% of luck: {copy.luck_text}",
            "" if nothing_paid(copy.result) else mood(copy.result.pnl),
        )
        for copy in copies
    ]
    unknown = sum(row.theirs.unknown for row in copies[0].result.leaders)
    apart = f"; {usd_text(unknown)} for shares of unknown origin apart" if unknown else ""
    own = card(
        "The leader's own result, pUSD",
        signed_usd(theirs),
        f"of it paid {signed_usd(paid)}; {rate_text(theirs, spent)} of {usd_text(spent)} spent{apart}",
        mood(theirs) if paid else "",
    )
    cards = (*delays, own, _followed(copies[0]), *_habits(profile))
    return f'<div class="cards">{"".join(cards)}</div>'


def _followed(copy: DelayedCopy) -> str:
    result = copy.result
    rule, count = next(iter(result.skips.items()), ("", 0))
    note = f"of {result.signals:,} signals" + (f"; {count:,} stopped by {rule.replace('_', ' ')}" if count else "")
    return card("Orders filled", f"{result.filled + result.partial:,}", note)


def _habits(profile: TraderProfile) -> tuple[str, str, str]:
    maker = "yes" if profile.makes_markets else "no"
    return (
        card(
            "Makes markets", maker, f"{profile.two_sided:.0%} of its volume both ways", "down" if maker == "yes" else ""
        ),
        card("Trades a day", f"{profile.trades_a_day:,}", f"{profile.trades:,} in all"),
        card(
            "Concentration",
            f"{profile.concentration:.0%}",
            f"of its volume in its {TOP} largest markets",
        ),
    )


def _results(copies: Sequence[DelayedCopy]) -> str:
    columns = (
        *("delay", "orders", "filled", "spent", "at its prices", "− assumed", "= result"),  # noqa: RUF001
        *("return", "90% of luck", "verdict"),
    )
    rows = (
        (
            (f"{copy.delay_s:g} s", ""),
            (f"{copy.result.bought + copy.result.sold:,}", ""),
            (f"{copy.result.filled + copy.result.partial:,}", ""),
            (usd_text(copy.spent), ""),
            (signed_usd(three_numbers(copy.result).at_leaders_prices), ""),
            (usd_text(copy.beyond), ""),
            (signed_usd(copy.result.pnl), "" if nothing_paid(copy.result) else mood(copy.result.pnl)),
            (rate_text(copy.result.pnl, copy.spent), ""),
            (copy.luck_text, ""),
            (copy.verdict.word, ""),
        )
        for copy in copies
    )
    note = (
        "In pUSD: what the same orders would have brought at the leader's own prices without fees, less what delay, "
        "spread, impact and fees took as recorded or assumed, is what a follower is left with. The bars hold 90% of "
        "what the same markets would have brought with other luck: where they cross 0, nobody can tell."
    )
    return section("What following brought, by delay", note, _PLOT.format("results") + table(columns, rows), wide=True)


def _profile(profile: TraderProfile) -> str:
    meters = (
        (profile.two_sided, TWO_SIDED, "of its volume is cancelled by its own opposite trades in the same market"),
        (profile.concentration, CONCENTRATED, f"of its volume is in its {TOP} largest markets"),
    )
    said = "".join(
        f'<div class="doubt"><b>{share:.0%}</b><span>{escape(words)} '
        f'<span class="soft">({"at or above" if share >= limit else "below"} {limit:.0%})</span></span>'
        f'<div class="meter"><i style="width:{share * 100:.1f}%"></i></div></div>'
        for share, limit, words in meters
    )
    note = (
        f"A market maker trades both ways (from {TWO_SIDED:.0%} of volume) and often (from {RESTLESS} trades a day; "
        f"this one {profile.trades_a_day:,}): it earns the spread that a follower pays."
    )
    lines = section("Concentration", "Share of its volume in its largest markets.", _PLOT.format("concentration"))
    return section("How the leader trades", note, said) + lines


def _more(copies: Sequence[DelayedCopy]) -> str:
    shortest = f"{copies[0].delay_s:g} s"
    return "".join(
        (
            section(
                "The account over time",
                "In pUSD; open positions at the last known price, before the fee of selling them.",
                _PLOT.format("accounts"),
            ),
            section(
                "What following cost",
                "In pUSD beyond the leader's own prices; below 0 is a gain.",
                _PLOT.format("costs"),
            ),
            section(
                f"What became of its trades, {shortest} behind",
                "Each skip under the first rule that said no.",
                _PLOT.format("signals"),
                wide=True,
            ),
        )
    )


def _markets(copy: DelayedCopy) -> str:
    rows = worst_and_best(copy.result)
    whole = sum((abs(row.amount) for row in rows), 0) or 1
    cells = (
        ((row.name, ""), (signed_usd(row.amount), mood(row.amount)), (f"{Decimal(abs(row.amount)) / whole:.0%}", ""))
        for row in rows
    )
    note = f"What following {copy.delay_s:g} s behind brought in each, in pUSD; {len(copy.result.markets):,} in all."
    return section("Markets: best and worst", note, table(("market", "result", "of all shown"), cells), wide=True)
