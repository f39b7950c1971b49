"""A channel to one of the chats of TELEGRAM_CHATS."""

from ops.alerts.domain.alert_message import AlertMessage
from ops.alerts.telegram.bot_client import BotClient
from shared.messages.base import fact_id

_KEY_DIGITS = 16


class ChatChannel:
    """One chat of one bot."""

    def __init__(self, client: BotClient, bot: str, chat: str) -> None:
        self._client, self._chat = client, chat
        self.key = fact_id("channel", "telegram", bot, chat)[:_KEY_DIGITS]
        self.name = f"telegram {chat}"

    def deliver(self, message: AlertMessage) -> None:
        """Send one message; raises as `BotClient.send`."""
        self._client.send(self._chat, message.text)
