"""Lines from a pipe are handled as entries of the stream are: poison, crashes and a server away included."""

import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from buyer.pipe import PipeBuyer
from shared.errors import OutcomeUnknown, Unavailable
from shared.events import DEAD, HybridProgress, write_event
from shared.ledger import RedisLedger
from tests.buyer.builders import a_signal
from tests.buyer.test_service import Rig, a_hash
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.server


def piped(rig: Rig, *lines: str) -> None:
    """Let a pipe buyer take these lines to their end."""
    PipeBuyer([f"{line}\n" for line in lines], service=rig.service, lease=rig.lease).run(threading.Event())


def a_line(number: int) -> str:
    return write_event(a_signal(tx_hash=a_hash(number)))


def test_s8_each_line_is_decided_once_and_nothing_else_is_said(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    progress = HybridProgress(
        id="p",
        emitted_at_ms=1,
        detector="d",
        runtime_ms=1,
        leaders=(),
        signals=0,
        sightings=0,
        repeats=0,
        sources=(),
        live_tokens=("1",),
    )

    piped(rig, a_line(1), "", a_line(2), a_line(1), write_event(progress), "{", "{")

    assert [decision.verdict for decision in rig.decisions()] == ["BUY", "BUY", "SKIP"]
    assert rig.prices.warmed == ["1"]
    assert len(rig.events(DEAD)) == 1


def test_trap_31_a_server_away_at_any_point_is_waited_for(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    away = iter([True, True, False, True, False, True])
    renew = rig.lease.renew

    def now_and_then() -> None:
        if next(away, False):
            raise Unavailable("away")
        renew()

    rig.lease.renew = now_and_then  # type: ignore[method-assign]  # the server comes and goes

    piped(rig, a_line(1), a_line(2))

    assert len(rig.decisions()) == 2


def test_trap_29_a_crash_in_the_handler_is_counted_and_then_buried(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    good, calls = rig.prices.facts, iter(range(100))

    def broken(token_id: str) -> Any:
        if next(calls) < 3:
            raise ZeroDivisionError("a bug")
        return good(token_id)

    rig.prices.facts = broken  # type: ignore[method-assign]  # a bug that strikes the first signal only

    piped(rig, a_line(1), a_line(2))

    first, second = rig.decisions()
    assert first.reason == "dead letter: failed 3 times: ZeroDivisionError: a bug"
    assert second.verdict == "BUY"


def test_trap_20_what_an_earlier_buyer_left_open_is_finished_first(valkey_url: str) -> None:
    before = Rig(valkey_url)
    before.lease.try_acquire()
    before.journal.deposit(1_000_000_000)
    before.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        before.engine.handle(a_signal(tx_hash=a_hash(1)))
    rig = Rig(valkey_url)

    piped(rig, a_line(2))

    assert len(rig.decisions()) == 2
    assert rig.venue.placed[0] == before.venue.placed[0]
    assert RedisLedger(rig.redis, "paper").records("intents") == {}


def test_s5_a_quiet_pipe_stops_when_told(valkey_url: str) -> None:
    rig, stop, never = Rig(valkey_url), threading.Event(), queue.Queue[str]()

    def quiet() -> Iterator[str]:
        stop.set()
        yield never.get()

    thread = threading.Thread(target=PipeBuyer(quiet(), service=rig.service, lease=rig.lease).run, args=(stop,))
    thread.start()
    thread.join(PATIENCE_S)

    assert not thread.is_alive()
