"""Several buyers on one Redis: who dies or sleeps is replaced within seconds, and nothing is decided twice."""

import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from buyer.domain.token_shard import TokenShard
from ops.demo.demo import DemoWorld, read_all, settle
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DECISIONS, SIGNALS
from shared.messages.decisions import BuyEngineDecision, OrderUpdate
from shared.messages.signals import ActionableSignal
from shared.redis.client import connect_redis
from tests.process.conftest import CLOCK, Programs, end_within_15_s, wait_until
from tests.running.warm_venue import simulator
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator]

OF, LEASE_S = 4, 4.0
SHARDS = [TokenShard(number, OF) for number in range(OF)]
DAY_USDC = 60
ENV = {
    "BUYER_SHARDS": str(OF),
    "LEASE_S": str(LEASE_S),
    "POLL_EVERY_S": "0.5",
    "PAPER_LATENCY_S": "0.05",
    "MAX_SLIPPAGE_TICKS": "50",
    "MAX_DAY_USDC": str(DAY_USDC),
}


@pytest.fixture
def crowd() -> Iterator[DemoWorld]:
    with simulator(CLOCK, "--leaders", "6", "--speed", "4", "--fills-per-minute", "60", "--seed", "5") as world:
        yield world


@pytest.fixture
def starter(crowd: DemoWorld, redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[Programs]:
    programs = Programs({**crowd.environment, **ENV, "REDIS_URL": redis_server.url}, tmp_path)
    yield programs
    programs.end()


def a_buyer(programs: Programs, name: str) -> "subprocess.Popen[str]":
    return programs.start("buyer", CONSUMER=name)


def holders(redis: Redis) -> list[str]:
    """Return who took each shard last."""
    return [str(redis.hget(f"hs:lease:{shard.lease('paper')}", "holder")).partition("@")[0] for shard in SHARDS]


def shares(redis: Redis) -> Counter[str]:
    return Counter(holders(redis))


def decided(redis: Redis) -> list[str]:
    return [decision.signal_id for decision in read_all(redis, DECISIONS, BuyEngineDecision)]


def signalled(redis: Redis) -> set[str]:
    return {event.id for event in read_all(redis, SIGNALS, ActionableSignal)}


def decided_in(redis: Redis, shards: list[TokenShard]) -> int:
    found = read_all(redis, DECISIONS, BuyEngineDecision)
    return sum(any(shard.owns(decision.token_id) for shard in shards) for decision in found)


def judge(redis: Redis, crowd: DemoWorld) -> None:
    """Hold what the buyers did against what was signalled: every signal once, an order at most, no cap broken."""
    crowd.freeze()
    verdict = settle(crowd, redis, CLOCK, PATIENCE_S)
    assert verdict.clean, verdict
    wait_until(lambda: signalled(redis) <= set(decided(redis)), "every signal decided, late ones too")
    found = decided(redis)
    assert len(found) == len(set(found))
    intents = [event.signal_id for event in read_all(redis, DECISIONS, OrderUpdate) if event.state == "INTENT"]
    assert intents
    assert len(intents) == len(set(intents))
    values = RedisLedger(redis, "paper").accounts().values
    spent = [value for account, value in values.items() if account.startswith("day:")]
    assert spent
    assert max(spent) <= DAY_USDC * 1_000_000


@pytest.mark.pitfall(52)
@pytest.mark.takes(15)
def test_buyers_of_one_name_on_machines_of_one_name_share_the_work_and_stand_in_for_each_other(
    starter: Programs, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    redis = connect_redis(redis_server.url)

    def whole_names() -> Counter[str]:
        return Counter(str(redis.hget(f"hs:lease:{shard.lease('paper')}", "holder") or "") for shard in SHARDS)

    one, two = (starter.start("buyer", CONSUMER="twin", RUN_DIR=str(tmp_path / place)) for place in ("a", "b"))
    wait_until(lambda: list(whole_names().values()) == [2, 2] and "" not in whole_names())
    both = set(whole_names())

    one.kill()
    wait_until(lambda: list(whole_names().values()) == [OF])

    assert set(whole_names()) < both
    assert end_within_15_s(two) == 0


def test_who_is_killed_is_replaced_within_seconds_and_each_signal_is_decided_once(
    crowd: DemoWorld, starter: Programs, redis_server: EmbeddedRedis, record_property: Any
) -> None:
    redis = connect_redis(redis_server.url, blocking_s=1)
    one, two = (a_buyer(starter, name) for name in ("buyer-0", "buyer-1"))
    detector = starter.start("detector")
    wait_until(lambda: shares(redis) == {"buyer-0": 2, "buyer-1": 2})
    wait_until(lambda: len(decided(redis)) >= 4)
    orphans = [shard for shard, holder in zip(SHARDS, holders(redis), strict=True) if holder == "buyer-0"]

    one.kill()
    died_at = CLOCK.monotonic()
    wait_until(lambda: shares(redis) == {"buyer-1": OF})
    took_s = CLOCK.monotonic() - died_at
    known = decided_in(redis, orphans)
    wait_until(lambda: decided_in(redis, orphans) > known)
    judge(redis, crowd)

    record_property("take_over_s", round(took_s, 2))
    print(f"take-over: a dead buyer's shards are held after {took_s:.2f} s, leases of {LEASE_S:g} s")  # noqa: T201 - a figure for the log
    assert end_within_15_s(two) == 0
    assert end_within_15_s(detector) == 0


@pytest.mark.takes(13)
@pytest.mark.pitfall(21)
def test_who_slept_through_the_loss_of_its_shards_orders_nothing_and_starts_again(
    crowd: DemoWorld, starter: Programs, redis_server: EmbeddedRedis
) -> None:
    redis = connect_redis(redis_server.url, blocking_s=1)
    one, two = (a_buyer(starter, name) for name in ("buyer-0", "buyer-1"))
    starter.start("detector")
    wait_until(lambda: shares(redis) == {"buyer-0": 2, "buyer-1": 2})
    wait_until(lambda: len(decided(redis)) >= 2)

    one.send_signal(signal.SIGSTOP)
    wait_until(lambda: shares(redis) == {"buyer-1": OF})
    known = len(decided(redis))
    wait_until(lambda: len(decided(redis)) > known + 2)
    one.send_signal(signal.SIGCONT)

    assert one.wait(PATIENCE_S) == 1
    assert '"reason": "Fenced: ' in starter.log(one)
    back = a_buyer(starter, "buyer-0")
    wait_until(lambda: shares(redis) == {"buyer-0": 2, "buyer-1": 2})
    judge(redis, crowd)
    assert [end_within_15_s(process) for process in (back, two)] == [0, 0]
