"""The buyer's rules by side: each says whether it passed, what it saw and what it allows. Pure.

Every rule is evaluated for every signal, in this order; the first that fails is the decision's reason.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from buyer.strategy import risk_caps, signal_filters
from buyer.strategy.decision_context import ContextBase, DecisionContext, ExitContext, Judged, required_value
from buyer.strategy.limits import TradingLimits
from buyer.strategy.sizing import GRAIN
from shared.domain.market import Side
from shared.domain.money import MICRO, micro_text

Rule = Callable[[DecisionContext], Judged]


def _not_halted(case: ContextBase) -> Judged:
    return not case.balances.halted, "on" if case.balances.halted else "off", "off"


def _not_paused(case: ContextBase) -> Judged:
    held = case.balances
    paused = "flatten" if held.flattening and not held.paused else held.paused
    return not paused or (paused != "all" and case.side == "SELL"), paused or "nothing", "not this side"


def _fresh(case: DecisionContext) -> Judged:
    age_ms, most_s = case.now_ms - case.signal.traded_at_ms, case.limits.max_signal_age_s
    return age_ms <= most_s * 1000, lambda: _seconds(age_ms), lambda: str(most_s)


def _clocks_agree(case: DecisionContext) -> Judged:
    ahead_ms, most_s = case.signal.traded_at_ms - case.now_ms, case.limits.max_clock_skew_s
    return ahead_ms <= most_s * 1000, lambda: _seconds(max(0, ahead_ms)), lambda: str(most_s)


def _market_open(case: ContextBase) -> Judged:
    facts = case.facts
    state = "closed" if facts.closed else "accepting" if facts.accepting_orders else "not accepting"
    return state == "accepting", state, "accepting"


def _inputs_known(case: ContextBase) -> Judged:
    return not case.problems, "; ".join(case.problems) or "all", "facts and book"


def _right_token(case: DecisionContext) -> Judged:
    """Check that what we would buy is the very outcome the leader traded (pitfall 15)."""
    same = case.facts.token_id == case.signal.token_id == case.seen_book.token_id
    hint = case.signal.market.condition_id
    return same and hint in ("", case.facts.condition_id), lambda: str(case.facts.outcome_index), "the leader's token"


def _owned_token(case: ExitContext) -> Judged:
    same = case.facts.token_id == case.token_id == case.seen_book.token_id
    return same, lambda: str(case.facts.outcome_index), "the lot's token"


def _leader_price(case: DecisionContext) -> Judged:
    if case.signal.cause == "MERGE":
        return True, "none: merged", "between 0 and 1"
    return 0 < case.signal.price < MICRO, case.signal.price, "between 0 and 1"


def _book_fresh(case: ContextBase) -> Judged:
    age_ms, most_s = case.now_ms - case.seen_book.at_ms, case.limits.max_book_age_s
    return age_ms <= most_s * 1000, lambda: _seconds(age_ms), lambda: str(most_s)


def _book_sane(case: ContextBase) -> Judged:
    book = case.seen_book
    state = "crossed" if book.crossed else "ok" if book.against(case.side) else "nothing to hit"
    return state == "ok", state, "ok"


def _slippage(case: DecisionContext) -> Judged:
    book = case.seen_book
    if case.side == "BUY":
        best = required_value(book.best_ask, "the best ask is")
        return best <= case.limit, best, case.limit
    best = required_value(book.best_bid, "the best bid is")
    return best >= case.limit, best, case.limit


def _stake(case: DecisionContext) -> Judged:
    """Check that the sizing stakes anything; with a stated edge that the price has eaten, it does not."""
    return case.stake > 0, lambda: f"{micro_text(case.stake)} ({case.limits.sizing})", "more than 0"


def _minimum(case: ContextBase) -> Judged:
    """Check the venue's minimum: a size that fell below it is 0."""
    smallest = case.least
    size = case.size
    return 0 < size.shares >= smallest, lambda: _size_text(case), smallest


def _size_text(case: ContextBase) -> str:
    """Return a size as it is printed: with the two decimals of an order, unless a rule of its own made it."""
    shares = case.size.shares
    if case.size.bumped:
        return f"{micro_text(shares)} (raised to the minimum)"
    return f"{shares // MICRO}.{shares % MICRO // GRAIN:02d}" if shares or case.side == "SELL" else "0"


def _fillable(case: ContextBase) -> Judged:
    return case.expected.shares > 0, case.expected.shares, "more than 0"


def _not_leaving(case: DecisionContext) -> Judged:
    """Check that we are not selling this lot: an exit would sell what we buy."""
    task = case.balances.exit
    return task is None or task.keep > 0, task.reason if task else "no exit", "no exit"


def _sells_mirrored(case: DecisionContext) -> Judged:
    return case.limits.mirror_sells != "none", case.limits.mirror_sells, "all or proportional"


def _owned_lot(case: ContextBase) -> Judged:
    """Check that we hold shares because of this leader: a sell whose buy was skipped sells nothing (pitfall 22)."""
    return case.balances.lot_shares > 0, case.balances.lot_shares, "more than 0"


def _seconds(ms: int) -> str:
    return micro_text(ms * 1000)


