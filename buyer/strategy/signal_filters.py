"""The filters that say which of a leader's buys are followed at all. Pure."""

from collections.abc import Iterable

from buyer.strategy.decision_context import DecisionContext
from buyer.strategy.rule import NotEvaluated, required_value, rule
from shared.domain.market import MarketFacts
from shared.domain.money import MICRO, micro_text, sum_text
from shared.domain.witnesses import is_corroborated

BLOCK_SEEN = "block_seen"
BY_SHARE = frozenset({"percent", "proportional"})
"""Sizings by which each piece of a trade gets its share, so that no piece is a second stake."""


@rule(lambda case: (case.side.lower(), case.limits.sides), lambda limits: limits.sides != "both")
def side_followed(case: DecisionContext) -> bool:
    """Check that trades of this side are followed."""
    return case.limits.sides in ("both", case.side.lower())


@rule(
    lambda case: ("ours" if case.signal.leader in case.limits.own_wallets else "not ours", "not ours"),
    lambda limits: limits.own_wallets,
)
def own_wallet(case: DecisionContext) -> bool:
    """Check that the leader is not one of our own wallets: each of our orders would set off the next (pitfall 44)."""
    return case.signal.leader not in case.limits.own_wallets


@rule(
    lambda case: ("not asked" if case.limits.role == "any" else " and ".join(sorted(_roles(case))), case.limits.role),
    lambda limits: limits.role != "any",
)
def role_followed(case: DecisionContext) -> bool:
    """Check that the leader was this in every fill; a role that nobody knows fails."""
    return case.limits.role == "any" or _roles(case) == {case.limits.role}


def _roles(case: DecisionContext) -> set[str]:
    return {required_value(fill.role, "the role of a fill is") for fill in case.signal.fills}


@rule(
    lambda case: (
        f"part {case.signal.part}, {micro_text(case.balances.market_exposure)} at risk",
        "the first part, or nothing at risk",
    ),
    lambda limits: limits.sizing not in BY_SHARE,
)
def whole_trade(case: DecisionContext) -> bool:
    """Check that a trade is staked on once: what is told of it later (`part` 1 and up) would be a second stake.

    A share of the trade, or of both bankrolls, is added for each part. Where nothing is at risk in the market, no part
    before was bought.
    """
    return case.balances.market_exposure == 0 or case.signal.part == 0 or case.limits.sizing in BY_SHARE


@rule(
    lambda case: _listed(_market_names(case.facts), case.limits.only_markets, case.limits.not_markets),
    lambda limits: limits.only_markets or limits.not_markets,
)
def filter_markets(case: DecisionContext) -> bool:
    """Check the lists of markets and events."""
    return _allowed(_market_names(case.facts), case.limits.only_markets, case.limits.not_markets)


def _market_names(facts: MarketFacts) -> Iterable[str]:
    return filter(None, (facts.condition_id, facts.slug, facts.event_slug))


@rule(
    lambda case: _listed((case.facts.category,), case.limits.only_categories, case.limits.not_categories),
    lambda limits: limits.only_categories or limits.not_categories,
)
def filter_categories(case: DecisionContext) -> bool:
    """Check the lists of categories; a list asks for one that is known."""
    only, never = case.limits.only_categories, case.limits.not_categories
    category = case.facts.category
    if not (only or never):
        return True
    if not category:
        raise NotEvaluated("the market's category is not known")
    return _allowed((category,), only, never)


@rule(
    lambda case: _word_list(case.facts, case.limits.only_keywords, case.limits.not_keywords),
    lambda limits: limits.only_keywords or limits.not_keywords,
)
def filter_keywords(case: DecisionContext) -> bool:
    """Check the lists of words in titles and slugs."""
    only, never = case.limits.only_keywords, case.limits.not_keywords
    return _allowed(_words(case.facts, only, never), only, never)


def _words(facts: MarketFacts, only: tuple[str, ...], never: tuple[str, ...]) -> list[str]:
    said = f"{facts.title} {facts.slug} {facts.event_slug}".lower()
    return [word for word in (*only, *never) if word.lower() in said]


def _word_list(facts: MarketFacts, only: tuple[str, ...], never: tuple[str, ...]) -> tuple[str, str]:
    return _listed(_words(facts, only, never), only, never)


