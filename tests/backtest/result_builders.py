"""A result to show and judge: two leaders and a few markets, or as many bets as a test wants."""

from collections.abc import Sequence
from typing import Any

from backtest.results.result import (
    BacktestResult,
    CannotTell,
    CopyCosts,
    EquityPoint,
    LeaderResult,
    MarketResult,
    OpenPosition,
    PnlStanding,
    SignalOutcome,
)
from backtest.results.source_reading import LeftOut, SourceReading
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, TOKEN, some_limits

USD = 1_000_000
OTHER = "0x" + "b2" * 20


def a_market_result(pnl: int, number: int = 0, **changes: Any) -> MarketResult:
    """Build a market that brought `pnl` micro-units on 10 pUSD spent."""
    ours = PnlStanding(trades=2, spent=10 * USD, paid_out=10 * USD + pnl, realized=pnl)
    facts: dict[str, Any] = {
        "condition_id": f"0x{number:064x}",
        "title": f"Will it rain on day {number}?",
        "category": "Weather" if number % 2 else "Sports",
        "payouts": ("1", "0"),
        "ours": ours,
    }
    return MarketResult(**(facts | changes))


def an_outcome(**changes: Any) -> SignalOutcome:
    """Build 10 shares bought at 0.52, two cents above the leader, 2.3 s after."""
    outcome = SignalOutcome(
        signal_id="5" * 64,
        leader=LEADER,
        token_id=TOKEN,
        condition_id=CONDITION,
        side="BUY",
        verdict="BUY",
        reason="all rules passed",
        traded_at_ms=NOW_MS,
        decided_at_ms=NOW_MS + 2000,
        filled_at_ms=NOW_MS + 2300,
        leader_price=500_000,
        limit_price=520_000,
        middle=510_000,
        best=520_000,
        wanted=10 * USD,
        shares=10 * USD,
        usdc=5_200_000,
        fee=120_000,
        evidence="book",
    )
    return outcome._replace(**changes)


def a_result(bets: Sequence[int] = (3 * USD, -2 * USD), **changes: Any) -> BacktestResult:
    """Build a run whose markets brought `bets`, all of it paid."""
    pnl = sum(bets)
    markets = tuple(a_market_result(bet, number) for number, bet in enumerate(bets))
    ours = PnlStanding(trades=2, spent=10 * USD * len(bets), realized=pnl)
    theirs = PnlStanding(trades=9, spent=900 * USD, realized=30 * USD)
    facts: dict[str, Any] = {
        "sources": ("wallet.csv",),
        "limits": some_limits(),
        "model": {"delay to the decision": "constant 2 s"},
        "starts_at_ms": NOW_MS,
        "ends_at_ms": NOW_MS + 3_600_000,
        "signals": 12,
        "bought": 4,
        "sold": 1,
        "skips": {"slippage": 5, "market_cap": 2},
        "filled": 3,
        "partial": 1,
        "missed": 1,
        "bankroll": 1000 * USD,
        "cash": 1000 * USD + pnl,
        "realized": pnl,
        "most_locked": 40 * USD,
        "max_drawdown": 5 * USD,
        "costs": CopyCosts(fees=USD, delay=-USD // 2, spread=2 * USD, impact=USD // 4),
        "open": (),
        "leaders": (
            LeaderResult(leader=LEADER, signals=8, ours=ours, theirs=theirs),
            LeaderResult(leader=OTHER, signals=4, ours=PnlStanding(), theirs=theirs),
        ),
        "markets": markets,
        "equity": tuple(
            EquityPoint(NOW_MS + step * 600_000, (1000 + step % 3) * USD, 0, 0, (step % 3) * USD, 0)
            for step in range(7)
        ),
        "cannot_tell": (),
        "outcomes": tuple(an_outcome(usdc=5_000_000 + step * 50_000) for step in range(5)),
    }
    return BacktestResult(**(facts | changes))


def a_doubt(share: int, what: str = "how the price moved in the delay: nobody knows") -> CannotTell:
    """Build a question that `share` percent of the trades leave open."""
    return CannotTell(what=what, trades=share, of=100)


def a_reading(trades: int, unread: int = 0) -> SourceReading:
    """Build what was read of a file, so many of whose rows were left out."""
    left_out = (LeftOut(reason="size: expected a number, got …", rows=unread, first="row 2: n/a"),) if unread else ()
    rows = trades + unread
    return SourceReading(name="rows.json", form="the venue's rows, v1", rows=rows, trades=trades, left_out=left_out)


def an_open_position(**changes: Any) -> OpenPosition:
    """Build 10 shares that cost 5 and stand at 0.4."""
    facts: dict[str, Any] = {
        "leader": LEADER,
        "token_id": TOKEN,
        "condition_id": CONDITION,
        "title": "Will it?",
        "shares": 10 * USD,
        "cost": 5 * USD,
        "price": 400_000,
        "value": 4 * USD,
        "priced_at_ms": NOW_MS,
    }
    return OpenPosition(**(facts | changes))
