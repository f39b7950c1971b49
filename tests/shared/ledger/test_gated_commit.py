"""A step of the ledger and its turn at a gate: both in one script, or neither."""

import threading
from collections.abc import Generator

import pytest
from redis import Redis

from shared.clock import ManualClock, SystemClock
from shared.domain.errors import Unavailable
from shared.domain.ledger_write import BalanceGuard, KnownWrite, LedgerWrite, RefusedWrite, WrittenStep
from shared.ledger.gated_commit import GateTurns
from shared.ledger.redis_ledger import RedisLedger
from shared.rate_limit.gate import GateLimits, RateGate
from shared.redis.client import connect_redis

pytestmark = pytest.mark.server
FAST = GateLimits(1000, burst=1000)


@pytest.fixture
def redis(valkey_url: str) -> Generator[Redis]:
    client = connect_redis(valkey_url)
    yield client
    client.close()


def turns_at(redis: Redis, limits: GateLimits, stop: threading.Event | None = None) -> GateTurns:
    return GateTurns(RateGate(redis, "orders", limits, clock=SystemClock()), stop or threading.Event())


def granted(redis: Redis) -> int:
    return RateGate(redis, "orders", FAST, clock=ManualClock()).snapshot().granted


def test_the_turn_is_taken_in_the_step_and_used_once(redis: Redis) -> None:
    ledger, turns = RedisLedger(redis, "live"), turns_at(redis, FAST)
    turns.take()
    turns.use()

    result = ledger.commit_at(turns, LedgerWrite("intent:1", (("cash", 5),)))

    assert result == WrittenStep(1)
    assert turns.taken
    assert granted(redis) == 2
    turns.use()
    assert (turns.taken, granted(redis)) == (False, 2)
    turns.use()
    assert granted(redis) == 3


def test_a_turn_that_comes_later_is_waited_for_and_the_step_follows_it(redis: Redis) -> None:
    ledger, turns = RedisLedger(redis, "live"), turns_at(redis, GateLimits(50, burst=1))

    results = [ledger.commit_at(turns, LedgerWrite(f"intent:{number}", (("cash", 5),))) for number in range(4)]

    assert results == [WrittenStep(number + 1) for number in range(4)]
    assert granted(redis) == 4
    assert ledger.accounts().values == {"cash": 20}


def test_while_everybody_holds_nothing_is_written(redis: Redis) -> None:
    stop = threading.Event()
    ledger, turns = RedisLedger(redis, "live"), turns_at(redis, FAST, stop)
    turns_at(redis, FAST).gate.throttled(60)
    threading.Timer(0.1, stop.set).start()

    with pytest.raises(Unavailable, match="stopping, nothing was sent"):
        ledger.commit_at(turns, LedgerWrite("intent:1", (("cash", 5),)))

    assert ledger.accounts().values == {}
    assert not turns.taken


def test_a_throttle_that_this_process_saw_holds_before_the_server_is_asked(redis: Redis) -> None:
    stop = threading.Event()
    ledger, turns = RedisLedger(redis, "live"), turns_at(redis, FAST, stop)
    turns.gate.fallback.hold(60)
    threading.Timer(0.1, stop.set).start()

    with pytest.raises(Unavailable):
        ledger.commit_at(turns, LedgerWrite("intent:1", (("cash", 5),)))

    assert ledger.accounts().values == {}


def test_after_a_stop_nothing_is_asked(redis: Redis) -> None:
    stop = threading.Event()
    stop.set()

    with pytest.raises(Unavailable):
        RedisLedger(redis, "live").commit_at(turns_at(redis, FAST, stop), LedgerWrite("intent:1", (("cash", 5),)))

    assert redis.keys("hs:live:*") == []


def test_guards_and_ids_hold_at_a_turn_as_without_one(redis: Redis) -> None:
    ledger, turns = RedisLedger(redis, "live"), turns_at(redis, FAST)
    first = LedgerWrite("intent:1", (("cash", 5),))

    assert ledger.commit_at(turns, first) == WrittenStep(1)
    assert ledger.commit_at(turns, first) == KnownWrite(1)
    assert ledger.commit_at(
        turns, LedgerWrite("intent:2", (("cash", -9),), guards=(BalanceGuard("cash", at_least=0),))
    ) == RefusedWrite("cash", -4, 0)


def test_many_steps_go_in_one_round_trip_each_by_itself(redis: Redis) -> None:
    ledger = RedisLedger(redis, "live")
    ledger.commit(LedgerWrite("settled:1", (("cash", 1),)))
    guarded = LedgerWrite("settled:3", (("cash", -9),), guards=(BalanceGuard("cash", at_least=0),))

    results = ledger.commit_all(
        [LedgerWrite("settled:1", (("cash", 1),)), LedgerWrite("settled:2", (("cash", 2),)), guarded]
    )

    assert results == [KnownWrite(1), WrittenStep(2), RefusedWrite("cash", -6, 0)]
    assert ledger.commit_all([]) == []
    assert ledger.accounts().values == {"cash": 3}


def test_each_thread_holds_its_own_turn(redis: Redis) -> None:
    turns = turns_at(redis, FAST)
    turns.take()
    seen: list[bool] = []

    thread = threading.Thread(target=lambda: seen.append(turns.taken))
    thread.start()
    thread.join()

    assert (turns.taken, seen) == (True, [False])
