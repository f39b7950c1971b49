"""Lanes: signals of different tokens at once, those of one token in their order, and no failure lost."""

import threading
from functools import partial

import pytest

from buyer.token_executor import TokenExecutor
from shared.domain.errors import Fenced, OutcomeUnknown, Unavailable
from shared.messages.events import write_event
from shared.messages.signals import MarketHint
from shared.redis.streams import StreamEntry
from tests.buyer.builders import CONDITION, a_signal
from tests.waiting import PATIENCE_S

GOES_ON = threading.Event()


def an_entry(number: int, token: int | None) -> StreamEntry:
    named = "" if token is None else f'"token_id":"{token}"'
    return StreamEntry("hs:signals", f"{number}-0", {"json": "{" + named + "}"})


def nothing() -> None:
    pass


def test_signals_of_one_token_stay_in_order_and_all_are_handled() -> None:
    entries = [an_entry(number, token=number % 5) for number in range(60)]
    seen: list[StreamEntry] = []

    TokenExecutor(4).run(entries, seen.append, GOES_ON, nothing)

    assert sorted(seen, key=lambda entry: int(entry.id[:-2])) == entries
    for token in range(5):
        mine = [entry.id for entry in seen if entry.json == an_entry(0, token).json]
        assert mine == [entry.id for entry in entries[token::5]]


@pytest.mark.pitfall(22)
def test_a_sell_never_overtakes_its_buy_though_only_one_of_them_names_the_market() -> None:
    buy = a_signal(market=MarketHint(condition_id=CONDITION))
    sell = a_signal(side="SELL", tx_hash="0x" + "88" * 32)
    entries = [StreamEntry("hs:signals", signal.id, {"json": write_event(signal)}) for signal in (buy, sell)]
    done: list[tuple[str, threading.Thread]] = []

    TokenExecutor(2).run(entries, lambda entry: done.append((entry.id, threading.current_thread())), GOES_ON, nothing)

    here = threading.current_thread()
    assert done == [(buy.id, here), (sell.id, here)]


def test_two_tokens_are_worked_on_at_once() -> None:
    both = threading.Barrier(2, timeout=PATIENCE_S)

    TokenExecutor(2).run([an_entry(1, 1), an_entry(2, 2)], lambda _: both.wait(), GOES_ON, nothing)

    assert not both.broken


def test_what_names_no_token_is_taken_for_one_token_and_done_in_the_callers_thread() -> None:
    threads: list[threading.Thread] = []

    TokenExecutor(4).run(
        [an_entry(n, None) for n in range(3)], lambda _: threads.append(threading.current_thread()), GOES_ON, nothing
    )

    assert threads == [threading.current_thread()] * 3


def test_one_lane_alone_is_the_callers_thread_and_renews_before_each_entry() -> None:
    done: list[str] = []

    TokenExecutor().run(
        [an_entry(1, 1), an_entry(2, 2)], lambda entry: done.append(entry.id), GOES_ON, lambda: done.append("-")
    )

    assert done == ["-", "1-0", "-", "2-0"]


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_failure_ends_the_run_and_is_raised(lanes: int) -> None:
    done: list[str] = []

    def handle(entry: StreamEntry) -> None:
        done.append(entry.id)
        raise OutcomeUnknown(entry.id)

    with pytest.raises(OutcomeUnknown):
        TokenExecutor(lanes).run([an_entry(n, n % 3) for n in range(30)], handle, GOES_ON, nothing)

    assert len(done) <= lanes


def test_what_trying_again_cannot_cure_is_raised_first() -> None:
    together = threading.Barrier(2, timeout=PATIENCE_S)

    def handle(entry: StreamEntry) -> None:
        together.wait()
        raise Fenced("another buyer") if entry.id == "2-0" else Unavailable("away")

    with pytest.raises(Fenced):
        TokenExecutor(2).run([an_entry(1, 1), an_entry(2, 2)], handle, GOES_ON, nothing)


@pytest.mark.parametrize("lanes", [1, 3])
def test_after_a_stop_nothing_more_is_begun(lanes: int) -> None:
    stop, done = threading.Event(), list[str]()

    def handle(entry: StreamEntry) -> None:
        done.append(entry.id)
        stop.set()

    TokenExecutor(lanes).run([an_entry(n, n % 3) for n in range(30)], handle, stop, nothing)

    assert 1 <= len(done) <= lanes


