"""Builders for the buyer's tests: everything good unless a test says otherwise."""

from functools import cache
from typing import Any

from buyer.config import BuyerSettings, parse_args
from buyer.strategy.decision_context import DecisionContext
from buyer.strategy.limits import TradingLimits
from buyer.strategy.open_losses import NOTHING_LOST
from shared.domain.market import Book, Level, MarketFacts
from shared.domain.money import Price
from shared.messages.base import fact_id
from shared.messages.decisions import Portfolio
from shared.messages.service import HybridProgress
from shared.messages.signals import ActionableSignal, Fill, FillRetracted, SeenBy
from tests.amounts import D

NOW_MS = 1_790_000_010_000
LEADER = "0x" + "a1" * 20
TOKEN = "60744765380620597838491015938757963134105006684078939144555279256136397047967"
CONDITION = "0x" + "c0" * 32


def a_signal(**changes: Any) -> ActionableSignal:
    """Build a leader's buy of 100 shares at 0.50, ten seconds ago."""
    values: dict[str, Any] = {
        "emitted_at_ms": NOW_MS - 1000,
        "leader": LEADER,
        "tx_hash": "0x" + "7e" * 32,
        "token_id": TOKEN,
        "side": "BUY",
        "shares": D(100),
        "usdc": D(50),
        "price": D("0.5"),
        "traded_at_ms": NOW_MS - 10_000,
        "seen_at_ms": NOW_MS - 2000,
        "seen_by": (SeenBy(source="rtds", seen_at_ms=NOW_MS - 2000, lag_ms=8000),),
        **changes,
    }
    values.setdefault("fills", (Fill(shares=values["shares"], usdc=values["usdc"]),))
    values.setdefault("id", fact_id("signal", *(values[name] for name in ("leader", "tx_hash", "token_id", "side"))))
    return ActionableSignal(**values)


def a_market(**changes: Any) -> MarketFacts:
    """Build an open market with tick 0.01, minimum 5 shares and a fee rate of 5%."""
    values: dict[str, Any] = {
        "token_id": TOKEN,
        "condition_id": CONDITION,
        "outcome_index": 0,
        "outcome": "Yes",
        "title": "Will it?",
        "tick": D("0.01"),
        "min_shares": D(5),
        "fee_rate": D("0.05"),
        "event_id": "77",
        **changes,
    }
    return MarketFacts(**values)


def levels(*pairs: tuple[str, str]) -> list[Level]:
    """Build levels from (price, shares)."""
    return [Level(price=D(price), shares=D(shares)) for price, shares in pairs]


def a_book(
    bids: tuple[tuple[str, str], ...] = (("0.49", "100"), ("0.48", "100")),
    asks: tuple[tuple[str, str], ...] = (("0.5", "100"), ("0.51", "100")),
    *,
    at_ms: int = NOW_MS - 500,
    token_id: str = TOKEN,
    tick: Price | None = None,
) -> Book:
    """Build a book around 0.495."""
    return Book.of(token_id, at_ms, levels(*bids), levels(*asks), tick=tick)


def a_portfolio(**changes: Any) -> Portfolio:
    """Build balances of a fresh paper account with 1,000 in cash."""
    values: dict[str, Any] = {
        "seq": 1,
        "cash": D(1000),
        "spent_today": D(0),
        "market_exposure": D(0),
        "lot_shares": D(0),
        "lot_cost": D(0),
        "bankroll": D(1000),
        "minute": NOW_MS // 60_000,
        **changes,
    }
    return Portfolio(**values)


UNHURRIED: dict[str, Any] = {"stake_window_s": 0, "cooldown_s": 0, "other_outcome": "buy"}
"""What lets a test buy one token again and again."""


@cache
def some_settings(*flags: str) -> BuyerSettings:
    """Build settings from flags only, once for the same flags: they are frozen. Buys may follow each other at once."""
    found = parse_args(list(flags))
    return found.model_copy(update={name: off for name, off in UNHURRIED.items() if name not in found.model_fields_set})


def some_limits(**changes: Any) -> TradingLimits:
    """Build the default limits with changes."""
    return some_settings().limits.with_changes(**changes)


def a_case(**changes: Any) -> DecisionContext:
    """Build a case in which every rule passes."""
    values: dict[str, Any] = {
        "signal": a_signal(),
        "market": a_market(),
        "book": a_book(),
        "portfolio": a_portfolio(),
        "limits": some_limits(),
        "now_ms": NOW_MS,
        "problems": (),
        "losses": lambda: NOTHING_LOST,
        **changes,
    }
    return DecisionContext(**values)


def some_progress(*live_tokens: str) -> HybridProgress:
    """Return a detector's word that leaders are live in these tokens."""
    return HybridProgress(
        id="p",
        emitted_at_ms=1,
        detector="d",
        runtime_ms=1,
        leaders=(),
        signals=0,
        sightings=0,
        repeats=0,
        sources=(),
        live_tokens=live_tokens,
    )


def a_retraction(of: ActionableSignal, at_ms: int = NOW_MS) -> FillRetracted:
    """Build the word that a signal's trade is in no block any more."""
    return FillRetracted(
        id=fact_id("retracted", of.id),
        emitted_at_ms=at_ms,
        signal_id=of.id,
        leader=of.leader,
        tx_hash=of.tx_hash,
        token_id=of.token_id,
        side=of.side,
        source="chain_logs",
        seen_at_ms=at_ms,
        reason="a reorganisation removed it",
    )
