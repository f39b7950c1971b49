"""The ledger's copy at hand: the same as the ledger, or nothing."""

import threading
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from buyer.domain.ledger_scope import scope_of
from shared.clock import ManualClock
from shared.domain.ledger_write import (
    BalanceGuard,
    Balances,
    KnownWrite,
    LedgerRecord,
    LedgerTally,
    LedgerWrite,
    Result,
    StaleLedger,
    WrittenStep,
)
from shared.ledger.local_copy import EVERY_S, LedgerCopy, MirroredLedger
from shared.ledger.redis_ledger import RedisLedger
from shared.redis.client import connect_redis

pytestmark = pytest.mark.server

ACCOUNTS = ("cash", "day", "lot", "peak", "minute", "orders", "cost:a", "shares:a")
RECORDS = (("lots", "a"), ("exits", "a"), ("intents", "s"))


@pytest.fixture
def redis(valkey_url: str) -> Generator[Redis]:
    client = connect_redis(valkey_url)
    yield client
    client.close()


class Both:
    """A mirror that was refreshed, and the ledger behind it, which others write to as well."""

    def __init__(self, redis: Redis) -> None:
        redis.flushdb()
        self.ledger, self.clock = RedisLedger(redis, "paper"), ManualClock(0)
        self.mirror = MirroredLedger(RedisLedger(redis, "paper"), self.clock)
        self.mirror.refresh()

    def agree(self) -> bool:
        """Say whether something is at hand and it is what the ledger holds."""
        return self.mirror.at_hand(ACCOUNTS, RECORDS) == self.ledger.read(ACCOUNTS, (), RECORDS)


def a_write(number: int, amount: int = 5, **more: object) -> LedgerWrite:
    return LedgerWrite(f"w{number}", (("cash", amount), ("day", 1)), **more)  # type: ignore[arg-type]  # fields of a Write


postings = st.lists(st.tuples(st.sampled_from((*ACCOUNTS[:3], *ACCOUNTS[-2:])), st.integers(-5, 5)), max_size=4).map(
    tuple
)
records = st.lists(
    st.builds(LedgerRecord, st.just("lots"), st.sampled_from("ab"), st.none() | st.sampled_from("xyz")), max_size=3
).map(tuple)
writes = st.builds(
    LedgerWrite,
    id=st.sampled_from([f"w{number}" for number in range(12)]),
    postings=postings,
    records=records,
    tallies=st.sampled_from([(), (LedgerTally("minute", "orders", 1),), (LedgerTally("minute", "orders", 2),)]),
    peaks=st.sampled_from([(), (("cash", "peak"),)]),
    guards=st.sampled_from([(), (BalanceGuard("cash", at_least=0),), (BalanceGuard("lot", at_most=3),)]),
    unless=st.sampled_from([(), ("w0",)]),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(writes, max_size=25))
def test_after_any_steps_of_ours_what_is_at_hand_is_what_the_ledger_holds(
    redis: Redis, steps: list[LedgerWrite]
) -> None:
    both = Both(redis)

    for step in steps:
        both.mirror.commit(step)

        assert both.agree()


def test_a_step_of_somebody_else_leaves_nothing_at_hand_once_ours_shows_the_gap(redis: Redis) -> None:
    both = Both(redis)
    both.ledger.commit(a_write(1))

    both.mirror.commit(a_write(2))

    assert both.mirror.at_hand(ACCOUNTS, RECORDS) is None


def test_every_record_that_a_decision_looks_at_is_at_hand_after_a_look_at_the_whole_ledger(redis: Redis) -> None:
    both, wanted = Both(redis), scope_of("0x" + "1a" * 20, "7", None, 0).names.records
    both.ledger.commit(LedgerWrite("w1", records=tuple(LedgerRecord(kind, name, "{}") for kind, name in wanted)))
    both.clock.advance(EVERY_S)
    both.mirror.forget()

    both.mirror.refresh()

    found = both.mirror.at_hand((), wanted)
    assert found is not None
    assert found.records == dict.fromkeys(wanted, "{}")


def test_a_decision_on_an_old_copy_is_refused_and_the_copy_given_up(redis: Redis) -> None:
    both = Both(redis)
    found = both.mirror.at_hand(ACCOUNTS, RECORDS)
    assert found is not None
    both.ledger.commit(a_write(1))

    result = both.mirror.commit(a_write(2, expected_seq=found.seq))

    assert result == StaleLedger(1)
    assert both.mirror.at_hand(ACCOUNTS, RECORDS) is None
    assert both.ledger.accounts().values == {"cash": 5, "day": 1}


