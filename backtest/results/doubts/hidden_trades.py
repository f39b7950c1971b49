"""Trades that our own limits kept out, so that a result says little of the leader; and what widens them. Pure."""

from decimal import Decimal

from backtest.results.result import BacktestResult
from buyer.strategy.limits import LIMIT_NAMES, TradingLimits

FEWEST_FOLLOWED = Decimal("0.1")
"""Of a leader of whose trades less than this share was followed, a result says little."""
MOST_NAMED = 3

WIDENS = {
    "market_cap": "max_market_usdc",
    "event_cap": "max_event_usdc",
    "group_cap": "max_group_usdc",
    "leader_cap": "max_leader_usdc",
    "day_cap": "max_day_usdc",
    "total_cap": "max_total_usdc",
    "cash": "bankroll",
    "day_loss": "max_day_loss_usdc",
    "drawdown": "max_drawdown_usdc",
    "order_rate": "max_orders_per_minute",
    "stake_window": "stake_window_s",
    "cooldown": "cooldown_s",
    "other_outcome": "other_outcome",
    "leader_trade": "min_leader_usdc",
    "price_band": "min_price",
    "slippage": "max_slippage_ticks",
    "spread": "max_spread",
    "fair_price": "max_over_fair_pct",
    "others_paid": "max_over_others_pct",
    "signal_fresh": "max_signal_age_s",
    "leaves_at_once": "check_own_exits",
}
"""Each rule of ours that keeps a trade out, and the limit that widens it."""


def hidden_text(result: BacktestResult) -> str:
    """Return how few trades were followed and which limits kept the rest out; '' where that is no doubt."""
    followed = result.bought + result.sold
    kept_out = [(rule, count) for rule, count in result.skips.items() if rule in WIDENS]
    if not result.signals or Decimal(followed) / result.signals >= FEWEST_FOLLOWED or not kept_out:
        return ""
    named = "; ".join(f"{rule} {count:,} ({_widens(rule, result.limits)})" for rule, count in kept_out[:MOST_NAMED])
    return f"Only {followed:,} of {result.signals:,} trades were followed. Our own limits kept out: {named}."


def _widens(rule: str, limits: TradingLimits) -> str:
    name = WIDENS[rule]
    if name not in LIMIT_NAMES:
        return f"--{name} ... widens it"
    return f"--set {name}=... widens it, now {limits.plain()[name]}"