_BOTH: dict[str, Rule] = {
    "kill_switch": _not_halted,
    "not_paused": _not_paused,
    "inputs_known": _inputs_known,
    "signal_fresh": _fresh,
    "clocks_agree": _clocks_agree,
    "side_followed": signal_filters.side_followed,
    "market_open": _market_open,
    "right_token": _right_token,
    "leader_price": _leader_price,
    "book_fresh": _book_fresh,
    "book_sane": _book_sane,
    "slippage": _slippage,
}
RULES: dict[str, dict[str, Rule]] = {
    "BUY": {
        **_BOTH,
        "role_followed": signal_filters.role_followed,
        "markets": signal_filters.filter_markets,
        "categories": signal_filters.filter_categories,
        "keywords": signal_filters.filter_keywords,
        "time_to_end": signal_filters.time_to_end,
        "whole_trade": signal_filters.whole_trade,
        "leader_trade": signal_filters.leader_trade,
        "price_band": signal_filters.price_band,
        "book_depth": signal_filters.book_depth,
        "stake": _stake,
        "minimum_size": _minimum,
        "fillable": _fillable,
        "not_leaving": _not_leaving,
        "market_cap": risk_caps.market_cap,
        "event_cap": risk_caps.event_cap,
        "group_cap": risk_caps.group_cap,
        "leader_cap": risk_caps.leader_cap,
        "day_cap": risk_caps.day_cap,
        "total_cap": risk_caps.total_cap,
        "cash": risk_caps.check_cash,
        "day_loss": risk_caps.day_loss,
        "drawdown": risk_caps.check_drawdown,
        "order_rate": risk_caps.order_rate,
    },
    "SELL": {
        "sells_mirrored": _sells_mirrored,
        "lot_held": _owned_lot,
        **_BOTH,
        "minimum_size": _minimum,
        "fillable": _fillable,
    },
}
Look = Literal[
    "nothing", "market", "token", "price", "size", "balances", "age", "budget", "usdc", "minute", "trade", "all"
]
LOOKS_AT: dict[str, Look] = {
    **dict.fromkeys(("market_open", "markets", "categories", "keywords"), "market"),
    **dict.fromkeys(("right_token",), "token"),
    **dict.fromkeys(("leader_price", "book_sane", "slippage", "price_band", "book_depth"), "price"),
    **dict.fromkeys(("stake", "minimum_size", "fillable"), "size"),
    **dict.fromkeys(("kill_switch", "not_paused", "not_leaving", "whole_trade", "day_loss", "drawdown"), "balances"),
    **dict.fromkeys(("lot_held",), "balances"),
    **dict.fromkeys(("signal_fresh", "clocks_agree", "book_fresh"), "age"),
    **dict.fromkeys(("market_cap", "event_cap", "group_cap", "leader_cap", "day_cap", "total_cap", "cash"), "budget"),
    **dict.fromkeys(("leader_trade",), "usdc"),
    **dict.fromkeys(("order_rate",), "minute"),
    **dict.fromkeys(("role_followed", "time_to_end"), "trade"),
    **dict.fromkeys(("inputs_known", "side_followed", "sells_mirrored"), "nothing"),
}
"""What rules of a signal look at, besides its side, the limits and what could not be found out; all, if not named.

`market` is its facts; `token` the names of facts, book and signal; `price` the leader's price, the book's levels, and
the terms (tick, minimum, fee); `size` that and what a stake is reckoned from; `balances` the balances, and the part of
a trade that the signal is; `age` how old signal and book are; `budget` balances, facts, and whether the most that the
order may cost is too much; `usdc` whether the trade's collateral is enough; `minute` balances, and whether the minute
of the last order is over; `trade` anything but the book.
"""
UNASKED: dict[str, Callable[[TradingLimits], bool]] = {
    "side_followed": lambda limits: limits.sides == "both",
    "role_followed": lambda limits: limits.role == "any",
    "markets": lambda limits: not (limits.only_markets or limits.not_markets),
    "categories": lambda limits: not (limits.only_categories or limits.not_categories),
    "keywords": lambda limits: not (limits.only_keywords or limits.not_keywords),
    "time_to_end": lambda limits: not (limits.min_to_end_s or limits.max_to_end_s),
    "book_depth": lambda limits: not limits.min_depth_usdc,
}
"""Rules that ask nothing under some limits: there they fail for no signal that passes the rules before them."""
EXIT_RULES: dict[str, Callable[[ExitContext], Judged]] = {
    "kill_switch": _not_halted,
    "not_paused": _not_paused,
    "lot_held": _owned_lot,
    "inputs_known": _inputs_known,
    "market_open": _market_open,
    "right_token": _owned_token,
    "minimum_size": _minimum,
    "book_fresh": _book_fresh,
    "book_sane": _book_sane,
    "fillable": _fillable,
}
"""Fewer than a signal's: what is held must be got rid of, so neither a leader's price nor a cap stands in the way."""
OPENS_EXIT = frozenset({"sells_mirrored", "lot_held", "side_followed"})
"""Rules of a leader's sell that make it an exit, whatever keeps its first order from selling."""
TOO_SMALL = frozenset({"leader_trade", "minimum_size", "fillable"})
"""Rules that a trade fails for being small; one that fails no other is gathered with those after it."""


@lru_cache(maxsize=1024)
def asked_rules(side: Side, limits: TradingLimits) -> tuple[tuple[str, Rule], ...]:
    """Return the rules that can be a skip's reason under these limits, in order."""
    return tuple((name, rule) for name, rule in RULES[side].items() if name not in UNASKED or not UNASKED[name](limits))
