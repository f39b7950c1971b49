"""The buyer's rules by side: each says whether it passes, and shows what it saw and what it allows. Pure.

They are asked in this order; the first that fails is the decision's reason, and a decision tells what each of them saw.
A protection whose setting is off (`SWITCHED`) stands in no decision: sessions of before it are decided as they were.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

from buyer.strategy import market_quality, repeat_buys, risk_caps, signal_filters
from buyer.strategy.decision_context import ContextBase, DecisionContext, ExitContext
from buyer.strategy.exits import sale_rules
from buyer.strategy.exits.exit_triggers import TRIGGER
from buyer.strategy.exits.mirrored_sales import LATER_SALE, SMALL_SALE
from buyer.strategy.limits import TradingLimits
from buyer.strategy.rule import NotEvaluated, Passes, Rule, rule
from buyer.strategy.sizing import GRAIN
from shared.domain.market import Side, of_protocol_v2, positions_of
from shared.domain.money import MICRO, Price, micro_text
from shared.messages.decisions import FLOOR


@rule(lambda case: ("on" if case.balances.halted else "off", "off"))
def _not_halted(case: ContextBase) -> bool:
    return not case.balances.halted


@rule(lambda case: (_paused(case) or "nothing", "not this side"))
def _not_paused(case: ContextBase) -> bool:
    paused = _paused(case)
    return not paused or (paused != "all" and case.side == "SELL")


def _paused(case: ContextBase) -> str:
    held = case.balances
    return held.paused or ("flatten" if held.flattening else "unfollowed" if held.unfollowed else "")


@rule(lambda case: (_seconds(case.now_ms - case.signal.traded_at_ms), str(case.limits.max_signal_age_s)))
def _fresh(case: DecisionContext) -> bool:
    return case.now_ms - case.signal.traded_at_ms <= case.limits.max_signal_age_s * 1000


@rule(lambda case: (_seconds(max(0, case.signal.traded_at_ms - case.now_ms)), str(case.limits.max_clock_skew_s)))
def _clocks_agree(case: DecisionContext) -> bool:
    return case.signal.traded_at_ms - case.now_ms <= case.limits.max_clock_skew_s * 1000


@rule(lambda case: (_market_state(case), "accepting"))
def _market_open(case: ContextBase) -> bool:
    return case.facts.accepting_orders and not case.facts.closed and not _unredeemable(case)


def _unredeemable(case: ContextBase) -> bool:
    """Say whether a buy's winnings would stay where they are: Protocol V2 redeems by condition, not by token."""
    condition = case.facts.condition_id
    return case.side == "BUY" and of_protocol_v2(condition) and case.facts.token_id not in positions_of(condition)


def _market_state(case: ContextBase) -> str:
    if _unredeemable(case):
        return "a token of Protocol V2 that is no position of its condition"
    return "closed" if case.facts.closed else "accepting" if case.facts.accepting_orders else "not accepting"


@rule(lambda case: ("; ".join(case.problems) or "all", "facts and book"))
def _inputs_known(case: ContextBase) -> bool:
    return not case.problems


@rule(lambda case: (str(case.facts.outcome_index), "the leader's token"))
def _right_token(case: DecisionContext) -> bool:
    """Check that what we would buy is the very outcome the leader traded (pitfall 15)."""
    facts, hint = case.facts, case.signal.market.condition_id
    same = facts.token_id == case.token_id == case.seen_book.token_id
    return same and (not hint or hint == facts.condition_id)


@rule(lambda case: (str(case.facts.outcome_index), "the lot's token"))
def _owned_token(case: ExitContext) -> bool:
    return case.facts.token_id == case.token_id == case.seen_book.token_id


@rule(lambda case: ("none: merged" if case.signal.cause == "MERGE" else case.signal.price, "between 0 and 1"))
def _leader_price(case: DecisionContext) -> bool:
    return case.signal.cause == "MERGE" or 0 < case.signal.price < MICRO


@rule(lambda case: (_seconds(case.now_ms - case.seen_book.at_ms), str(case.limits.max_book_age_s)))
def _book_fresh(case: ContextBase) -> bool:
    return case.now_ms - case.seen_book.at_ms <= case.limits.max_book_age_s * 1000


@rule(lambda case: ("crossed" if case.seen_book.crossed else "ok" if case.levels else "nothing to hit", "ok"))
def _book_sane(case: ContextBase) -> bool:
    return bool(case.levels) and not case.seen_book.crossed


@rule(lambda case: (_best(case), case.limit))
def _slippage(case: DecisionContext) -> bool:
    best = _best(case)
    return best <= case.limit if case.side == "BUY" else best >= case.limit


def _best(case: DecisionContext) -> Price:
    """Return the best price that we could trade at."""
    if not case.levels:
        raise NotEvaluated(f"the best {'ask' if case.side == 'BUY' else 'bid'} is not known")
    return case.levels[0].price


@rule(lambda case: (f"{micro_text(case.stake)} ({case.limits.sizing})", "more than 0"))
def _stake(case: DecisionContext) -> bool:
    """Check that the sizing stakes anything; with a stated edge that the price has eaten, it does not."""
    return case.stake > 0


@rule(lambda case: (_size_text(case), case.least))
def _minimum(case: ContextBase) -> bool:
    """Check the venue's minimum: a size that fell below it is 0."""
    shares = case.size.shares
    return shares > 0 and shares >= case.least


