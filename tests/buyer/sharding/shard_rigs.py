"""Buyers of one shard each on a real server, and the signals that they share."""

from collections.abc import Callable
from typing import Any

from redis import Redis

from buyer.domain.token_shard import TokenShard
from buyer.sharding.shard_count import ShardCount
from shared.clock import Clock, ManualClock
from shared.domain import ledger_accounts
from shared.domain.market import Book, MarketFacts
from shared.domain.trading_controls import turn_control
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SIGNALS
from shared.messages.signals import ActionableSignal
from shared.redis.lease import Lease
from shared.redis.streams import publish_event
from tests.buyer.builders import a_book, a_market, a_signal
from tests.buyer.consumer_rig import Feed, Rig, a_hash

OF = 3
SHARDS = [TokenShard(number, OF) for number in range(OF)]
NOBODY_WAITS_S = 5.0


class AnyToken(Feed):
    """The same market and book for whatever token is asked for."""

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        return a_market(token_id=token_id), ""

    def book(self, token_id: str) -> tuple[Book | None, str]:
        return a_book(token_id=token_id), ""


def a_rig(url: str, shard: TokenShard, **options: Any) -> Rig:
    return Rig(url, shard=shard, prices=AnyToken(), **options)


def a_layout(redis: Redis, shards: int, clock: Clock | None = None) -> ShardCount:
    ledger = RedisLedger(redis, "paper")

    def halt(why: str) -> None:
        ledger.commit(turn_control("halt:test", on=True, who="buyer", why=why, now_ms=1))

    return ShardCount(redis, shards, clock=clock or ManualClock(), patience_s=NOBODY_WAITS_S, halt=halt)


def signals(count: int, first: int = 0) -> list[ActionableSignal]:
    return [a_signal(tx_hash=a_hash(number), token_id=str(number % 23)) for number in range(first, first + count)]


def publish_all(redis: Redis, found: list[ActionableSignal]) -> None:
    for signal in found:
        publish_event(redis, SIGNALS, signal)


def of_shard(shard: TokenShard, count: int) -> list[ActionableSignal]:
    return [signal for signal in signals(count * 20) if shard.owns(signal.token_id)][:count]


def decided(rig: Rig) -> list[str]:
    return sorted(decision.signal_id for decision in rig.decisions())


def ids(found: list[ActionableSignal]) -> list[str]:
    return sorted({signal.id for signal in found})


def a_lease(redis: Redis, layout: ShardCount, shard: TokenShard, ttl_s: float = 20) -> Lease:
    clock = ManualClock()
    return Lease(redis, shard.lease("paper"), "buyer-0", clock=clock, ttl_s=ttl_s, only_while=layout.condition)


def stops_buying(redis: Redis) -> Callable[[], bool]:
    return lambda: bool(RedisLedger(redis, "paper").read((ledger_accounts.HALT,)).values[ledger_accounts.HALT])
