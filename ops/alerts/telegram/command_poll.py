"""The long poll for commands: each is done once, only for the chats that may, and never when it is old.

A command's number is stored once it is done. After a crash before that it is done again under the same name in the
ledger, which does nothing a second time.
"""

import threading
from collections.abc import Callable, Sequence
from typing import cast

from redis import Redis

from ops.alerts.telegram.bot_client import BotClient
from ops.alerts.telegram.domain.bot_answers import ChatMessage
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.backoff import Backoff
from shared.domain.errors import HybridError, RateLimited
from shared.redis.client import answering

OFFSETS = "hs:alerts:telegram"
"""Hash: bot -> number of the next update."""
WAIT_S = 20
_BACKOFF = Backoff(first_s=1.0, longest_s=60.0)
_REPLIES = 3
_LOGGED_STRANGERS = 100
"""Strangers that are logged one by one; all are counted."""

Answer = Callable[[ChatMessage], str]
"""Carries out what was written; returns what to answer, '' for nothing. Never raises a `HybridError`."""


class CommandPoll:
    """Asks for what was written to a bot, and answers the chats that may command."""

    def __init__(
        self, client: BotClient, redis: Redis, *, bot: str, chats: Sequence[str], answer: Answer, clock: Clock
    ) -> None:
        self._client, self._redis, self._bot, self._answer, self._clock = client, redis, bot, answer, clock
        self._chats = frozenset(chats)
        self._offset: int | None = None
        self._failures = 0
        self._log = logs.get_logger("telegram")
        self.strangers = 0

    def run(self, stop: threading.Event) -> None:
        """Poll until `stop`."""
        while not stop.is_set():
            try:
                self.turn(stop)
                self._failures = 0
            except RateLimited as error:
                self._rest(error, stop, error.retry_after_s)
            except HybridError as error:
                if not stop.is_set():
                    self._rest(error, stop)
            except Exception as error:  # noqa: BLE001 - logged whole; a strange update must not end the commands
                self._log.error("telegram_crashed", exc_info=error)
                self._rest(HybridError(type(error).__name__), stop)

    def interrupt(self) -> None:
        """End the wait for what is written next: it is time to stop."""
        self._client.interrupt()

    def turn(self, stop: threading.Event, wait_s: int = WAIT_S) -> None:
        """Ask once and carry out what came. Raises as `BotClient.updates`, and Unavailable when the server is away."""
        if self._offset is None:
            self._offset = self._stored()
        for message in self._client.updates(self._offset, wait_s):
            if stop.is_set():
                return
            if message.update_id < self._offset:
                continue
            self._take(message)
            self._offset = message.update_id + 1
            self._store(self._offset)

    def _take(self, message: ChatMessage) -> None:
        if message.chat not in self._chats:
            self._count_stranger(message)
            return
        text = self._answer(message)
        if text:
            self._reply(message.chat, text)

    def _count_stranger(self, message: ChatMessage) -> None:
        """Count whoever is not on the list, and say nothing to them."""
        if not message.chat:
            return
        self.strangers += 1
        metrics.make_counter("telegram_strangers_total", "Messages of chats that may not command.").inc()
        if self.strangers <= _LOGGED_STRANGERS:
            self._log.warning("telegram_stranger", chat=message.chat, user=message.user, count=self.strangers)

    def _reply(self, chat: str, text: str) -> None:
        """Answer; what was done stays done when the answer does not get through."""
        for number in range(_REPLIES):
            try:
                self._client.send(chat, text)
            except RateLimited as error:
                self._clock.wait(threading.Event(), error.retry_after_s or _BACKOFF.wait_s(number))
            except HybridError as error:
                self._log.warning("telegram_reply_lost", chat=chat, error=str(error))
                return
            else:
                return

    def _rest(self, error: HybridError, stop: threading.Event, after_s: float | None = None) -> None:
        wait_s = _BACKOFF.wait_s(self._failures) if after_s is None else after_s
        self._failures += 1
        self._log.warning("telegram_poll_failed", error=str(error), again_in_s=wait_s, failures=self._failures)
        self._clock.wait(stop, wait_s)

    def _stored(self) -> int:
        with answering(self._redis):
            return int(cast("str | None", self._redis.hget(OFFSETS, self._bot)) or 0)

    def _store(self, offset: int) -> None:
        """Store it; a server that is away costs nothing, since Telegram is told with the next question."""
        try:
            with answering(self._redis):
                self._redis.hset(OFFSETS, self._bot, str(offset))
        except HybridError as error:
            self._log.warning("telegram_offset_not_stored", offset=offset, error=str(error))