def _allowed(found: Iterable[str], only: tuple[str, ...], never: tuple[str, ...]) -> bool:
    """Check names against an allowing and a denying list; letters' case does not matter."""
    names = {name.lower() for name in found}
    denied = names & {name.lower() for name in never}
    return not denied and (not only or bool(names & {name.lower() for name in only}))


def _listed(found: Iterable[str], only: tuple[str, ...], never: tuple[str, ...]) -> tuple[str, str]:
    lists = (f"only {', '.join(only)}" * bool(only), f"not {', '.join(never)}" * bool(never))
    return ", ".join(sorted({name.lower() for name in found})), " ".join(filter(None, lists)) or "any"


@rule(
    lambda case: _times(case) if case.limits.min_to_end_s or case.limits.max_to_end_s else ("not asked", "any"),
    lambda limits: limits.min_to_end_s or limits.max_to_end_s,
)
def time_to_end(case: DecisionContext) -> bool:
    """Check how long it is to the market's planned end."""
    least, most = case.limits.min_to_end_s, case.limits.max_to_end_s
    if not (least or most):
        return True
    left_ms = _left_ms(case)
    return left_ms >= least * 1000 and (not most or left_ms <= most * 1000)


def _times(case: DecisionContext) -> tuple[str, str]:
    return micro_text(_left_ms(case) * 1000), f"{case.limits.min_to_end_s} to {case.limits.max_to_end_s or 'any'}"


def _left_ms(case: DecisionContext) -> int:
    return required_value(case.facts.ends_at_ms, "the market's end is") - case.now_ms


@rule(lambda case: (trade_text(case), case.limits.min_leader_usdc), lambda limits: limits.min_leader_usdc)
def leader_trade(case: DecisionContext) -> bool:
    """Check that the trade, with what was gathered before it, is large enough to follow."""
    return case.trade.usdc >= case.limits.min_leader_usdc


def trade_text(case: DecisionContext) -> str:
    """Return a trade's collateral as it is printed: a sum where something was gathered before it."""
    before = case.balances.gathered if case.side == "BUY" else None
    return sum_text(case.signal.usdc, before.usdc) if before else micro_text(case.trade.usdc)


@rule(
    lambda case: (case.limit, f"{micro_text(case.limits.min_price)} to {micro_text(case.limits.max_price)}"),
    lambda limits: limits.min_price or limits.max_price < MICRO,
)
def price_band(case: DecisionContext) -> bool:
    """Check the worst price we accept."""
    return case.limits.min_price <= case.limit <= case.limits.max_price


@rule(lambda case: (case.depth_text(), case.limits.min_depth_usdc), lambda limits: limits.min_depth_usdc)
def book_depth(case: DecisionContext) -> bool:
    """Check what the book offers within our limit."""
    least, _, _ = case.limits.min_depth_usdc, case.levels, case.limit
    return not least or case.depth >= least * MICRO


@rule(lambda case: (_told(case), f"the venue, or {case.limits.min_nodes} nodes"))
def corroborated(case: DecisionContext) -> bool:
    """Check who showed the leader's trade: the venue's own feed, or enough nodes.

    A sell passes once its wait for a second word is over (the detector's `CONFIRM_WITHIN_S`): what is held must be got
    rid of even where the venue's feeds are away, and one that never was costs no more than an exit does.
    """
    if case.side == "SELL":
        return True
    return is_corroborated([seen.source for seen in case.signal.seen_by], max(1, case.limits.min_nodes))


@rule(lambda case: ("pending" if case.signal.pending else "in a block", case.limits.on_pending))
def block_seen(case: DecisionContext) -> bool:
    """Check that a trade which waits for its block may be followed before it; confirmed, it is decided on again."""
    return not case.signal.pending or case.limits.on_pending != "wait"


def _told(case: DecisionContext) -> str:
    """Return who said it, and who confirmed it after how many milliseconds."""
    seen = case.signal.seen_by
    if not seen:
        return "nobody"
    first, *others = seen
    if others:
        said = (f"{other.source} after {other.seen_at_ms - first.seen_at_ms} ms" for other in others)
        return f"{first.source}, then {', '.join(said)}"
    waited_ms = max(0, case.signal.emitted_at_ms - first.seen_at_ms)
    return f"{first.source}, nobody else in {waited_ms} ms"
