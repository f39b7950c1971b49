"""The filters that say which of a leader's buys are followed at all. Pure."""

from buyer.strategy.decision_context import DecisionContext, Judged, NotEvaluated, required_value
from shared.domain.market import MarketFacts
from shared.domain.money import MICRO, micro_text, sum_text

_BY_SHARE = frozenset({"percent", "proportional"})


def side_followed(case: DecisionContext) -> Judged:
    """Check that trades of this side are followed."""
    sides = case.limits.sides
    return sides in ("both", case.side.lower()), case.side.lower(), sides


def role_followed(case: DecisionContext) -> Judged:
    """Check that the leader was this in every fill; a role that nobody knows fails."""
    wanted = case.limits.role
    if wanted == "any":
        return True, "not asked", wanted
    roles = {required_value(fill.role, "the role of a fill is") for fill in case.signal.fills}
    return roles == {wanted}, " and ".join(sorted(roles)), wanted


def whole_trade(case: DecisionContext) -> Judged:
    """Check that a trade is staked on once: what is told of it later (`part` 1 and up) would be a second stake.

    A share of the trade, or of both bankrolls, is added for each part. Where nothing is at risk in the market, no part
    before was bought.
    """
    part, at_risk = case.signal.part, case.balances.market_exposure
    once = part == 0 or case.limits.sizing in _BY_SHARE or at_risk == 0
    return once, lambda: f"part {part}, {micro_text(at_risk)} at risk", "the first part, or nothing at risk"


def filter_markets(case: DecisionContext) -> Judged:
    """Check the lists of markets and events."""
    names = {case.facts.condition_id, case.facts.slug.lower(), case.facts.event_slug.lower()} - {""}
    return _listed(names, case.limits.only_markets, case.limits.not_markets)


def filter_categories(case: DecisionContext) -> Judged:
    """Check the lists of categories; a list asks for one that is known."""
    only, never = case.limits.only_categories, case.limits.not_categories
    category = case.facts.category.lower()
    if (only or never) and not category:
        raise NotEvaluated("the market's category is not known")
    return _listed({category}, only, never)


def filter_keywords(case: DecisionContext) -> Judged:
    """Check the lists of words in titles and slugs."""
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


def time_to_end(case: DecisionContext) -> Judged:
    """Check how long it is to the market's planned end."""
    least, most = case.limits.min_to_end_s, case.limits.max_to_end_s
    if not (least or most):
        return True, "not asked", "any"
    left_ms = required_value(case.facts.ends_at_ms, "the market's end is") - case.now_ms
    fits = left_ms >= least * 1000 and (not most or left_ms <= most * 1000)
    return fits, lambda: micro_text(left_ms * 1000), lambda: f"{least} to {most or 'any'}"


def leader_trade(case: DecisionContext) -> Judged:
    """Check that the trade, with what was gathered before it, is large enough to follow."""
    return case.trade.usdc >= case.limits.min_leader_usdc, lambda: trade_text(case), case.limits.min_leader_usdc


def trade_text(case: DecisionContext) -> str:
    """Return a trade's collateral as it is printed: a sum where something was gathered before it."""
    before = case.balances.gathered if case.side == "BUY" else None
    return sum_text(case.signal.usdc, before.usdc) if before else micro_text(case.trade.usdc)


def price_band(case: DecisionContext) -> Judged:
    """Check the worst price we accept."""
    low, high = case.limits.min_price, case.limits.max_price
    return low <= case.limit <= high, case.limit, lambda: f"{micro_text(low)} to {micro_text(high)}"


def book_depth(case: DecisionContext) -> Judged:
    """Check what the book offers within our limit."""
    return case.depth >= case.limits.min_depth_usdc * MICRO, case.depth_text, case.limits.min_depth_usdc
