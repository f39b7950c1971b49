"""The ledger: each step once, guarded, fenced; the durable one and the one in memory agree."""

import json
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from redis import Redis

from shared.clock import ManualClock, SystemClock
from shared.domain.errors import Emptied, Fenced
from shared.domain.ledger_accounts import Lot, cost_account, shares_account
from shared.domain.ledger_write import (
    BalanceGuard,
    Balances,
    FencingToken,
    KnownWrite,
    LedgerRecord,
    LedgerTally,
    LedgerWrite,
    RefusedWrite,
    StaleLedger,
    StreamAck,
    WrittenStep,
)
from shared.ledger import port
from shared.ledger.memory_ledger import MemoryLedger
from shared.ledger.port import lot_record, open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SERVICE
from shared.messages.service import ServiceHealth
from shared.redis.client import connect_redis
from shared.redis.lease import Lease

pytestmark = pytest.mark.server


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


def a_health(event_id: str = "1") -> ServiceHealth:
    return ServiceHealth(id=event_id, emitted_at_ms=1, service="buyer", instance="buyer-0", ready=True)


def test_a_step_changes_balances_records_events_and_acknowledges_together(redis: Redis) -> None:
    ledger = RedisLedger(redis, "paper")
    redis.xgroup_create("in", "buyer", id="0", mkstream=True)
    entry = redis.xadd("in", {"event": "x", "json": "{}"})
    redis.xreadgroup("buyer", "me", {"in": ">"})

    result = ledger.commit(
        LedgerWrite(
            id="w1",
            postings=(("cash", 5), ("cash", -2), ("day:1", 7)),
            records=(LedgerRecord("intents", "a", "text"),),
            events=((SERVICE, a_health()),),
            ack=StreamAck("in", "buyer", str(entry)),
        )
    )

    assert result == WrittenStep(1)
    assert ledger.read(["cash", "day:1", "other"]).values == {"cash": 3, "day:1": 7, "other": 0}
    assert ledger.records("intents") == {"a": "text"}
    assert redis.xlen(SERVICE) == 1
    assert redis.xpending("in", "buyer")["pending"] == 0


def test_the_same_step_again_changes_nothing_but_repeats_the_acknowledgement(redis: Redis) -> None:
    ledger = RedisLedger(redis, "paper")
    write = LedgerWrite(id="w1", postings=(("cash", 5),), events=((SERVICE, a_health()),))
    ledger.commit(write)

    again = ledger.commit(write)

    assert again == KnownWrite(1)
    assert ledger.read(["cash"]).values["cash"] == 5
    assert redis.xlen(SERVICE) == 1


def test_a_guard_refuses_the_whole_step_and_names_the_account(redis: Redis) -> None:
    ledger = RedisLedger(redis, "paper")

    result = ledger.commit(
        LedgerWrite(
            id="w1",
            postings=(("cash", -1), ("day:1", 5)),
            guards=(BalanceGuard("cash", at_least=0),),
            records=(LedgerRecord("a", "b", "c"),),
        )
    )

    assert result == RefusedWrite("cash", -1, 0)
    assert ledger.accounts().values == {}
    assert ledger.records("a") == {}


@pytest.mark.pitfall(21)
def test_a_holder_whose_lease_moved_on_is_fenced_off(redis: Redis) -> None:
    clock = ManualClock()
    slept = Lease(redis, "buyer", "first", clock=clock, ttl_s=0.001)
    assert slept.try_acquire() == ""
    threading.Event().wait(0.01)
    assert Lease(redis, "buyer", "second", clock=clock).try_acquire() == ""

    with pytest.raises(Fenced):
        RedisLedger(redis, "paper").commit(LedgerWrite(id="w1", postings=(("cash", 1),), fence=slept.fence))
    clock.advance(10)
    with pytest.raises(Fenced):
        slept.renew()

    assert RedisLedger(redis, "paper").accounts().values == {}


@pytest.mark.pitfall(21)
def test_a_second_holder_waits_and_the_same_one_comes_back_at_once(redis: Redis) -> None:
    clock = SystemClock()
    first = Lease(redis, "buyer", "first", clock=clock)
    assert first.try_acquire() == ""

    assert Lease(redis, "buyer", "second", clock=clock).try_acquire() == "first"
    restarted = Lease(redis, "buyer", "first", clock=clock)
    assert restarted.try_acquire() == ""
    assert int(restarted.token) > int(first.token)


