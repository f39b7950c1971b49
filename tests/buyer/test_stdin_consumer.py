"""Lines from a pipe are handled as entries of the stream are: poison, crashes and a server away included."""

import os
import threading
from typing import Any, cast

import pytest

from buyer import stdin_consumer
from buyer.consumer import SignalConsumer
from buyer.settlement.worker import SettlementWorker
from buyer.stdin_consumer import PipeLines, StdinConsumer
from shared.domain.errors import OutcomeUnknown, Unavailable
from shared.domain.record_kinds import ORDERS
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DEAD
from shared.messages.events import write_event
from shared.redis.lease import Lease
from tests.buyer.builders import a_signal, some_limits, some_progress
from tests.buyer.consumer_rig import Rig, a_hash
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.server


def piped(rig: Rig, *lines: str) -> None:
    """Let a pipe buyer take these lines to their end."""
    take_lines(rig.service, rig.lease, *lines)


def take_lines(service: SignalConsumer, lease: Lease, *lines: str) -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, "".join(f"{line}\n" for line in lines).encode())
        os.close(writer)
        StdinConsumer(PipeLines(reader), service=service, lease=lease).run(threading.Event())
    finally:
        os.close(reader)


def a_line(number: int) -> str:
    return write_event(a_signal(tx_hash=a_hash(number)))


def test_s8_each_line_is_decided_once_and_nothing_else_is_said(valkey_url: str) -> None:
    rig = Rig(valkey_url)

    piped(rig, a_line(1), "", a_line(2), a_line(1), write_event(some_progress("1")), "{", "{")

    assert [decision.verdict for decision in rig.decisions()] == ["BUY", "BUY", "SKIP"]
    assert rig.prices.warmed == ["1"]
    assert len(rig.events(DEAD)) == 1


@pytest.mark.pitfall(31)
def test_a_server_away_at_any_point_is_waited_for(valkey_url: str) -> None:
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


@pytest.mark.pitfall(29)
def test_a_crash_in_the_handler_is_counted_and_then_buried(valkey_url: str) -> None:
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


@pytest.mark.pitfall(20)
def test_what_an_earlier_buyer_left_open_is_finished_first(valkey_url: str) -> None:
    before = Rig(valkey_url)
    before.lease.try_acquire()
    before.journal.deposit(1_000_000_000)
    before.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        before.engine.process_actionable(a_signal(tx_hash=a_hash(1)))
    rig = Rig(valkey_url)

    piped(rig, a_line(2))

    assert len(rig.decisions()) == 2
    assert rig.venue.placed[0] == before.venue.placed[0]
    assert RedisLedger(rig.redis, "paper").records("intents") == {}


def test_s5_a_quiet_pipe_stops_when_told(valkey_url: str) -> None:
    rig, stop, (reader, writer) = Rig(valkey_url), threading.Event(), os.pipe()
    buyer = StdinConsumer(PipeLines(reader), service=rig.service, lease=rig.lease)

    thread = threading.Thread(target=buyer.run, args=(stop,))
    thread.start()
    os.write(writer, f"{a_line(1)}\nhalf a line".encode())
    while not rig.decisions():
        thread.join(0.02)
    stop.set()
    thread.join(PATIENCE_S)

    assert not thread.is_alive()
    for end in (reader, writer):
        os.close(end)


class SettlementThread:
    """Confirms what is open once it was told of it and the pipe is over: by then nothing but settlement is left."""

    failure = None

    def __init__(self, pipe_ended: threading.Event) -> None:
        self.rig: Rig
        self._pipe_ended = pipe_ended

    def run(self, stop: threading.Event) -> None:
        self._pipe_ended.wait(PATIENCE_S)
        while not stop.wait(0.01):
            self.rig.settle()

    def snapshot(self) -> dict[str, int]:
        return {}


@pytest.mark.pitfall(20)
def test_live_orders_of_a_pipe_are_followed_and_what_waits_for_them_is_decided_after_its_end(valkey_url: str) -> None:
    pipe_ended, (reader, writer) = threading.Event(), os.pipe()
    settlement = SettlementThread(pipe_ended)
    patient = some_limits(max_signal_age_s=10**6)  # the clock of a test runs as fast as the buyer waits
    settlement.rig = rig = Rig(valkey_url, mode="live", settlement=cast("SettlementWorker", settlement), limits=patient)
    rig.prices.clock = rig.clock
    sell = write_event(a_signal(tx_hash=a_hash(2), side="SELL"))
    os.write(writer, f"{a_line(1)}\n{sell}\n".encode())
    buyer = StdinConsumer(PipeLines(reader), service=rig.service, lease=rig.lease)

    thread = threading.Thread(target=buyer.run, args=(threading.Event(),))
    thread.start()
    while not rig.decisions():
        thread.join(0.02)
    os.close(writer)
    pipe_ended.set()
    thread.join(PATIENCE_S)

    assert not thread.is_alive()
    assert [order.side for order in rig.venue.placed] == ["BUY", "SELL"]
    assert rig.ledger.records(ORDERS) == {}
    os.close(reader)


def lines_of(*pieces: bytes) -> list[str | None]:
    """Return what is taken of a pipe that brings these pieces, one by one, and then ends."""
    reader, writer = os.pipe()
    lines, found = PipeLines(reader), list[str | None]()
    for piece in pieces:
        os.write(writer, piece)
        while line := lines.next_line(0):
            found.append(line)
    os.close(writer)
    while (line := lines.next_line(0)) is not None:
        found.append(line)
    os.close(reader)
    return found


@pytest.mark.parametrize(
    ("pieces", "wanted"),
    [
        ((b"one\ntwo\n",), ["one", "two"]),
        ((b"o", b"ne\nt", b"wo\n"), ["one", "two"]),
        ((b"one\nno end",), ["one", "no end"]),
        ((b"\xff\xfe\n",), ["\ufffd\ufffd"]),
        ((), []),
    ],
)
def test_lines_come_whole_however_the_pipe_cuts_them(pieces: tuple[bytes, ...], wanted: list[str]) -> None:
    assert lines_of(*pieces) == wanted


def test_what_never_ends_its_line_is_taken_in_pieces_and_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdin_consumer, "_LONGEST_LINE", 1000)

    assert lines_of(b"x" * 1500, b"y" * 10 + b"\nnext\n") == ["x" * 1500, "y" * 10, "next"]


def test_a_standard_input_that_was_closed_has_ended() -> None:
    reader, writer = os.pipe()
    os.close(writer)
    os.close(reader)

    assert PipeLines(reader).next_line(0) is None
