"""Books and markets in the CLOB's words: every price and size of a book is a string."""

import hashlib
from typing import Any

from simulator.core.amounts import MICRO, PRICE_ONE, TICK_TEXTS, number, plain, price_text, size_text
from simulator.core.book import Levels
from simulator.core.contracts import USDC_E
from simulator.core.market import Market
from simulator.core.world import World
from simulator.gamma.event_facts import iso

REWARDED_SHARES, REWARDED_SPREAD, REWARDED_DAILY = 50, 4.5, 30
"""Resting orders of this size, this many cents from the middle, would earn so much a day; nobody pays any here."""


def book_json(world: World, market: Market, token_id: str, now_ms: int) -> dict[str, Any]:
    """Return a book: bids rise, asks fall, the best level is the last of each."""
    outcome, tick = market.outcome_of(token_id), market.tick
    bids, asks = market.book.view(outcome)
    sides = {
        "bids": [_level(price, bids, tick) for price in sorted(bids)],
        "asks": [_level(price, asks, tick) for price in sorted(asks, reverse=True)],
    }
    _spoil(world, sides, now_ms)
    last = market.last_price
    own = None if last is None else (last if outcome == 0 else PRICE_ONE - last)
    return {
        "market": market.condition_id,
        "asset_id": token_id,
        "timestamp": str(market.book_at_ms + world.faults.skew_ms("clob", now_ms)),
        "hash": book_hash(token_id, market.book.version),
        **sides,
        "min_order_size": number(market.min_size),
        "tick_size": TICK_TEXTS[tick],
        "neg_risk": market.neg_risk,
        "last_trade_price": "" if own is None else price_text(own, tick),
    }


def book_hash(token_id: str, version: int) -> str:
    """Return the digest that names a state of a book."""
    return hashlib.sha1(f"{token_id}:{version}".encode(), usedforsecurity=False).hexdigest()


def market_json(market: Market, now_ms: int) -> dict[str, Any]:
    """Return a market as the CLOB describes it."""
    closed = market.closed(now_ms)
    winner = market.resolution.winner if closed and market.resolution else None
    tokens = [
        {
            "token_id": market.tokens[outcome],
            "outcome": market.outcomes[outcome],
            "price": float(plain(market.worth(outcome, now_ms))),
            "winner": winner == outcome,
        }
        for outcome in (0, 1)
    ]
    return {
        "enable_order_book": market.trading(now_ms),
        "active": True,
        "closed": closed,
        "archived": False,
        "accepting_orders": market.trading(now_ms),
        "accepting_order_timestamp": iso(market.start_ms),
        "minimum_order_size": market.min_size / MICRO,
        "minimum_tick_size": float(TICK_TEXTS[market.tick]),
        "condition_id": market.condition_id,
        "question_id": market.question_id,
        "question": market.question,
        "description": f"A made-up market: {market.question}",
        "fpmm": "",
        "notifications_enabled": True,
        "rewards": {"rates": rates_of(market), "min_size": REWARDED_SHARES, "max_spread": REWARDED_SPREAD},
        "market_slug": market.slug,
        "end_date_iso": iso(market.end_ms),
        "game_start_time": iso(market.end_ms) if market.category == "Sports" else None,
        "seconds_delay": market.delay_s,
        "maker_base_fee": 0,
        "taker_base_fee": 0,
        "neg_risk": market.neg_risk,
        "neg_risk_market_id": "",
        "neg_risk_request_id": "",
        "icon": market.icon,
        "image": market.icon,
        "is_50_50_outcome": bool(closed and winner is None),
        "tokens": tokens,
        "tags": [market.category],
    }


def rates_of(market: Market) -> list[dict[str, object]] | None:
    """Return what resting orders would earn a day: games pay, others do not."""
    if market.category != "Sports":
        return None
    return [{"asset_address": USDC_E, "rewards_daily_rate": REWARDED_DAILY}]


def _level(price: int, levels: Levels, tick: int) -> dict[str, str]:
    return {"price": price_text(price, tick), "size": size_text(levels[price])}


def _spoil(world: World, sides: dict[str, list[dict[str, str]]], now_ms: int) -> None:
    faults = world.faults
    if fault := faults.take("empty_book", "clob", "/book", now_ms):
        which = fault.params.get("side", "both")
        for name in ("bids", "asks") if which == "both" else (str(which),):
            sides[name].clear()
    if faults.take("crossed_book", "clob", "/book", now_ms) and sides["asks"]:
        best = sides["asks"][-1]
        sides["bids"].append({"price": sides["asks"][0]["price"], "size": best["size"]})
    if faults.take("shuffled_book", "clob", "/book", now_ms):
        for levels in sides.values():
            levels.sort(key=lambda _level: faults.pick(1_000_000))
