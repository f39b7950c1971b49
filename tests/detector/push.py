"""What stands in for the push feed: frames, and lines whose script moves a manual clock."""

import json
import threading
from collections.abc import Callable
from typing import Any

from detector.domain.source_port import Batch
from detector.leaders.watchlist import Watchlist
from detector.sources.push_buffer import PushBuffer
from detector.sources.push_connection import PushConnection, PushTimeouts
from shared.clock import ManualClock
from tests.detector.builders import CONDITION, LEADER, NOW_MS, NOW_S, TOKEN, TX
from tests.fake_line import FakeLine

STRANGER = "0x" + "5e" * 20


def a_payload(**changes: Any) -> dict[str, Any]:
    """Build a pushed row: 100 shares bought for 52, told a second early."""
    return {
        "asset": TOKEN,
        "bio": "",
        "conditionId": CONDITION,
        "eventSlug": "weather",
        "icon": "",
        "name": "",
        "outcome": "Yes",
        "outcomeIndex": 0,
        "price": 0.52,
        "profileImage": "",
        "proxyWallet": LEADER,
        "pseudonym": "",
        "side": "BUY",
        "size": 100,
        "slug": "rain",
        "timestamp": NOW_S - 1,
        "title": "Will it rain?",
        "transactionHash": TX,
        **changes,
    }


def a_frame(**changes: Any) -> str:
    """Build a frame with one row."""
    envelope = {"topic": "activity", "type": "trades", "timestamp": NOW_MS, "connection_id": "c"}
    return json.dumps({**envelope, "payload": a_payload(**changes)})


class Rig:
    """A lane whose next connections are given, with its inbox and clock."""

    def __init__(self, patience: PushTimeouts | None = None, draw: float = 0.5) -> None:
        self.clock = ManualClock(NOW_MS)
        self.stop = threading.Event()
        self.inbox = PushBuffer("rtds", self.clock)
        self.leaders = Watchlist((LEADER,))
        self.lines: list[FakeLine | Exception] = []
        self.lane = PushConnection(
            "rtds-1",
            self._dial,
            self.inbox,
            lambda wallet: wallet in self.leaders.addresses,
            source="rtds",
            clock=self.clock,
            stop=self.stop,
            random=lambda: draw,
            patience=patience or PushTimeouts(),
        )

    def hear(self, *script: str | Exception | Callable[[], None] | None) -> FakeLine:
        """Let the lane's next connection play a script, to its end."""
        line = FakeLine(self.clock, *script)
        self.lines.append(line)
        self.lane.turn()
        return line

    def taken(self) -> Batch:
        """Take what is in the inbox; it must hold something."""
        batch = self.inbox.next_batch(0)
        assert batch is not None
        return batch

    def _dial(self) -> FakeLine:
        line = self.lines.pop(0)
        if isinstance(line, Exception):
            raise line
        return line