def test_everything_is_read_again_once_a_second_at_most(redis: Redis) -> None:
    both = Both(redis)
    both.ledger.commit(a_write(1))
    both.mirror.commit(a_write(2))

    both.mirror.refresh()
    too_soon = both.mirror.at_hand(ACCOUNTS, RECORDS)
    both.clock.advance(1)
    both.mirror.refresh()

    assert too_soon is None
    assert both.agree()


def test_a_write_that_was_written_by_somebody_else_before_changes_nothing_at_hand(redis: Redis) -> None:
    both = Both(redis)
    both.mirror.commit(a_write(1))

    again = both.mirror.commit(a_write(1))

    assert again == KnownWrite(1)
    assert both.agree()


def test_only_the_thread_that_refreshes_has_something_at_hand(redis: Redis) -> None:
    both, found = Both(redis), list[Balances | None]()

    thread = threading.Thread(target=lambda: found.append(both.mirror.at_hand(ACCOUNTS, RECORDS)))
    thread.start()
    thread.join()

    assert found == [None]
    assert both.agree()


def test_steps_of_several_threads_are_carried_out_in_the_ledgers_order(redis: Redis) -> None:
    both = Both(redis)

    def work(first: int) -> None:
        for number in range(first, first + 40):
            both.mirror.commit(
                a_write(number, peaks=(("cash", "peak"),), records=(LedgerRecord("lots", "a", str(number)),))
            )

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert both.agree()


def test_a_reply_that_comes_before_an_earlier_ones_is_kept_until_that_came(redis: Redis) -> None:
    both = Both(redis)

    class Slow(RedisLedger):
        """Hands a reply on only when another step was written meanwhile."""

        def commit(self, write: LedgerWrite) -> Result:
            result = super().commit(write)
            if write.id == "w1":
                mirror.commit(a_write(2))
                between.append(mirror.at_hand(ACCOUNTS, RECORDS))
            return result

    between: list[Balances | None] = []
    mirror = both.mirror = MirroredLedger(Slow(redis, "paper"), both.clock)
    mirror.refresh()

    mirror.commit(a_write(1))

    assert between == [None]
    assert both.agree()


def test_a_copy_that_comes_to_something_else_is_read_again(redis: Redis) -> None:
    both = Both(redis)

    class Other(RedisLedger):
        """Carries out another step than it is told."""

        def commit(self, write: LedgerWrite) -> Result:
            del write
            return super().commit(a_write(2))

    mirror = MirroredLedger(Other(redis, "paper"), both.clock)
    mirror.refresh()

    mirror.commit(a_write(1, guards=(BalanceGuard("cash", at_most=0),)))

    assert mirror.at_hand(ACCOUNTS, RECORDS) is None


@pytest.mark.pitfall(30)
def test_a_copy_keeps_no_ids_and_no_events() -> None:
    copy = LedgerCopy.of(Balances(0, {}))

    for number in range(100):
        assert copy.follow(a_write(number))

    assert copy.events == []
    assert copy.follow(a_write(1))
    assert copy.commit(a_write(1)) == WrittenStep(102)


def test_while_nobody_asked_what_became_of_a_step_nothing_is_at_hand_until_everything_is_read_again(
    redis: Redis,
) -> None:
    both = Both(redis)

    both.mirror.commit_each([a_write(1), a_write(2)], [None, None])
    assert both.mirror.at_hand(ACCOUNTS, RECORDS) is None

    both.clock.advance(EVERY_S)
    both.mirror.refresh()
    assert both.agree()


def test_what_is_foreseen_is_at_hand_until_it_ends_whatever_else_is_lost_meanwhile(redis: Redis) -> None:
    both = Both(redis)

    assert both.mirror.look_ahead()
    both.mirror.foresee(a_write(1))
    both.mirror.foresee(a_write(1))
    both.mirror.forget()
    found, seq = both.mirror.at_hand(ACCOUNTS, RECORDS), both.mirror.known_seq
    both.mirror.stop_foreseeing()

    assert found is not None
    assert (found.values["cash"], seq) == (5, 0)
    assert both.mirror.at_hand(ACCOUNTS, RECORDS) is None
    assert not both.mirror.look_ahead()