def test_a_step_that_expects_another_state_is_stale(redis: Redis) -> None:
    ledger = RedisLedger(redis, "paper")
    ledger.commit(LedgerWrite(id="w1", postings=(("cash", 1),)))

    assert ledger.commit(LedgerWrite(id="w2", postings=(("cash", 1),), expected_seq=0)) == StaleLedger(1)
    assert ledger.commit(LedgerWrite(id="w2", postings=(("cash", 1),), expected_seq=1)) == WrittenStep(2)


@pytest.mark.pitfall(25)
def test_paper_and_live_never_share_a_balance(redis: Redis) -> None:
    RedisLedger(redis, "paper").commit(LedgerWrite(id="w1", postings=(("cash", 1),)))

    assert RedisLedger(redis, "live").accounts().values == {}


@pytest.mark.pitfall(30)
def test_an_account_at_zero_takes_no_memory(redis: Redis) -> None:
    ledger = RedisLedger(redis, "paper")
    ledger.commit(LedgerWrite(id="w1", postings=(("market:1", 5),)))
    ledger.commit(LedgerWrite(id="w2", postings=(("market:1", -5),)))

    assert redis.hlen("hs:paper:accounts") == 0


def test_open_lots_are_those_that_hold_shares(redis: Redis) -> None:
    ledger = RedisLedger(redis, "paper")
    lot = Lot("0xa", "1", "0xc", 1, "Who?", 5, 3)
    empty = Lot("0xb", "1", "0xc", 1, "Who?", 0, 0)
    postings = ((shares_account("0xa", "1"), 5), (cost_account("0xa", "1"), 3))
    ledger.commit(LedgerWrite(id="w1", postings=postings, records=(lot_record(lot), lot_record(empty))))

    assert open_lots(ledger) == [lot]
    assert json.loads(ledger.records("lots")["0xa:1"])["title"] == "Who?"


ACCOUNTS = st.sampled_from(["cash", "day:1", "market:1", "rate:orders", "shares:a:1", "cost:a:1", "cost:b:1"])
AMOUNTS = st.integers(-(10**12), 10**12) | st.integers(-1, 1)
WRITES = st.builds(
    LedgerWrite,
    id=st.sampled_from(list("abcdefgh")),
    postings=st.lists(st.tuples(ACCOUNTS, AMOUNTS), max_size=4).map(tuple),
    guards=st.lists(
        st.builds(BalanceGuard, account=ACCOUNTS, at_least=st.none() | AMOUNTS, at_most=st.none() | AMOUNTS),
        max_size=2,
    ).map(tuple),
    tallies=st.lists(
        st.builds(LedgerTally, st.just("rate:minute"), st.just("rate:orders"), st.integers(0, 3)), max_size=1
    ).map(tuple),
    records=st.lists(
        st.builds(LedgerRecord, kind=st.just("k"), field=st.sampled_from("xy"), value=st.none() | st.sampled_from("12"))
        | st.builds(
            LedgerRecord, kind=st.just("lots"), field=st.sampled_from(["a:1", "b:1"]), value=st.sampled_from("12")
        ),
        max_size=2,
    ).map(tuple),
    expected_seq=st.none() | st.integers(0, 8),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=st.lists(WRITES, max_size=12))
def test_memory_and_server_agree_on_every_sequence_of_steps(redis: Redis, writes: list[LedgerWrite]) -> None:
    redis.flushall()
    durable, memory = RedisLedger(redis, "paper"), MemoryLedger()

    assert [durable.commit(write) for write in writes] == [memory.commit(write) for write in writes]
    assert durable.accounts() == memory.accounts()
    assert durable.records("k") == memory.records("k")
    assert durable.records("lots") == memory.records("lots")
    assert durable.records_of("lots", ["a:1", "c"]) == memory.records_of("lots", ["a:1", "c"])
    asked = (["cash", "market:1"], list("abc"), [("k", "x"), ("k", "y")])
    assert durable.read(*asked) == memory.read(*asked)


def test_a_fence_in_memory_refuses_another_token() -> None:
    ledger = MemoryLedger()
    ledger.fence_token = "2"

    with pytest.raises(Fenced):
        ledger.commit(LedgerWrite(id="w", fence=FencingToken("lease", "1")))


@pytest.mark.pitfall(30)
def test_steps_are_remembered_up_to_a_bound_oldest_first(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port, "MOST_WRITES", 3)
    for ledger in (RedisLedger(redis, "paper"), MemoryLedger()):
        for number in range(5):
            ledger.commit(LedgerWrite(id=f"w{number}"))

        assert ledger.read((), [f"w{number}" for number in range(5)]).done == {"w2", "w3", "w4"}


