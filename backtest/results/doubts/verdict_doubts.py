"""Doubts about a result, gain or loss alike: unpaid, blind, decided by an assumption, or hidden by a cap. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from backtest.results.amount_words import doubt_percent, signed_usd, usd_text
from backtest.results.doubts.hidden_trades import hidden_text
from backtest.results.result import BacktestResult, CannotTell

MOST_BLIND = Decimal("0.5")
"""Nothing counts where more than this share of orders has no price known after the leader's."""
MOST_UNREAD = Decimal("0.1")
MOST_SHUT = Decimal("0.1")
"""Trades that came too late by a reckoned closing only, or rows that could not be read: more than this decides."""

NO_BOOK = "the book that an order met"
BLIND = "how the price moved"
ASSUMED = "fees, tick and minimum size"
SHUT = "whether a signal came in time"


def result_doubts(result: BacktestResult) -> list[str]:
    """Return why a result cannot be believed, each in a sentence."""
    return [*_unpaid(result), *_blind(result), *_assumed(result), *_shut(result), *_hidden(result), *_unread(result)]


def add_doubt(result: BacktestResult, what: str) -> BacktestResult:
    """Return a result with one more question that no order of it is sure of; '' adds none."""
    orders = result.bought + result.sold
    if not (what and orders):
        return result
    doubt = CannotTell(what=what, trades=orders, of=orders)
    return result.model_copy(update={"cannot_tell": (*result.cannot_tell, doubt)})


def nothing_paid(result: BacktestResult) -> bool:
    """Say whether something was bought, and nothing of it was sold or paid out."""
    paid = any(row.ours.paid_out or row.ours.received for row in result.markets)
    return bool(result.open) and not paid and not result.realized


def _unpaid(result: BacktestResult) -> Iterator[str]:
    unrealized = result.pnl - result.realized
    if not result.open:
        return
    if nothing_paid(result):
        might = f"{signed_usd(unrealized)} pUSD is what they would bring at the last known prices."
        yield f"Nothing is paid yet: all {len(result.open)} positions are open; {might}"
    elif abs(unrealized) > abs(result.realized):
        yield f"Most of it is not paid yet: {signed_usd(unrealized)} pUSD is what open positions might bring."


def _blind(result: BacktestResult) -> Iterator[str]:
    blind = _question(result, BLIND)
    if blind and blind.share > MOST_BLIND:
        yield f"For {doubt_percent(blind)} of orders nobody knows how the price moved before ours arrived."


def _assumed(result: BacktestResult) -> Iterator[str]:
    """Name the assumption without which, or with twice of which, a loss would be none or a gain would be none."""
    costs, pnl = result.costs, result.pnl
    fees = costs.fees if _mostly(result, ASSUMED) else 0
    spread = costs.spread + costs.impact if _mostly(result, NO_BOOK) else 0
    parts = (
        (fees, "fee rate", "--fee-rate, or the markets' facts by --resolved"),
        (spread, "tick, spread and depth", "--half-spread-ticks, --level-shares, or recorded books"),
        (fees + spread, "fee rate with the assumed tick and spread", "the markets' facts, or recorded books"),
    )
    for cost, name, fix in parts:
        without = pnl + cost if pnl < 0 else pnl - cost
        if cost > 0 and (pnl < 0 <= without or without <= 0 < pnl):
            how = "without it" if pnl < 0 else "were it twice as much,"
            yield (
                f"The assumed {name} decides: it cost {usd_text(cost)} pUSD, and {how} the result would be "
                f"{signed_usd(without)}. Better than assumed: {fix}."
            )
            return


def _shut(result: BacktestResult) -> Iterator[str]:
    shut = _question(result, SHUT)
    if shut and shut.share > MOST_SHUT:
        yield (
            f"{doubt_percent(shut)} of the trades count as too late by a closing that nobody told: give its times by "
            "--resolved, or --closes-after."
        )


def _hidden(result: BacktestResult) -> Iterator[str]:
    if words := hidden_text(result):
        yield words


def _unread(result: BacktestResult) -> Iterator[str]:
    rows, unread = (sum(getattr(each, name) for each in result.history) for name in ("rows", "unread"))
    if rows and Decimal(unread) / rows > MOST_UNREAD:
        yield f"{unread:,} of {rows:,} rows of the files were left out."


def _question(result: BacktestResult, begins: str) -> CannotTell | None:
    return next((doubt for doubt in result.cannot_tell if doubt.what.startswith(begins)), None)


def _mostly(result: BacktestResult, begins: str) -> bool:
    found = _question(result, begins)
    return found is not None and found.share > MOST_BLIND
