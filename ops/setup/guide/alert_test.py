"""A test message to where alerts will go, so that nobody finds out in an emergency that they do not arrive."""

import re
from typing import Any

from ops.alerts.config import alert_targets
from shared.domain.errors import BadConfig, DependencyMissing

_URL = re.compile(r"[A-Za-z][\w+-]*://\S+")
_TITLE, _BODY = "Hybrid Signals", "A test: alerts of this installation arrive here."


def targets_problem(text: str) -> str:
    """Return what is wrong with the text, without repeating it: these URLs are secrets; '' when all can be read."""
    places = [f"address {number}" for number, url in enumerate(alert_targets(text), 1) if not _readable(url)]
    how = "apprise's URLs (tgram://TOKEN/CHAT, discord://ID/TOKEN, ntfy://TOPIC, mailto://...), or nothing"
    return f"{', '.join(places)} cannot be read; give {how}" if places else ""


def send_test(text: str) -> list[str]:
    """Send to every target; return what is wrong with each that did not take it, by its place.

    Raises:
        DependencyMissing: the extra `alerts` is not installed.
    """
    failed: list[str] = []
    for number, url in enumerate(alert_targets(text), 1):
        try:
            sender, _ = _make_target(url, number)
            taken = bool(sender.notify(title=_TITLE, body=_BODY))
        except BadConfig:
            taken = False
        if not taken:
            failed.append(f"address {number} ({url.partition('://')[0]}://...) did not take the message")
    return failed


def _readable(url: str) -> bool:
    if not _URL.fullmatch(url):
        return False
    try:
        _make_target(url, 1)
    except BadConfig:
        return False
    return True


def _make_target(url: str, number: int) -> tuple[Any, str]:
    try:
        from ops.alerts.apprise_plugins import make_target  # noqa: PLC0415 - apprise is dear to import
    except ImportError as error:
        raise DependencyMissing(
            f"alerts need the extra `alerts` ({error}): pip install 'hybrid-signals[alerts]'"
        ) from error
    return make_target(url, number)
