"""Messages that wait for their channel, on the server: written in one step with what was judged and acknowledged.

A message leaves when its channel took it, so after a crash in between it is sent again, under the same id.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from msgspec import MsgspecError
from redis import Redis

from ops.alerts.domain.alert_message import AlertMessage
from ops.alerts.domain.watch_state import WatchState, message_text, read_message, read_state, state_text
from shared import logs
from shared.redis.client import answering

GROUP = "alerts"
STATE = "hs:alerts:state"
"""String: JSON of a `WatchState`."""
WAITING = "hs:alerts:waiting:"
"""Hash of each channel: message id -> JSON of the message."""
CHANNELS = "hs:alerts:channels"
"""Hash: channel -> its name, of those that messages were ever kept for."""


@dataclass(frozen=True)
class Acknowledgement:
    """Entries of a stream that are done with."""

    stream: str
    ids: tuple[str, ...]


class Outbox:
    """The messages of each channel that it has not taken yet; `channels` names each by its key."""

    def __init__(self, redis: Redis, channels: Mapping[str, str]) -> None:
        self._redis, self._channels = redis, channels
        self._log = logs.get_logger("alerts")

    def state(self) -> WatchState:
        """Return what was remembered; a new state where nothing readable was."""
        with answering(self._redis):
            text = cast("str | None", self._redis.get(STATE))
        try:
            return read_state(text)
        except MsgspecError as error:
            self._log.error(
                "alert_state_unreadable", error=str(error), fix="begun anew; what is still wrong is told again"
            )
            return WatchState()

    def commit(self, state: WatchState, messages: Sequence[AlertMessage], done: Iterable[Acknowledgement] = ()) -> None:
        """Keep a state, its messages for every channel, and the acknowledgements, in one step.

        Raises:
            Unavailable: the server is away; safe to call again.
        """
        with answering(self._redis), self._redis.pipeline(transaction=True) as pipe:
            for key in self._channels if messages else ():
                pipe.hset(WAITING + key, mapping={message.id: message_text(message) for message in messages})
            pipe.set(STATE, state_text(state))
            for each in done:
                if each.ids:
                    pipe.xack(each.stream, GROUP, *each.ids)
            pipe.execute()

    def waiting(self, key: str) -> list[AlertMessage]:
        """Return what a channel has not taken yet, the oldest first. Raises as `commit` does."""
        with answering(self._redis):
            texts = cast("dict[str, str]", self._redis.hgetall(WAITING + key))
        found: list[AlertMessage] = []
        for name, text in texts.items():
            try:
                found.append(read_message(text))
            except MsgspecError as error:
                self._log.error("alert_unreadable", id=name, error=str(error), text=text[:500])
                self.delivered(key, name)
        return sorted(found, key=lambda message: (message.at_ms, message.id))

    def delivered(self, key: str, message_id: str) -> None:
        """Forget a message that its channel took. Raises as `commit` does."""
        with answering(self._redis):
            self._redis.hdel(WAITING + key, message_id)

    def forget_channels(self) -> None:
        """Drop what waits for channels that the settings name no more, saying so. Raises as `commit` does."""
        with answering(self._redis):
            known = cast("dict[str, str]", self._redis.hgetall(CHANNELS))
            for key in known.keys() - self._channels.keys():
                left = self._redis.hlen(WAITING + key)
                self._redis.delete(WAITING + key)
                self._redis.hdel(CHANNELS, key)
                self._log.warning("alert_channel_gone", channel=known[key], messages_dropped=left)
            for key, name in self._channels.items():
                self._redis.hset(CHANNELS, key, name)
