"""Telegram's Bot API over our HTTP client: what was written to the bot, and messages to chats."""

import json

from ops.alerts.telegram.domain.bot_answers import ChatMessage, fitting, read_answer, read_updates
from shared.http.client import Upstream
from shared.rate_limit.limits import GateLane


class BotClient:
    """One bot; `polling` waits for what is written, `sending` does not wait, so neither is in the other's way."""

    def __init__(self, polling: Upstream, sending: Upstream) -> None:
        self._polling, self._sending = polling, sending

    def updates(self, offset: int, wait_s: int) -> list[ChatMessage]:
        """Wait up to `wait_s` for what was written; what is older than `offset` is confirmed and never told again.

        Raises:
            RateLimited, Unavailable: try again later. Rejected, Malformed: the token, or another poller.
        """
        asked = {"offset": offset, "timeout": wait_s, "allowed_updates": ["message"]}
        return read_updates(self._call(self._polling, "getUpdates", asked))

    def send(self, chat: str, text: str) -> None:
        """Send a text to a chat. Raises as `updates` does; after Unavailable it may have arrived."""
        said = {"chat_id": int(chat), "text": fitting(text), "disable_web_page_preview": True}
        self._call(self._sending, "sendMessage", said)

    def interrupt(self) -> None:
        """End a wait for updates."""
        self._polling.interrupt()

    @staticmethod
    def _call(upstream: Upstream, method: str, said: object) -> bytes:
        request = upstream.request("POST", f"/{method}", body=json.dumps(said), lane=GateLane.FRESH)
        answer = upstream.send(request)
        return read_answer(answer.status, answer.body)
