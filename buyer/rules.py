"""The buyer's rules by side: each says whether it passed, what it saw and what it allows. Pure.

Every rule is evaluated for every signal, in this order; the first that fails is the decision's reason.
"""

from collections.abc import Callable
from decimal import Decimal

from buyer.case import Case, known
from shared.money import from_micro

Rule = Callable[[Case], tuple[bool, object, object]]


def _not_halted(case: Case) -> tuple[bool, object, object]:
    return not case.balances.halted, "on" if case.balances.halted else "off", "off"


def _fresh(case: Case) -> tuple[bool, object, object]:
    age_s = Decimal(case.now_ms - case.signal.traded_at_ms) / 1000
    return age_s <= case.limits.max_signal_age_s, age_s, case.limits.max_signal_age_s


def _clocks_agree(case: Case) -> tuple[bool, object, object]:
    ahead_s = max(Decimal(0), Decimal(case.signal.traded_at_ms - case.now_ms) / 1000)
    return ahead_s <= case.limits.max_clock_skew_s, ahead_s, case.limits.max_clock_skew_s


def _market_open(case: Case) -> tuple[bool, object, object]:
    facts = case.facts
    state = "closed" if facts.closed else "accepting" if facts.accepting_orders else "not accepting"
    return state == "accepting", state, "accepting"


def _inputs_known(case: Case) -> tuple[bool, object, object]:
    return not case.problems, "; ".join(case.problems) or "all", "facts and book"


def _right_token(case: Case) -> tuple[bool, object, object]:
    """Check that what we would buy is the very outcome the leader traded (trap 15)."""
    same = case.facts.token_id == case.signal.token_id == case.seen_book.token_id
    hint = case.signal.market.condition_id
    return same and hint in ("", case.facts.condition_id), case.facts.outcome_index, "the leader's token"


def _leader_trade(case: Case) -> tuple[bool, object, object]:
    return case.signal.usdc >= case.limits.min_leader_usdc, case.signal.usdc, case.limits.min_leader_usdc


def _leader_price(case: Case) -> tuple[bool, object, object]:
    return 0 < case.signal.price < 1, case.signal.price, "between 0 and 1"


def _price_band(case: Case) -> tuple[bool, object, object]:
    low, high = case.limits.min_price, case.limits.max_price
    return low <= case.limit <= high, case.limit, f"{low} to {high}"


def _book_fresh(case: Case) -> tuple[bool, object, object]:
    age_s = Decimal(case.now_ms - case.seen_book.at_ms) / 1000
    return age_s <= case.limits.max_book_age_s, age_s, case.limits.max_book_age_s


def _book_sane(case: Case) -> tuple[bool, object, object]:
    book = case.seen_book
    state = "crossed" if book.crossed else "ok" if book.against(case.signal.side) else "nothing to hit"
    return state == "ok", state, "ok"


def _slippage(case: Case) -> tuple[bool, object, object]:
    book = case.seen_book
    if case.signal.side == "BUY":
        best = known(book.best_ask, "the best ask is")
        return best <= case.limit, best, case.limit
    best = known(book.best_bid, "the best bid is")
    return best >= case.limit, best, case.limit


def _minimum(case: Case) -> tuple[bool, object, object]:
    """Check the market's minimum: a size that fell below it is 0."""
    smallest = case.facts.min_shares
    value = f"{case.size.shares} (raised to the minimum)" if case.size.bumped else case.size.shares
    return 0 < case.size.shares >= smallest, value, smallest


def _fillable(case: Case) -> tuple[bool, object, object]:
    return case.expected.shares > 0, from_micro(case.expected.shares), "more than 0"


def _market_cap(case: Case) -> tuple[bool, object, object]:
    total = case.balances.market_exposure + from_micro(case.size.budget)
    return total <= case.limits.max_market_usdc, total, case.limits.max_market_usdc


def _day_cap(case: Case) -> tuple[bool, object, object]:
    total = case.balances.spent_today + from_micro(case.size.budget)
    return total <= case.limits.max_day_usdc, total, case.limits.max_day_usdc


def _cash(case: Case) -> tuple[bool, object, object]:
    needed = from_micro(case.size.budget)
    return case.balances.cash >= needed, case.balances.cash, needed


def _sells_mirrored(case: Case) -> tuple[bool, object, object]:
    return case.limits.mirror_sells, "on" if case.limits.mirror_sells else "off", "on"


def _lot_held(case: Case) -> tuple[bool, object, object]:
    """Check that we hold shares because of this leader: a sell whose buy was skipped sells nothing (trap 22)."""
    return case.balances.lot_shares > 0, case.balances.lot_shares, "more than 0"


_BOTH: dict[str, Rule] = {
    "kill_switch": _not_halted,
    "inputs_known": _inputs_known,
    "signal_fresh": _fresh,
    "clocks_agree": _clocks_agree,
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
        "leader_trade": _leader_trade,
        "price_band": _price_band,
        "minimum_size": _minimum,
        "fillable": _fillable,
        "market_cap": _market_cap,
        "day_cap": _day_cap,
        "cash": _cash,
    },
    "SELL": {
        "sells_mirrored": _sells_mirrored,
        "lot_held": _lot_held,
        **_BOTH,
        "minimum_size": _minimum,
        "fillable": _fillable,
    },
}
