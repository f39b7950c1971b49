"""The alert service: events and looks are judged, messages kept, and each channel has a thread of its own."""

import threading
from collections.abc import Sequence
from typing import Any, Protocol

from ops.alerts.channel_sender import ChannelSender
from ops.alerts.dead_man_ping import DeadManPing
from ops.alerts.domain.alert_message import AlertMessage, alert_id
from ops.alerts.domain.judge import AlertRules, judge_event, judge_look
from ops.alerts.domain.watch_state import WatchLook, WatchState
from ops.alerts.event_reader import EventReader, acknowledged
from ops.alerts.look_reader import LookReader
from ops.alerts.outbox import Outbox
from shared import logs
from shared.clock import Clock
from shared.domain.errors import Fenced, Unavailable
from shared.redis.lease import Lease
from shared.redis.streams import StreamEntry

LOOK_EVERY_S = 5.0
AWAY_TOLD_S = 30.0
"""Seconds that the server may be away before it is told, past the outbox: nothing can be kept then."""
_RETRY_S = 1.0


class Helper(Protocol):
    """Runs on a thread of its own until told to stop."""

    def run(self, stop: threading.Event) -> None:
        """Run until `stop`."""
        ...

    def interrupt(self) -> None:
        """End a long wait, as it is time to stop."""
        ...


class AlertService:
    """Runs until told to stop; only one process at a time works, another one stands by."""

    name = "alerts"

    def __init__(
        self,
        *,
        lease: Lease,
        reader: EventReader,
        looks: LookReader,
        outbox: Outbox,
        senders: Sequence[ChannelSender],
        rules: AlertRules,
        clock: Clock,
        ping: DeadManPing | None = None,
        helpers: Sequence[Helper] = (),
    ) -> None:
        self._lease, self._reader, self._looks, self._outbox = lease, reader, looks, outbox
        self._senders, self._rules, self._clock, self._ping, self._helpers = senders, rules, clock, ping, helpers
        self._state = WatchState()
        self._labels: dict[str, str] = {}
        self._mode = ""
        self._next_look = self._answered_at = clock.monotonic()
        self._away_told = self._works = False
        self._log = logs.get_logger("alerts")
        self.events = self.messages = 0

    def run(self, stop: threading.Event) -> None:
        """Judge and tell until `stop`; while another process does, stand by."""
        if not self._lease.acquire(stop):
            return
        threads = self._start_threads(stop)
        try:
            while not stop.is_set():
                self._work_until_fenced(stop)
        finally:
            for sender in self._senders:
                sender.bell.set()
            for helper in self._helpers:
                helper.interrupt()
            for thread in threads:
                thread.join(_RETRY_S)
            self._lease.release()

    def ready(self) -> bool:
        """Say whether the last reading worked."""
        return self._works

    def snapshot(self) -> dict[str, Any]:
        """Return what was told so far."""
        sent = {sender.channel.name: sender.sent for sender in self._senders}
        pings = {"pings": self._ping.pings} if self._ping else {}
        return {"events": self.events, "messages": self.messages, "sent": sent, **pings}

    def _work_until_fenced(self, stop: threading.Event) -> None:
        try:
            self._work(stop)
        except Fenced as error:
            self._log.warning("alerts_stand_by", why=str(error))
            self._lease.acquire(stop)

    def _work(self, stop: threading.Event) -> None:
        begun = False
        while not stop.is_set():
            try:
                if not begun:
                    self._begin()
                    begun = True
                self.turn()
            except Unavailable as error:
                self._is_away(error)
                self._clock.wait(stop, _RETRY_S)

    def _begin(self) -> None:
        self._outbox.forget_channels()
        self._state = self._outbox.state()
        self._look()

    def turn(self) -> None:
        """Read once, judge it, keep what follows, and look around when it is time.

        Raises:
            Unavailable: the server is away; what was not kept is read again.
            Fenced: another process tells now.
        """
        self._lease.renew()
        self._judge(self._reader.read())
        if self._clock.monotonic() >= self._next_look:
            self._look()
        self._answered()

    def _judge(self, entries: list[StreamEntry]) -> None:
        """Judge entries and keep state, messages and acknowledgements in one step."""
        if not entries:
            return
        state, told, now_ms = self._state, list[AlertMessage](), self._clock.now_ms()
        for event in self._reader.events(entries, self._labels):
            self.events += 1
            labels, mode = self._labels, self._mode
            state, found = judge_event(state, event, self._rules, now_ms=now_ms, mode=mode, labels=labels)
            told += found
        self._outbox.commit(state, told, acknowledged(entries))
        self._state = state
        self._ring(told)

    def _look(self) -> None:
        self._next_look = self._clock.monotonic() + LOOK_EVERY_S
        look = self._looks.look()
        self._mode = look.mode
        state, told = judge_look(self._state, look, self._rules)
        if state != self._state or told:
            self._outbox.commit(state, told)
            self._state = state
        self._ring(told)
        self._tell_ping(look)

    def _tell_ping(self, look: WatchLook) -> None:
        if self._ping is not None:
            self._ping.note(well=not look.lost)

    def _ring(self, told: Sequence[AlertMessage]) -> None:
        for message in told:
            self.messages += 1
            self._log.info("alert_told", kind=message.kind, urgency=message.level, title=message.heading, id=message.id)
        if told:
            for sender in self._senders:
                sender.bell.set()

    def _answered(self) -> None:
        self._answered_at, self._works = self._clock.monotonic(), True
        if self._away_told:
            self._away_told = False
            self._say_now("The server answers again", "warning", "")
            for sender in self._senders:
                sender.bell.set()

    def _is_away(self, error: Unavailable) -> None:
        """Say past the outbox that the server is away: it is the one thing that cannot be kept on it."""
        if self._works:
            self._log.warning("server_away", error=str(error))
        self._works = False
        self._reader.recover()
        if self._ping is not None:
            self._ping.note(well=False)
        away_s = self._clock.monotonic() - self._answered_at
        if away_s >= AWAY_TOLD_S and not self._away_told:
            self._away_told = True
            self._say_now(f"The server is away for {away_s:.0f} s: nothing is detected, bought or sold", "critical",
                          "start it again: `hybrid up`, or its service; what is held stays as it is")  # fmt: skip

    def _say_now(self, title: str, level: Any, fix: str) -> None:  # noqa: ANN401 - a level
        now_ms = self._clock.now_ms()
        message = AlertMessage(
            id=alert_id("server", title, now_ms), kind="silent", level=level, title=title, fix=fix, at_ms=now_ms
        )
        for sender in self._senders:
            sender.say_now(message)

    def _start_threads(self, stop: threading.Event) -> list[threading.Thread]:
        loops = [(f"alerts-{sender.channel.name}", sender.run) for sender in self._senders]
        loops += [("alerts-heartbeat", self._ping.run)] if self._ping else []
        loops += [("alerts-telegram", helper.run) for helper in self._helpers]
        threads = [threading.Thread(target=loop, args=(stop,), name=name, daemon=True) for name, loop in loops]
        for thread in threads:
            thread.start()
        return threads
