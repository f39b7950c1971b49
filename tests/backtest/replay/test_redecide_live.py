"""A real live session, captured: the buyer as a process, the venue over sockets; each decision is made again."""

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from backtest.__main__ import app
from backtest.history.capture_tape import read_tape
from backtest.replay.redecide_command import redecided
from ops.recording.capture import capture
from shared.capture.capture import Capture
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DECISIONS, SIGNALS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import read_event
from shared.redis.streams import publish_event, stream_tail
from simulator import Settings, serve
from tests.buyer.venue.polymarket.live_floor import Floor, until
from tests.buyer.venue.polymarket.live_process import live_buyer

pytestmark = [pytest.mark.server, pytest.mark.simulator, pytest.mark.process]

D = Decimal
FLAGS = ("--gather-window-s", "600", "--min-leader-usdc", "10", "--mirror-sells", "proportional", "--stake-usdc", "20")


@pytest.fixture
def floor(valkey_url: str, tmp_path: Path) -> Iterator[Floor]:
    with serve(Settings(fills_per_minute=0, speed=20, resolve_after_s=1_000_000)) as sim:
        found = Floor(sim, valkey_url, tmp_path)
        found.fund()
        yield found


def decided(floor: Floor) -> list[BuyEngineDecision]:
    events = [read_event(entry.json) for entry in stream_tail(floor.redis, DECISIONS, 100)]
    return [event for event in events if isinstance(event, BuyEngineDecision)]


def settled(floor: Floor) -> bool:
    return not RedisLedger(floor.redis, "live").records("orders")


def a_session(floor: Floor) -> None:
    """Small buys that add up, one too late, a sell into an empty book, and its exit when bids are back."""
    traders = floor.sim._app.traders

    def tell(number: int, **changes: Any) -> None:
        publish_event(floor.redis, SIGNALS, floor.signal(number).model_copy(update=changes))
        until(lambda: len(decided(floor)) >= number)

    with live_buyer(floor, *FLAGS) as buyer:
        for number in (1, 2):
            tell(number, usdc=D(6), shares=D(12))
        tell(3, traded_at_ms=1_700_000_000_000)
        until(lambda: bool(floor.lots()) and settled(floor))
        floor.sim.call(lambda: traders.set_book(floor.token, [], [["0.5", "1000"]]))
        tell(4, side="SELL", shares=D(12), usdc=D(6))
        floor.sim.call(lambda: traders.set_book(floor.token, [["0.49", "1000"]], [["0.5", "1000"]]))
        until(lambda: decided(floor)[-1].reason == "exit: leader_sold" and settled(floor), 30)
        assert buyer.stop() == 0, buyer.said()


def test_a_live_sessions_decisions_are_made_again_byte_for_byte(floor: Floor) -> None:
    a_session(floor)
    path = floor.folder / "live.jsonl"
    capture(floor.redis, path, threading.Event())

    result = CliRunner().invoke(app, [str(path), "--redecide"])

    made = list(redecided(read_tape(Capture.open(path))))
    reasons = [one.decision.reason for one in made]
    assert reasons == ["gathered", "all rules passed", "signal_fresh", "book_sane", "exit: leader_sold"]
    assert {one.decision.mode for one in made} == {"live"}
    assert result.exit_code == 0, result.stderr
    assert "the same as recorded, byte for byte: 5 of 5" in result.stderr

    path.write_text(path.read_text().replace('"problems":[]', '"problems":["book: late"]', 1))
    result = CliRunner().invoke(app, [str(path), "--redecide"])
    assert result.exit_code == 1
    assert "rules.inputs_known.value: recorded" in result.stderr
