"""The buyer's rules by side: each says whether it passed, what it saw and what it allows. Pure.

Every rule is evaluated for every signal, in this order; the first that fails is the decision's reason.
"""

from collections.abc import Callable
from decimal import Decimal

from buyer.case import Case, ExitCase, NotEvaluated, Seen, budget_of, known
from shared.market import MarketFacts
from shared.money import from_micro

Judged = tuple[bool, object, object]
Rule = Callable[[Case], Judged]


def _not_halted(case: Seen) -> Judged:
    return not case.balances.halted, "on" if case.balances.halted else "off", "off"


def _not_paused(case: Seen) -> Judged:
    held = case.balances
    paused = "flatten" if held.flattening and not held.paused else held.paused
    return not paused or (paused != "all" and case.side == "SELL"), paused or "nothing", "not this side"


def _fresh(case: Case) -> Judged:
    age_s = Decimal(case.now_ms - case.signal.traded_at_ms) / 1000
    return age_s <= case.limits.max_signal_age_s, age_s, case.limits.max_signal_age_s


def _clocks_agree(case: Case) -> Judged:
    ahead_s = max(Decimal(0), Decimal(case.signal.traded_at_ms - case.now_ms) / 1000)
    return ahead_s <= case.limits.max_clock_skew_s, ahead_s, case.limits.max_clock_skew_s


def _market_open(case: Seen) -> Judged:
    facts = case.facts
    state = "closed" if facts.closed else "accepting" if facts.accepting_orders else "not accepting"
    return state == "accepting", state, "accepting"


def _inputs_known(case: Seen) -> Judged:
    return not case.problems, "; ".join(case.problems) or "all", "facts and book"


def _right_token(case: Case) -> Judged:
    """Check that what we would buy is the very outcome the leader traded (trap 15)."""
    same = case.facts.token_id == case.signal.token_id == case.seen_book.token_id
    hint = case.signal.market.condition_id
    return same and hint in ("", case.facts.condition_id), case.facts.outcome_index, "the leader's token"


def _held_token(case: ExitCase) -> Judged:
    same = case.facts.token_id == case.token_id == case.seen_book.token_id
    return same, case.facts.outcome_index, "the lot's token"


def _leader_trade(case: Case) -> Judged:
    return case.trade.usdc >= case.limits.min_leader_usdc, case.trade.usdc, case.limits.min_leader_usdc


def _leader_price(case: Case) -> Judged:
    return 0 < case.signal.price < 1, case.signal.price, "between 0 and 1"


def _side_followed(case: Case) -> Judged:
    sides = case.limits.sides
    return sides in ("both", case.side.lower()), case.side.lower(), sides


def _role_followed(case: Case) -> Judged:
    wanted = case.limits.role
    if wanted == "any":
        return True, "not asked", wanted
    roles = {known(fill.role, "the role of a fill is") for fill in case.signal.fills}
    return roles == {wanted}, " and ".join(sorted(roles)), wanted


def _markets(case: Case) -> Judged:
    names = {case.facts.condition_id, case.facts.slug.lower(), case.facts.event_slug.lower()} - {""}
    return _listed(names, case.limits.only_markets, case.limits.not_markets)


def _categories(case: Case) -> Judged:
    only, never = case.limits.only_categories, case.limits.not_categories
    category = case.facts.category.lower()
    if (only or never) and not category:
        raise NotEvaluated("the market's category is not known")
    return _listed({category}, only, never)


def _keywords(case: Case) -> Judged:
    only, never = case.limits.only_keywords, case.limits.not_keywords
    words = _words(case.facts)
    return _listed({word for word in (*only, *never) if word.lower() in words}, only, never)


def _words(facts: MarketFacts) -> str:
    return f"{facts.title} {facts.slug} {facts.event_slug}".lower()


def _listed(found: set[str], only: tuple[str, ...], never: tuple[str, ...]) -> Judged:
    """Check names against an allowing and a denying list; letters' case does not matter, an empty list asks nothing."""
    lower = {name.lower() for name in found}
    allowed = not only or bool(lower & {name.lower() for name in only})
    denied = lower & {name.lower() for name in never}
    rule = " ".join(
        part for part in (f"only {', '.join(only)}" * bool(only), f"not {', '.join(never)}" * bool(never)) if part
    )
    return allowed and not denied, ", ".join(sorted(lower)), rule or "any"


def _time_to_end(case: Case) -> Judged:
    least, most = case.limits.min_to_end_s, case.limits.max_to_end_s
    if not (least or most):
        return True, "not asked", "any"
    left_s = Decimal(known(case.facts.ends_at_ms, "the market's end is") - case.now_ms) / 1000
    return left_s >= least and (not most or left_s <= most), left_s, f"{least} to {most or 'any'}"


def _price_band(case: Case) -> Judged:
    low, high = case.limits.min_price, case.limits.max_price
    return low <= case.limit <= high, case.limit, f"{low} to {high}"


def _book_fresh(case: Seen) -> Judged:
    age_s = Decimal(case.now_ms - case.seen_book.at_ms) / 1000
    return age_s <= case.limits.max_book_age_s, age_s, case.limits.max_book_age_s


def _book_sane(case: Seen) -> Judged:
    book = case.seen_book
    state = "crossed" if book.crossed else "ok" if book.against(case.side) else "nothing to hit"
    return state == "ok", state, "ok"