def _size_text(case: ContextBase) -> str:
    """Return a size as it is printed: with the two decimals of an order, unless a rule of its own made it."""
    shares = case.size.shares
    if case.size.bumped:
        return f"{micro_text(shares)} (raised to the minimum)"
    return f"{shares // MICRO}.{shares % MICRO // GRAIN:02d}" if shares or case.side == "SELL" else "0"


@rule(lambda case: (case.expected.shares, "more than 0"))
def _fillable(case: ContextBase) -> bool:
    return case.expected.shares > 0


@rule(lambda case: (case.balances.exit.reason if case.balances.exit else "no exit", "no exit"))
def _not_leaving(case: DecisionContext) -> bool:
    """Check that we are not selling this lot: an exit would sell what we buy."""
    return case.balances.exit is None or case.balances.exit.keep > 0


@rule(lambda case: (case.limits.mirror_sells, "all or proportional"))
def _sells_mirrored(case: DecisionContext) -> bool:
    return case.limits.mirror_sells != "none"


@rule(lambda case: (case.balances.lot_shares, "more than 0"))
def _owned_lot(case: ContextBase) -> bool:
    """Check that we hold shares because of this leader: a sell whose buy was skipped sells nothing (pitfall 22)."""
    return case.balances.lot_shares > 0


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
        "own_wallet": signal_filters.own_wallet,
        "spread": market_quality.check_spread,
        "fair_price": market_quality.fair_price,
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
        "liquidity": market_quality.check_liquidity,
        "not_leaving": _not_leaving,
        "leaves_at_once": market_quality.leaves_at_once,
        LATER_SALE: sale_rules.not_sold_later,
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
        repeat_buys.OTHER_OUTCOME: repeat_buys.other_outcome,
        "stake_window": repeat_buys.check_stake_window,
        "cooldown": repeat_buys.check_cooldown,
        "corroborated": signal_filters.corroborated,
        signal_filters.BLOCK_SEEN: signal_filters.block_seen,
        "others_paid": market_quality.others_paid,  # last: it adds up what a token's newest trades were
    },
    "SELL": {
        "sells_mirrored": _sells_mirrored,
        "lot_held": _owned_lot,
        SMALL_SALE: sale_rules.sells_enough,
        **{name: rule for name, rule in _BOTH.items() if name != "slippage"},
        FLOOR: sale_rules.above_floor,
        "slippage": _slippage,
        "minimum_size": _minimum,
        "fillable": _fillable,
        "corroborated": signal_filters.corroborated,
    },
}
SWITCHED: dict[str, Callable[[TradingLimits], bool]] = {
    "own_wallet": lambda limits: limits.check_own_wallets,
    "spread": lambda limits: bool(limits.max_spread),
    "fair_price": lambda limits: bool(limits.max_over_fair_pct),
    "others_paid": lambda limits: bool(limits.max_over_others_pct),
    "liquidity": lambda limits: bool(limits.min_resale_pct or limits.min_liquidity_usdc),
    "leaves_at_once": lambda limits: limits.check_own_exits,
    repeat_buys.OTHER_OUTCOME: lambda limits: limits.other_outcome != "buy",
    "stake_window": lambda limits: bool(limits.stake_window_s),
    "cooldown": lambda limits: bool(limits.cooldown_s),
    "corroborated": lambda limits: limits.min_nodes > 1,
    signal_filters.BLOCK_SEEN: lambda limits: limits.on_pending != "follow",
    FLOOR: lambda limits: limits.floors,
    TRIGGER: lambda limits: limits.looks_twice,
    SMALL_SALE: lambda limits: bool(limits.min_leader_sell_pct),
    LATER_SALE: lambda limits: limits.check_later_sale,
}
"""Protections that a setting switches on; each says whether it is."""
EXIT_RULES: dict[str, Rule] = {
    "kill_switch": _not_halted,
    "not_paused": _not_paused,
    "lot_held": _owned_lot,
    "inputs_known": _inputs_known,
    "market_open": _market_open,
    "right_token": _owned_token,
    "minimum_size": _minimum,
    "book_fresh": _book_fresh,
    "book_sane": _book_sane,
    TRIGGER: sale_rules.trigger_holds,
    FLOOR: sale_rules.above_floor,
    "fillable": _fillable,
}
"""Fewer than a signal's: what is held must be got rid of, so neither a leader's price nor a cap stands in the way."""
OPENS_EXIT = frozenset({"sells_mirrored", "lot_held", SMALL_SALE, "side_followed"})
"""Rules of a leader's sell that make it an exit, whatever keeps its first order from selling."""
TOO_SMALL = frozenset({"leader_trade", "minimum_size", "fillable"})
"""Rules that a trade fails for being small; one that fails no other is gathered with those after it."""


class RuleSet(dict[str, Rule]):
    """The rules that stand in a decision by some limits, in order; `judged` are those that can fail under them."""

    def __init__(self, rules: Mapping[str, Rule], limits: TradingLimits) -> None:
        super().__init__({name: rule for name, rule in rules.items() if name not in SWITCHED or SWITCHED[name](limits)})
        self.judged: dict[Passes, str] = {rule.passes: name for name, rule in self.items() if rule.can_fail(limits)}


@lru_cache(maxsize=1024)
def rules_of(side: Side, limits: TradingLimits) -> RuleSet:
    """Return the rules of a signal of this side."""
    return RuleSet(RULES[side], limits)


@lru_cache(maxsize=1024)
def exit_rules(limits: TradingLimits) -> RuleSet:
    """Return the rules of an exit's attempt."""
    return RuleSet(EXIT_RULES, limits)
