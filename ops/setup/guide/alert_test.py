"""A test message to where alerts will go, so that nobody finds out in an emergency that they do not arrive."""

import logging
import re
from collections.abc import Callable

from shared.domain.errors import DependencyMissing

_BETWEEN = re.compile(r"[\s,]+(?=[\w+-]+://)")
_URL = re.compile(r"[A-Za-z][\w+-]*://\S+")
_TITLE, _BODY = "Hybrid Signals", "A test: alerts of this installation arrive here."


def alert_targets(text: str) -> tuple[str, ...]:
    """Return the apprise URLs of a setting's text, separated by spaces or commas."""
    return tuple(filter(None, _BETWEEN.split(text.strip())))


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
    add = _apprise()
    failed: list[str] = []
    for number, url in enumerate(alert_targets(text), 1):
        sender = add(url)
        if sender is None or not sender(_TITLE, _BODY):
            failed.append(f"address {number} ({url.partition('://')[0]}://...) did not take the message")
    return failed


def _readable(url: str) -> bool:
    return bool(_URL.fullmatch(url)) and _apprise()(url) is not None


def _apprise() -> "Callable[[str], Callable[[str, str], bool] | None]":
    """Return what makes a sender of a URL, None where it cannot be read."""
    try:
        import apprise  # noqa: PLC0415 - it imports a hundred services
    except ImportError as error:
        raise DependencyMissing(
            f"alerts need the extra `alerts` ({error}): pip install 'hybrid-signals[alerts]'"
        ) from error
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines hold the URLs

    def made(url: str) -> Callable[[str, str], bool] | None:
        sender = apprise.Apprise()
        if not sender.add(url):
            return None
        return lambda title, body: bool(sender.notify(title=title, body=body))

    return made
