"""Lots that ended cost nobody who looks at what is held."""

import json
import time
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from buyer.domain.token_shard import ALL, TokenShard
from buyer.execution.exit_store import ExitStore
from buyer.sharding.shard_ledger import ShardLedger
from shared.domain.ledger_accounts import Lot, cost_account, shares_account
from shared.domain.ledger_write import BalanceGuard, LedgerRecord, LedgerWrite
from shared.domain.record_kinds import INTENTS, LOTS, ORDERS
from shared.ledger.memory_ledger import MemoryLedger
from shared.ledger.port import Ledger, lot_record, open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.decisions import BuyEngineDecision
from shared.redis.client import connect_redis

pytestmark = [pytest.mark.server, pytest.mark.pitfall(64)]

LEADERS = ("0x" + "a" * 40, "0x" + "b" * 40)


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


def a_lot(number: int, shares: int = 5, cost: int = 3) -> Lot:
    leader, title = LEADERS[number % 2], f"Will the {number}th thing happen?"
    return Lot(leader, str(10**30 + number), f"0x{number:064x}", 0, title, shares, cost, "77", "", number)


def moved(number: int, shares: int, cost: int) -> tuple[tuple[str, int], ...]:
    lot = a_lot(number)
    return ((shares_account(lot.leader, lot.token_id), shares), (cost_account(lot.leader, lot.token_id), cost))


def buy(ledger: Ledger, number: int) -> None:
    ledger.commit(LedgerWrite(id=f"buy{number}", postings=moved(number, 5, 3), records=(lot_record(a_lot(number)),)))


def sell(ledger: Ledger, number: int, shares: int = 5, cost: int = 3) -> None:
    """Sell as the buyer does: the shares are set aside first, and the cost leaves with the outcome."""
    name = f"{number}:{ledger.read(()).seq}"
    ledger.commit(LedgerWrite(id=f"intent{name}", postings=moved(number, -shares, 0)))
    ledger.commit(LedgerWrite(id=f"sold{name}", postings=moved(number, 0, -cost)))


def an_order_of(lot: Lot) -> str:
    """Return what an order under way says of its lot, by the names that its decision has for them."""
    names = [name for name in BuyEngineDecision.__struct_fields__ if name in {"leader", "token_id"}]
    return json.dumps(dict(zip(names, (lot.leader, lot.token_id), strict=True)))


def keep_dead(redis: Redis, first: int, count: int) -> None:
    """Leave records of lots that ended, as ledgers of before did."""
    records = [lot_record(a_lot(number)) for number in range(first, first + count)]
    RedisLedger(redis, "paper").commit(LedgerWrite(id=f"dead{first}", records=tuple(records)))


def test_the_step_that_ends_a_lot_takes_its_record_away_and_no_other_step_does(redis: Redis) -> None:
    for ledger in (RedisLedger(redis, "paper"), MemoryLedger()):
        for number in range(3):
            buy(ledger, number)
        lot = a_lot(0)

        ledger.commit(LedgerWrite(id="intent", postings=moved(0, -5, 0)))
        assert open_lots(ledger) == [a_lot(1), a_lot(2)]
        assert lot.key in ledger.records(LOTS), "a sell under way may fail and give its shares back"
        ledger.commit(LedgerWrite(id="failed", postings=moved(0, 5, 0)))
        assert open_lots(ledger) == [a_lot(0), a_lot(1), a_lot(2)]
        sell(ledger, 0)
        sell(ledger, 1, shares=4, cost=2)

        assert open_lots(ledger) == [a_lot(1, shares=1, cost=1), a_lot(2)]
        assert ledger.records(LOTS).keys() == {a_lot(1).key, a_lot(2).key}


