"""The commands that a page may run, and the words of each: nothing else is ever started."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ops.web.domain.mode import check_mode
from ops.web.jobs.asked_command import COMMAND
from shared.domain.errors import BadConfig

_MOST_DAYS = 365
_MOST_HOURS = 24 * 31


@dataclass(frozen=True)
class AllowedJob:
    """A command with words that were checked, and what it is called on a page."""

    title: str
    words: Sequence[str]


def wallet_report(address: str, days: str, folder: Path) -> AllowedJob:
    """Judge a leader on his own past, as `hybrid wallet ADDRESS --history api` does; the result goes to `folder`.

    Raises:
        BadConfig: the days are none.
    """
    span = _number("--days", days, Decimal("0.01"), _MOST_DAYS)
    return AllowedJob(f"report on {address}, {span} days", ("ops.web.jobs.wallet_job", address, span, str(folder)))


def follow(leaders: Sequence[str], label: str, *, offline: bool) -> AllowedJob:
    """Follow leaders that were read, each after a look at it, as `hybrid follow` does.

    Raises:
        BadConfig: a label for several.
    """
    if label and len(leaders) > 1:
        raise BadConfig("--label names one leader: give one, or follow each by itself")
    flags = (*((f"--label={label}",) if label else ()), *(("--offline",) if offline else ()))
    title = f"follow {leaders[0]}" if len(leaders) == 1 else f"follow {len(leaders)} leaders"
    return AllowedJob(title, (COMMAND, "follow", *flags, *leaders))


def audit(hours: str) -> AllowedJob:
    """Count missed and doubled signals, as `hybrid audit --hours` does."""
    span = _number("--hours", hours, Decimal("0.001"), _MOST_HOURS)
    return AllowedJob(f"audit of {span} hours", (COMMAND, "audit", "--hours", span))


def redeem(*, now: bool) -> AllowedJob:
    """List what resolved and is not paid back, or have it redeemed, as `hybrid redeem` does."""
    words = (COMMAND, "redeem", "--now") if now else (COMMAND, "redeem")
    return AllowedJob("redeem what is due" if now else "look what is due", words)


def lift_alarm(condition_id: str) -> AllowedJob:
    """Lift the alarm of a condition, as `hybrid redeem --clear` does."""
    return AllowedJob(f"lift the alarm of {condition_id}", (COMMAND, "redeem", f"--clear={condition_id}"))


def reconcile(mode: str, what: str, name: str, why: str) -> AllowedJob:
    """End or settle what only a person can, as `hybrid reconcile` does.

    Raises:
        BadConfig: nothing of what it can do, or no reason.
    """
    check_mode(mode)
    flags = {"list": (), "close": (f"--close={name}",), "cash": ("--cash",), "wallet": ("--wallet",)}
    if what not in flags:
        raise BadConfig(f"{what}: give list, close, cash or wallet")
    if what == "close" and not name:
        raise BadConfig("--close: name an order or intent; the list below names them")
    if what != "list" and not why.strip():
        raise BadConfig("say why, with --why")
    reason = (f"--why={why.strip()}",) if why.strip() else ()
    return AllowedJob(f"reconcile {mode}: {what}", (COMMAND, "reconcile", "--mode", mode, *flags[what], *reason))


def _number(flag: str, text: str, least: Decimal, most: int) -> str:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal(-1)
    if not (number.is_finite() and least <= number <= most):
        raise BadConfig(f"{flag} {text}: a number from {least} to {most}")
    return f"{number:f}"
