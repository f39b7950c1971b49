"""Descriptions of the buyer's rules: what each compares, in a few words with the unit. Pure."""

WORDS = {
    "kill_switch": "kill switch",
    "not_paused": "what is paused",
    "inputs_known": "what could be found out",
    "signal_fresh": "seconds since the leader's trade, at most",
    "clocks_agree": "seconds the trade lies ahead of our clock, at most",
    "side_followed": "side of the leader's trade",
    "market_open": "state of the market",
    "right_token": "outcome number, of the token traded",
    "leader_price": "leader's price",
    "book_fresh": "age of the book in seconds, at most",
    "book_sane": "state of the book",
    "trigger_holds": "what set the exit off, in this book",
    "exit_floor": "best bid, and the price below which nothing is sold",
    "slippage": "best price to hit, and our limit",
    "role_followed": "leader was maker or taker",
    "markets": "market is listed",
    "categories": "category is listed",
    "keywords": "keywords found",
    "time_to_end": "seconds to the market's planned end",
    "whole_trade": "which part of a trade told in parts",
    "leader_trade": "leader's trade in pUSD, at least",
    "price_band": "highest price we would pay",
    "book_depth": "pUSD to be had within our limit, at least",
    "stake": "pUSD to stake (sizing)",
    "minimum_size": "shares to order, at least",
    "fillable": "shares the book would fill",
    "not_leaving": "exit of this lot under way",
    "market_cap": "pUSD in this market with this order, at most",
    "event_cap": "pUSD in this event with this order, at most",
    "group_cap": "pUSD in this neg-risk event with this order, at most",
    "leader_cap": "pUSD behind this leader with this order, at most",
    "day_cap": "pUSD spent today with this order, at most",
    "total_cap": "pUSD in all markets with this order, at most",
    "cash": "pUSD in cash, and what this needs",
    "day_loss": "pUSD lost today, less than",
    "drawdown": "pUSD this leader lost from its best, less than",
    "corroborated": "who showed the leader's trade",
    "order_rate": "orders sent this minute, less than",
    "sells_mirrored": "which sells are followed",
    "lot_held": "our shares from this leader",
}


def words_of(rule: str) -> str:
    """Return what a rule compares; '' for one that this version does not know."""
    return WORDS.get(rule, "")
