"""One channel's sender: a thread that gives it what waits, with back-off, and never holds another channel up.

| the channel | what follows |
|---|---|
| took it | the message is forgotten |
| says when to come back (429) | the channel rests exactly so long |
| did not answer, or failed | the channel rests, longer each time; the message may have arrived, its id shows it |
| refuses this message | it is tried again later, the others go on |
"""

import threading
from typing import Protocol

from ops.alerts.domain.alert_message import AlertMessage
from ops.alerts.outbox import Outbox
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.backoff import Backoff
from shared.domain.errors import GiveUp, HybridError, RateLimited, TryAgain, Unavailable

BACKOFF = Backoff(first_s=2.0, longest_s=600.0)
_LOOK_EVERY_S = 30.0
"""Seconds after which it looks by itself: what another process left, or a server that came back."""
_LOUD_AFTER = 3


class AlertChannel(Protocol):
    """A place that messages go to."""

    @property
    def key(self) -> str:
        """Name it on the server: made from its address, which is a secret."""
        ...

    @property
    def name(self) -> str:
        """Name it for people, without secrets."""
        ...

    def deliver(self, message: AlertMessage) -> None:
        """Send one message.

        Raises:
            RateLimited, Unavailable: try again later; it may have arrived.
            GiveUp: this message is refused.
        """
        ...


class ChannelSender:
    """Sends what waits for one channel."""

    def __init__(self, channel: AlertChannel, outbox: Outbox, clock: Clock, backoff: Backoff = BACKOFF) -> None:
        self.channel, self.bell = channel, threading.Event()
        self._outbox, self._clock, self._backoff = outbox, clock, backoff
        self._failures = 0
        self._rests_until = 0.0
        self._refused: dict[str, tuple[int, float]] = {}
        self._urgent: list[AlertMessage] = []
        self._log = logs.get_logger("alerts", channel=channel.name)
        self.sent = 0

    def run(self, stop: threading.Event) -> None:
        """Send until `stop`; whoever stops rings the bell too."""
        while not stop.is_set():
            self.bell.clear()
            pause_s = self.turn(stop)
            self._clock.wait(self.bell, pause_s)

    def say_now(self, message: AlertMessage) -> None:
        """Send a message that cannot be kept, as the server is away."""
        self._urgent.append(message)
        self.bell.set()

    def turn(self, stop: threading.Event) -> float:
        """Send what is due; return for how many seconds there is nothing to do."""
        try:
            waiting = self._outbox.waiting(self.channel.key)
        except HybridError:
            waiting = []
        for message in (*self._urgent, *waiting):
            if stop.is_set() or self._rests():
                break
            if self._is_due(message) and self._deliver(message):
                self._forget(message)
        return self._pause_s()

    def _deliver(self, message: AlertMessage) -> bool:
        try:
            self.channel.deliver(message)
        except RateLimited as error:
            self._rest(error, message, error.retry_after_s)
        except TryAgain as error:
            self._rest(error, message)
        except GiveUp as error:
            self._refuse(error, message)
        except Exception as error:  # noqa: BLE001 - logged whole; a plugin's bug must not silence its channel
            self._log.error("alert_channel_crashed", exc_info=error, id=message.id)
            self._rest(Unavailable(type(error).__name__), message)
        else:
            return True
        return False

    def _forget(self, message: AlertMessage) -> None:
        """Forget what was taken; where that cannot be written it is sent again later, under its id."""
        self.sent += 1
        self._failures = 0
        _counted(self.channel.name, "delivered")
        self._refused.pop(message.id, None)
        if message in self._urgent:
            self._urgent.remove(message)
            return
        try:
            self._outbox.delivered(self.channel.key, message.id)
        except HybridError as error:
            self._log.warning("alert_kept", id=message.id, error=str(error))
            self._rests_until = self._clock.monotonic() + self._backoff.first_s

    def _rest(self, error: HybridError, message: AlertMessage, after_s: float | None = None) -> None:
        wait_s = self._backoff.wait_s(self._failures) if after_s is None else after_s
        self._failures += 1
        self._rests_until = self._clock.monotonic() + wait_s
        _counted(self.channel.name, "failed")
        tell = self._log.error if self._failures >= _LOUD_AFTER else self._log.warning
        tell(
            "alert_not_delivered",
            id=message.id, title=message.heading, error=str(error), tries=self._failures, again_in_s=round(wait_s, 1),
        )  # fmt: skip

    def _refuse(self, error: GiveUp, message: AlertMessage) -> None:
        tries = self._refused.get(message.id, (0, 0.0))[0]
        wait_s = self._backoff.wait_s(tries + _LOUD_AFTER)
        self._refused[message.id] = (tries + 1, self._clock.monotonic() + wait_s)
        _counted(self.channel.name, "refused")
        self._log.error(
            "alert_refused", id=message.id, title=message.heading, text=message.body, error=str(error),
            again_in_s=round(wait_s, 1),
        )  # fmt: skip

    def _rests(self) -> bool:
        return self._clock.monotonic() < self._rests_until

    def _is_due(self, message: AlertMessage) -> bool:
        return self._refused.get(message.id, (0, 0.0))[1] <= self._clock.monotonic()

    def _pause_s(self) -> float:
        now = self._clock.monotonic()
        moments = [self._rests_until, *(at for _, at in self._refused.values())]
        return min([_LOOK_EVERY_S, *(at - now for at in moments if at > now)])


def _counted(channel: str, what: str) -> None:
    metrics.make_counter("alerts_total", "Messages by what became of each try.", "channel", "what").labels(
        channel, what
    ).inc()
