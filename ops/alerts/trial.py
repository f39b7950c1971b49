"""One message to every place that is named, so that a person sees that it arrives."""

import sys
import threading

from ops.alerts.composition import build_channels
from ops.alerts.config import AlertSettings
from ops.alerts.domain.alert_message import AlertMessage, alert_id
from shared.clock import Clock, SystemClock
from shared.domain import exit_codes
from shared.domain.errors import HybridError


def send_trial(settings: AlertSettings, clock: Clock) -> list[tuple[str, str]]:
    """Send one message everywhere; return each place's name with what went wrong, '' for nothing.

    Raises:
        BadConfig: an address that cannot be read, or none at all.
    """
    settings.check_targets()
    now_ms = clock.now_ms()
    message = AlertMessage(
        id=alert_id("trial", now_ms),
        kind="digest",
        level="info",
        title="Hybrid Signals can reach you",
        lines=("This is a test: nothing happened.",),
        at_ms=now_ms,
    )
    found: list[tuple[str, str]] = []
    for channel in build_channels(settings, clock, threading.Event()):
        try:
            channel.deliver(message)
        except HybridError as error:
            found.append((channel.name, str(error)))
        else:
            found.append((channel.name, ""))
    return found


def main(settings: AlertSettings) -> int:
    """Send it and say what became of it; return the exit code."""
    found = send_trial(settings, SystemClock())
    for name, problem in found:
        sys.stdout.write(f"{name}: {f'not delivered: {problem}' if problem else 'delivered'}\n")
    if not found:
        sys.stdout.write("only HEARTBEAT_URL is set: nothing to send a message to\n")
    return exit_codes.CRASH if any(problem for _, problem in found) else exit_codes.CLEAN