def test_a_lost_lease_is_noticed_while_lanes_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("buyer.token_executor.MEANWHILE_S", 0.001)
    lost = threading.Event()

    def renew() -> None:
        lost.set()
        raise Fenced("another buyer")

    with pytest.raises(Fenced):
        TokenExecutor(2).run([an_entry(1, 1), an_entry(2, 2)], lambda _: lost.wait(5), GOES_ON, renew)


def lane_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("lane")}


def test_lanes_that_are_closed_leave_no_thread_and_may_be_used_again() -> None:
    before = lane_threads()
    lanes, done = TokenExecutor(4), list[str]()
    assert lane_threads() == before, "threads begin with the first entries that need them"

    for _ in range(2):
        lanes.run([an_entry(1, 1), an_entry(2, 2)], lambda entry: done.append(entry.id), GOES_ON, nothing)
        assert lane_threads() > before
        lanes.close()
        assert lane_threads() == before

    assert sorted(done) == ["1-0", "1-0", "2-0", "2-0"]


def test_a_work_that_answers_late_holds_up_no_other() -> None:
    free, lanes = threading.Event(), TokenExecutor(2)

    def slow() -> list[int]:
        free.wait(PATIENCE_S)
        return [1]

    with lanes.works(nothing, int) as works:
        works.begin(slow)
        works.begin(lambda: [2])
        first = works.finished(wait=True)
        free.set()
        while works.busy:
            first += works.finished(wait=True)
    lanes.close()

    assert first == [2, 1]


@pytest.mark.parametrize("lanes", [1, 2])
def test_after_a_failure_only_what_is_owed_is_done_and_the_failure_is_raised(lanes: int) -> None:
    executor, done = TokenExecutor(lanes), list[str]()

    def fail() -> list[int]:
        raise Unavailable("away")

    def note(name: str) -> list[int]:
        done.append(name)
        return [1]

    with pytest.raises(Unavailable), executor.works(nothing, int) as works:  # noqa: PT012 - the block is the thing
        works.begin(fail)
        while works.busy:
            works.finished(wait=True)
        assert works.room == 0
        works.begin(partial(note, "order"))
        works.begin(partial(note, "end"), owed=True)
        while works.busy:
            works.finished(wait=True)
    executor.close()

    assert done == ["end"]


def test_an_error_of_the_caller_waits_for_what_began_and_goes_first() -> None:
    executor, began, ended = TokenExecutor(2), threading.Event(), list[int]()

    def work() -> list[int]:
        began.set()
        ended.append(1)
        return ended

    with pytest.raises(Fenced), executor.works(nothing, int) as works:  # noqa: PT012 - the block is the thing
        works.begin(work)
        began.wait(PATIENCE_S)
        raise Fenced("another buyer")
    executor.close()

    assert ended == [1]


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_lease_lost_meanwhile_ends_the_works(lanes: int) -> None:
    def renew() -> None:
        raise Fenced("another buyer")

    executor, done = TokenExecutor(lanes), list[int]()

    def note() -> list[int]:
        done.append(1)
        return done

    with pytest.raises(Fenced), executor.works(renew, int) as works:  # noqa: PT012 - the block is the thing
        works.finished(wait=False)
        works.begin(note)
    executor.close()

    assert done == []


def test_after_a_failure_the_lease_is_kept_until_what_began_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("buyer.token_executor.MEANWHILE_S", 0.01)
    executor, kept = TokenExecutor(2), threading.Event()
    waited = list[bool]()

    def order() -> list[int]:
        waited.append(kept.wait(1))
        return []

    with pytest.raises(Unavailable), executor.works(nothing, int) as works:  # noqa: PT012 - the block is the thing
        works.begin(order)
        works._meanwhile = kept.set  # what is due from now on
        raise Unavailable("away")
    executor.close()

    assert waited == [True]


def test_what_trying_again_cannot_cure_goes_before_an_error_of_the_caller_that_it_can() -> None:
    executor = TokenExecutor(2)

    def fenced() -> list[int]:
        raise Fenced("another buyer")

    with pytest.raises(Fenced), executor.works(nothing, int) as works:  # noqa: PT012 - the block is the thing
        works.begin(fenced)
        raise Unavailable("away")
    executor.close()
