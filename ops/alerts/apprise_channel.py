"""A channel through apprise: any of its services, by one URL of ALERT_URLS."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

import apprise

from ops.alerts.apprise_plugins import make_target
from ops.alerts.domain.alert_message import AlertMessage, Level
from shared.domain.errors import Unavailable
from shared.domain.redaction import HIDDEN, redact_text
from shared.messages.base import fact_id

_TYPES: dict[Level, apprise.NotifyType] = {
    "info": apprise.NotifyType.INFO,
    "warning": apprise.NotifyType.WARNING,
    "critical": apprise.NotifyType.FAILURE,
}
_SHORTEST_SECRET = 4
_KEY_DIGITS = 16


class AppriseChannel:
    """One URL of ALERT_URLS; `number` is its place there, from 1."""

    def __init__(self, url: str, number: int) -> None:
        """Raises BadConfig when apprise cannot read the URL."""
        self._target, service = make_target(url, number)
        self._secrets = secrets_in(url)
        self.key = fact_id("channel", url)[:_KEY_DIGITS]
        self.name = f"{service} ({number})"

    def deliver(self, message: AlertMessage) -> None:
        """Send one message.

        Raises:
            Unavailable: the service did not take it, or nobody knows: apprise does not tell these apart.
        """
        result: Any = self._target.notify(
            title=message.heading,
            body=message.body,
            notify_type=_TYPES[message.level],
            body_format=apprise.NotifyFormat.TEXT,
        )
        if not result:
            raise Unavailable(self._hide("; ".join(_words(result)) or "not delivered, without a reason"))

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return redact_text(text)


def secrets_in(url: str) -> tuple[str, ...]:
    """Return every part of an apprise URL that must not be shown, the longest first: only the scheme is public."""
    parts = urlsplit(url)
    words = {url, url.partition("://")[2], parts.netloc, *parts.path.split("/"), *parts.query.split("&")}
    words |= {parts.username or "", parts.password or ""}
    words |= {unquote(word) for word in words}
    return tuple(sorted((word for word in words if len(word) >= _SHORTEST_SECRET), key=len, reverse=True))


def _words(result: Iterable[Iterable[Iterable[Any]]]) -> list[str]:
    """Return what apprise logged while it failed: of each service each try."""
    return [str(entry.message) for service in result for attempt in service for entry in attempt]
