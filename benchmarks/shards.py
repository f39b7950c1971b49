"""Orders a second through one buyer process, by the number of shards it holds.

`python -m benchmarks.shards`: paper orders that each take `LATENCY_S`, a durable server of its own. The floor is what a
shard that did nothing but wait would reach: shards / LATENCY_S. Fewer orders than that are the buyer's own work.
"""

import os
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any, cast

from buyer import composition
from buyer.config import parse_args
from buyer.market_data.price_feed import MarketPriceFeed
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.clock import SystemClock
from shared.domain.market import Book, Level, MarketFacts
from shared.domain.money import MICRO, Price, Rate, Shares, Usdc
from shared.messages.base import SIGNALS, fact_id
from shared.messages.decisions import BuyEngineDecision
from shared.messages.signals import ActionableSignal, Fill, SeenBy
from shared.redis.client import connect_redis
from shared.redis.streams import publish_event

CLOCK = SystemClock()
LATENCY_S = 0.05
SIGNALS_EACH, TOKENS, LONGEST_S = 100, 1000, 120.0
"""Signals for each shard, so that every round lasts about as long."""
COUNTS = (1, 2, 4, 8)
LEADER = "0x" + "a1" * 20
CAPS = ("MARKET", "EVENT", "GROUP", "LEADER", "DAY", "TOTAL")
ENV = {
    **{f"MAX_{cap}_USDC": "1000000" for cap in CAPS},
    "MAX_ORDERS_PER_MINUTE": "1000000",
    "PAPER_BANKROLL_USDC": "1000000",
    "PAPER_LATENCY_S": str(LATENCY_S),
    "MAX_SIGNAL_AGE_S": "3600",
    "STAKE_WINDOW_S": "0",
    "COOLDOWN_S": "0",
    "OTHER_OUTCOME": "buy",
    "BREAKER_FALL_USDC": "0",
}


class Prices:
    """Every token has the same open market and the same deep book: no time is spent on them."""

    def facts(self, token_id: str) -> tuple[MarketFacts, str]:
        """Return the facts."""
        return MarketFacts(
            token_id=token_id,
            condition_id="0x" + fact_id(token_id),
            outcome_index=0,
            outcome="Yes",
            title="Will it?",
            tick=Price(10_000),
            min_shares=Shares(5_000_000),
            fee_rate=Rate(0),
            event_id=token_id,
        ), ""

    def book(self, token_id: str) -> tuple[Book, str]:
        """Return the book of this moment."""
        level = Level(price=Price(500_000), shares=Shares(1_000_000 * MICRO))
        return Book.of(token_id, CLOCK.now_ms(), [], [level]), ""

    def snapshot(self) -> dict[str, Any]:
        """Return no numbers."""
        return {}


def a_signal(number: int) -> ActionableSignal:
    """Return a leader's buy of one of the tokens, traded now."""
    now_ms, shares, usdc = CLOCK.now_ms(), Shares(100 * MICRO), Usdc(50 * MICRO)
    return ActionableSignal(
        id=fact_id("signal", number),
        emitted_at_ms=now_ms,
        leader=LEADER,
        tx_hash="0x" + fact_id("tx", number),
        token_id=str(number % TOKENS),
        side="BUY",
        shares=shares,
        usdc=usdc,
        price=Price(500_000),
        fills=(Fill(shares=shares, usdc=usdc),),
        traded_at_ms=now_ms,
        seen_at_ms=now_ms,
        seen_by=(SeenBy(source="rtds", seen_at_ms=now_ms, lag_ms=0),),
    )


def orders_per_s(url: str, shards: int) -> float:
    """Let one process decide on everything; return how many orders a second it placed."""
    redis, stop, done, told = connect_redis(url), threading.Event(), threading.Event(), Counter[str]()
    redis.flushall()
    wanted = SIGNALS_EACH * shards
    for number in range(wanted):
        publish_event(redis, SIGNALS, a_signal(number))

    def count(decision: BuyEngineDecision) -> None:
        told[decision.verdict] += 1
        if told.total() == wanted:
            done.set()

    buyer = composition.build_buyer(
        parse_args(["--redis-url", url, "--buyer-shards", str(shards), "--tracked-wallet", LEADER]),
        stop=stop,
        emit=count,
    )
    thread = threading.Thread(target=buyer.service.run, args=(stop,))
    began = CLOCK.monotonic()
    thread.start()
    done.wait(LONGEST_S)
    took_s = CLOCK.monotonic() - began
    stop.set()
    thread.join()
    if told != {"BUY": wanted}:
        sys.exit(f"{shards} shards: expected {wanted} buys within {LONGEST_S:.0f} s, found {dict(told)}")
    return wanted / took_s


def main() -> None:
    """Print the table."""
    os.environ.update(ENV)
    composition._prices = lambda *_: cast("MarketPriceFeed", Prices())  # type: ignore[assignment]  # noqa: SLF001 - no venue here
    print(f"orders of {LATENCY_S * 1000:.0f} ms each, one process")
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder)) as server:
        for shards in COUNTS:
            rate, floor = orders_per_s(server.url, shards), shards / LATENCY_S
            print(f"{shards} shards: {rate:6.1f}/s, {rate / floor:4.0%} of the floor of {floor:.0f}/s")


if __name__ == "__main__":
    main()