MOVES = {"buy": (5, 3), "sell": (-5, -3), "part": (-2, -1), "set aside": (-5, 0), "back": (5, 0)}
STEPS = st.lists(st.tuples(st.sampled_from(list(MOVES)), st.integers(0, 2)), max_size=25)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_both_ledgers_hold_the_same_lots_and_none_that_ended(redis: Redis, steps: list[tuple[str, int]]) -> None:
    redis.flushall()
    durable, memory = RedisLedger(redis, "paper"), MemoryLedger()

    for place, (what, number) in enumerate(steps):
        records = (lot_record(a_lot(number)),) if what == "buy" else ()
        for ledger in (durable, memory):
            postings = moved(number, *MOVES[what])
            guards = tuple(BalanceGuard(account, at_least=0) for account, _ in postings)
            ledger.commit(LedgerWrite(id=str(place), postings=postings, records=records, guards=guards))

    assert open_lots(durable) == open_lots(memory)
    assert durable.records(LOTS) == memory.records(LOTS)
    values = memory.values
    bought = {a_lot(number).key for what, number in steps if what == "buy"}
    held = {key for key in bought if values.get(f"shares:{key}", 0) and values.get(f"cost:{key}", 0)}
    assert held <= memory.records(LOTS).keys()


class NeverWhole(RedisLedger):
    """A ledger whose lots nobody may read all at once."""

    def records(self, kind: str) -> dict[str, str]:
        assert kind != LOTS
        return super().records(kind)

    def records_of(self, kind: str, names: Sequence[str]) -> dict[str, str]:
        self.asked = len(names)
        return super().records_of(kind, names)


def test_one_look_at_ten_thousand_lots_of_which_twenty_are_open_costs_what_twenty_cost(redis: Redis) -> None:
    ledger = NeverWhole(redis, "paper")
    tasks = ExitStore(ShardLedger(ledger, ALL), lambda: None)
    for number in range(20):
        buy(ledger, number)

    def look_s() -> float:
        took = list[float]()
        for _ in range(5):
            began = time.process_time()
            held = tasks.read()
            took.append(time.process_time() - began)
            assert [lot.key for lot in held.lots] == [a_lot(number).key for number in range(20)]
            assert ledger.asked == 20
        return min(took)

    few = look_s()
    keep_dead(redis, 20, 10_000)

    assert look_s() < 5 * few + 0.005


def test_each_shard_sees_its_own_lots(redis: Redis) -> None:
    whole = RedisLedger(redis, "paper")
    for number in range(20):
        buy(whole, number)

    parts = [open_lots(ShardLedger(whole, TokenShard(number, 2))) for number in range(2)]

    assert all(parts)
    assert sorted(lot.key for part in parts for lot in part) == sorted(a_lot(number).key for number in range(20))


def test_records_that_ledgers_of_before_left_are_forgotten_and_what_is_held_or_under_way_is_not(redis: Redis) -> None:
    for ledger in (RedisLedger(redis, "paper"), MemoryLedger()):
        for number in range(3):
            buy(ledger, number)
        dead = tuple(lot_record(a_lot(number)) for number in range(3, 500))
        under_way = tuple(
            LedgerRecord(kind, str(number), an_order_of(a_lot(number))) for kind, number in ((INTENTS, 3), (ORDERS, 4))
        )
        ledger.commit(LedgerWrite(id="before", records=(*dead, *under_way)))
        ledger.commit(LedgerWrite(id="reserved", postings=moved(1, -5, 0)))

        more = ExitStore(ledger, lambda: None).sweep(0)

        assert not more
        assert ledger.records(LOTS).keys() == {a_lot(number).key for number in range(5)}


def test_with_an_order_that_cannot_be_read_nothing_is_forgotten(redis: Redis) -> None:
    ledger = RedisLedger(redis, "paper")
    keep_dead(redis, 0, 3)
    for text in ("{", "[]", "5", '{"leader":"0xa"}'):
        ledger.commit(LedgerWrite(id=text, records=(LedgerRecord(INTENTS, "a", text),)))

        ExitStore(ledger, lambda: None).sweep(0)

        assert len(ledger.records(LOTS)) == 3
