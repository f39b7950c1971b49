"""Build what speaks to Telegram: nothing without a token."""

import threading

from redis import Redis

from ops.alerts.config import AlertSettings
from ops.alerts.telegram.bot_client import BotClient
from ops.alerts.telegram.chat_channel import ChatChannel
from ops.alerts.telegram.chat_operator import ChatOperator
from ops.alerts.telegram.command_poll import WAIT_S, CommandPoll
from ops.alerts.telegram.operator_desk import ServerDesk
from ops.alerts.telegram.views import ServerViews
from shared.clock import Clock
from shared.http.client import Upstream

_SLACK_S = 10.0


def channels(settings: AlertSettings, clock: Clock, stop: threading.Event) -> list[ChatChannel]:
    """Return a channel to each chat that is named."""
    if settings.telegram_token is None:
        return []
    client, bot = _client(settings, clock, stop), bot_name(settings)
    return [ChatChannel(client, bot, chat) for chat in settings.telegram_chats]


def pollers(settings: AlertSettings, redis: Redis, clock: Clock, stop: threading.Event) -> list[CommandPoll]:
    """Return what takes the commands of these chats."""
    if settings.telegram_token is None:
        return []
    operator = ChatOperator(ServerDesk(redis, clock, ServerViews(redis)), clock)
    client, chats = _client(settings, clock, stop), settings.telegram_chats
    return [CommandPoll(client, redis, bot=bot_name(settings), chats=chats, answer=operator.answer, clock=clock)]


def bot_name(settings: AlertSettings) -> str:
    """Return the public part of the bot's token: its id."""
    return settings.telegram_token.get_secret_value().partition(":")[0] if settings.telegram_token else ""


def _client(settings: AlertSettings, clock: Clock, stop: threading.Event) -> BotClient:
    token = settings.telegram_token.get_secret_value() if settings.telegram_token else ""
    base = f"{settings.telegram_url.rstrip('/')}/bot{token}"
    silence_s = settings.http_timeout_s
    polling = Upstream("telegram", base, (), clock=clock, stop=stop, timeout_s=WAIT_S + _SLACK_S)
    return BotClient(polling, Upstream("telegram", base, (), clock=clock, stop=stop, timeout_s=silence_s))