def test_an_empty_record_is_a_record_in_both(redis: Redis) -> None:
    for ledger in (RedisLedger(redis, "paper"), MemoryLedger()):
        ledger.commit(LedgerWrite(id="w", records=(LedgerRecord("k", "x", ""),)))

        assert ledger.records("k") == {"x": ""}


@pytest.mark.pitfall(31)
def test_an_emptied_server_is_told_from_a_lost_lease_and_repeats_no_token(redis: Redis) -> None:
    clock = ManualClock()
    before = Lease(redis, "buyer", "first", clock=clock)
    before.try_acquire()
    redis.flushall()
    clock.advance(10)

    with pytest.raises(Emptied):
        before.renew()
    with pytest.raises(Emptied):
        RedisLedger(redis, "paper").commit(LedgerWrite(id="w", fence=before.fence))

    threading.Event().wait(0.002)
    after = Lease(redis, "buyer", "second", clock=clock)
    after.try_acquire()
    assert int(after.token) > int(before.token)


def test_a_clock_that_stepped_back_locks_nobody_out(redis: Redis) -> None:
    clock = SystemClock()
    Lease(redis, "buyer", "first", clock=clock).try_acquire()
    redis.hset("hs:lease:buyer", "until_ms", str(clock.now_ms() + 3_600_000))

    assert Lease(redis, "buyer", "second", clock=clock).try_acquire() == ""


def test_a_peak_rises_in_the_step_that_reaches_it_and_never_falls(redis: Redis) -> None:
    for ledger in (RedisLedger(redis, "paper"), MemoryLedger()):
        for number, change in enumerate((5, -3, 1, 9, -20)):
            ledger.commit(
                LedgerWrite(id=f"w{number}", postings=(("realized:a", change),), peaks=(("realized:a", "peak:a"),))
            )

        assert ledger.read(["realized:a", "peak:a"]).values == {"realized:a": -8, "peak:a": 12}


@pytest.mark.pitfall(21)
def test_steps_of_ones_own_are_no_news_and_those_of_anybody_else_are(redis: Redis) -> None:
    lease = Lease(redis, "buyer", "me", clock=SystemClock())
    assert lease.try_acquire() == ""
    for ledger in (RedisLedger(redis, "paper"), MemoryLedger()):
        ours = [LedgerWrite(f"w{number}", (("cash", 1),), fence=lease.fence, seen_seq=1) for number in range(5)]
        ledger.commit(LedgerWrite("before", (("cash", 1),)))

        together = ledger.commit_all(ours[:3])
        ledger.commit(LedgerWrite("outside", (("cash", 1),)))
        late = ledger.commit(ours[3])
        anew = ledger.commit(replace(ours[4], seen_seq=5))

        assert together == [WrittenStep(2), WrittenStep(3), WrittenStep(4)]
        assert late == StaleLedger(5)
        assert anew == WrittenStep(6)


def test_a_ledger_that_is_behind_what_was_seen_is_stale(redis: Redis) -> None:
    for ledger in (RedisLedger(redis, "paper"), MemoryLedger()):
        assert ledger.commit(LedgerWrite("w1", (("cash", 1),), seen_seq=7)) == StaleLedger(0)


def test_a_step_that_was_decided_behind_another_is_stale_unless_that_one_was_written_since(redis: Redis) -> None:
    for ledger in (RedisLedger(redis, "paper"), MemoryLedger()):
        ledger.commit(LedgerWrite("before", (("cash", 1),)))
        refused = LedgerWrite("refused", (("cash", -9),), guards=(BalanceGuard("cash", at_least=0),))
        steps = [
            LedgerWrite("behind a known one", behind="before", seen_seq=1),
            refused,
            LedgerWrite("behind a refused one", behind="refused", seen_seq=1),
        ]

        first, _, last = ledger.commit_all(steps)
        ledger.commit(LedgerWrite("now", (("cash", 1),)))
        behind = ledger.commit(LedgerWrite("behind it", behind="now"))

        assert (first, last) == (StaleLedger(1), StaleLedger(1))
        assert behind == WrittenStep(3)


def test_a_snapshot_holds_accounts_and_records_of_one_moment(redis: Redis) -> None:
    ledger = RedisLedger(redis, "paper")
    ledger.commit(LedgerWrite("w1", (("cash", 5),), records=(LedgerRecord("lots", "a", "text"),)))

    found = ledger.snapshot(("lots",))
    ledger.commit(LedgerWrite("w2", (("cash", 5),), records=(LedgerRecord("lots", "a", None),)))

    assert found.accounts() == Balances(1, {"cash": 5})
    assert found.records("lots") == found.records_of("lots", ["a", "b"]) == {"a": "text"}