def _slippage(case: Case) -> Judged:
    book = case.seen_book
    if case.side == "BUY":
        best = known(book.best_ask, "the best ask is")
        return best <= case.limit, best, case.limit
    best = known(book.best_bid, "the best bid is")
    return best >= case.limit, best, case.limit


def _book_depth(case: Case) -> Judged:
    return case.depth >= case.limits.min_depth_usdc, case.depth, case.limits.min_depth_usdc


def _stake(case: Case) -> Judged:
    """Check that the sizing stakes anything; with a stated edge that the price has eaten, it does not."""
    return case.stake > 0, f"{case.stake} ({case.limits.sizing})", "more than 0"


def _minimum(case: Seen) -> Judged:
    """Check the market's minimum: a size that fell below it is 0."""
    smallest = case.facts.min_shares
    value = f"{case.size.shares} (raised to the minimum)" if case.size.bumped else case.size.shares
    return 0 < case.size.shares >= smallest, value, smallest


def _fillable(case: Seen) -> Judged:
    return case.expected.shares > 0, from_micro(case.expected.shares), "more than 0"


def _not_leaving(case: Case) -> Judged:
    """Check that we are not selling this lot: an exit would sell what we buy."""
    task = case.balances.exit
    return task is None or task.keep > 0, task.reason if task else "no exit", "no exit"


def _market_cap(case: Case) -> Judged:
    return _below(case.balances.market_exposure + budget_of(case), case.limits.max_market_usdc)


def _event_cap(case: Case) -> Judged:
    """Check the event's cap; its id is known, or nothing is bought: without it no cap could count the cost."""
    if not case.facts.event_id or (
        case.balances.lot_shares > 0 and not (case.balances.lot and case.balances.lot.event_id)
    ):
        raise NotEvaluated("the market's event is not known")
    return _below(case.balances.event_exposure + budget_of(case), case.limits.max_event_usdc)


def _group_cap(case: Case) -> Judged:
    if not case.facts.neg_risk:
        return True, "no neg-risk event", case.limits.max_group_usdc
    return _below(case.balances.group_exposure + budget_of(case), case.limits.max_group_usdc)


def _leader_cap(case: Case) -> Judged:
    return _below(case.balances.leader_exposure + budget_of(case), case.limits.max_leader_usdc)


def _day_cap(case: Case) -> Judged:
    return _below(case.balances.spent_today + budget_of(case), case.limits.max_day_usdc)


def _total_cap(case: Case) -> Judged:
    return _below(case.balances.total_exposure + budget_of(case), case.limits.max_total_usdc)


def _below(total: Decimal, cap: Decimal) -> Judged:
    return total <= cap, total, cap


def _cash(case: Case) -> Judged:
    needed = budget_of(case)
    return case.balances.cash >= needed, case.balances.cash, needed


def _day_loss(case: Case) -> Judged:
    """Check what was realized today; a stop at 100 lets nothing be bought from a loss of 100 on."""
    lost = -case.balances.realized_today
    return lost < case.limits.max_day_loss_usdc, lost, case.limits.max_day_loss_usdc


def _drawdown(case: Case) -> Judged:
    fallen = case.balances.leader_peak - case.balances.leader_realized
    return fallen < case.limits.max_drawdown_usdc, fallen, case.limits.max_drawdown_usdc


def _order_rate(case: Case) -> Judged:
    held = case.balances
    sent = held.orders_sent if held.minute == case.now_ms // 60_000 else 0
    return sent < case.limits.max_orders_per_minute, sent, case.limits.max_orders_per_minute


def _sells_mirrored(case: Case) -> Judged:
    return case.limits.mirror_sells != "none", case.limits.mirror_sells, "all or proportional"


def _lot_held(case: Seen) -> Judged:
    """Check that we hold shares because of this leader: a sell whose buy was skipped sells nothing (trap 22)."""
    return case.balances.lot_shares > 0, case.balances.lot_shares, "more than 0"


_BOTH: dict[str, Rule] = {
    "kill_switch": _not_halted,
    "not_paused": _not_paused,
    "inputs_known": _inputs_known,
    "signal_fresh": _fresh,
    "clocks_agree": _clocks_agree,
    "side_followed": _side_followed,
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
        "role_followed": _role_followed,
        "markets": _markets,
        "categories": _categories,
        "keywords": _keywords,
        "time_to_end": _time_to_end,
        "leader_trade": _leader_trade,
        "price_band": _price_band,
        "book_depth": _book_depth,
        "stake": _stake,
        "minimum_size": _minimum,
        "fillable": _fillable,
        "not_leaving": _not_leaving,
        "market_cap": _market_cap,
        "event_cap": _event_cap,
        "group_cap": _group_cap,
        "leader_cap": _leader_cap,
        "day_cap": _day_cap,
        "total_cap": _total_cap,
        "cash": _cash,
        "day_loss": _day_loss,
        "drawdown": _drawdown,
        "order_rate": _order_rate,
    },
    "SELL": {
        "sells_mirrored": _sells_mirrored,
        "lot_held": _lot_held,
        **_BOTH,
        "minimum_size": _minimum,
        "fillable": _fillable,
    },
}
EXIT_RULES: dict[str, Callable[[ExitCase], Judged]] = {
    "kill_switch": _not_halted,
    "not_paused": _not_paused,
    "lot_held": _lot_held,
    "inputs_known": _inputs_known,
    "market_open": _market_open,
    "right_token": _held_token,
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
