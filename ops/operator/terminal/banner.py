"""The first line of every view: what stops orders, who is dead, whose money it is, then the figures."""

from collections.abc import Iterator
from decimal import Decimal

from rich.text import Text

from ops.operator.terminal.screen_frame import ScreenPicture
from shared.domain import ledger_accounts
from shared.domain.plain_text import make_plain
from shared.process.beats import ProcessStanding

STOPPED = {
    ledger_accounts.HALT: "KILL SWITCH ON",
    ledger_accounts.FLATTEN: "FLATTENING",
    ledger_accounts.PAUSE_ALL: "PAUSED",
    ledger_accounts.PAUSE_BUYS: "SELLS-ONLY",
}
"""Controls as they are shown, the strongest first."""
LOSSES = {
    "FILL_RETRACTED": "retracted",
    "SIGNAL_DROPPED": "dropped",
    "REDEMPTION_ALARM": "redemption alarms",
}
ALARM = "bold white on red"
WARNING = "bold yellow"
MOST_LINES = 4
_WORDS = {"dead": "DEAD", "failed": "FAILED", "hangs": "HANGS"}


def banner_line(picture: ScreenPicture) -> Text:
    """Return the first line; on a narrow terminal it goes on below, and what matters most still stands first."""
    urgent = (*_stopped(picture), *_away(picture), *_lost(picture), *_apart(picture), *_waiting(picture))
    parts = [*urgent, _mode(picture), *_figures(picture)]
    line = Text(overflow="ellipsis")
    for place, (words, style) in enumerate(parts):
        line.append("  " if place else "")
        line.append(words, style)
    return line


def _stopped(picture: ScreenPicture) -> Iterator[tuple[str, str]]:
    """Say which controls are on, and why the strongest is."""
    names = [name for control, name in STOPPED.items() if picture.balances.get(control)]
    if names:
        why = f" ({picture.stopped_by})" if picture.stopped_by else ""
        yield ", ".join(names) + why, ALARM


def _away(picture: ScreenPicture) -> Iterator[tuple[str, str]]:
    if picture.away:
        yield f"REDIS IS AWAY, so this is old: {picture.away}", ALARM


def _lost(picture: ScreenPicture) -> Iterator[tuple[str, str]]:
    """Say who does not work though nobody stopped it; when nothing works at all, that."""
    if picture.standings is None:
        return
    lost = [one for one in picture.standings if one.lost]
    for state, word in _WORDS.items():
        names = ", ".join(_named(one) for one in lost if one.state == state)
        if names:
            yield f"{word}: {names}", ALARM
    if not any(one.working for one in picture.standings):
        yield "NOTHING RUNS", WARNING
    elif idle := [held.name for held in picture.shards if held.age_s is not None and not held.holder]:
        yield f"NOBODY DECIDES ON SHARD {', '.join(idle)}", ALARM


def _apart(picture: ScreenPicture) -> Iterator[tuple[str, str]]:
    """Say where the wallet does not hold what the ledger says."""
    if picture.wallet_gaps:
        more = f" and {len(picture.wallet_gaps) - 1} more" if len(picture.wallet_gaps) > 1 else ""
        yield f"WALLET DIFFERS: {make_plain(picture.wallet_gaps[0])}{more}", ALARM


def _waiting(picture: ScreenPicture) -> Iterator[tuple[str, str]]:
    if picture.waiting_exits:
        word = "EXIT WAITS" if picture.waiting_exits == 1 else "EXITS WAIT"
        yield f"{picture.waiting_exits} {word} AT THE FLOOR", ALARM


def _named(one: ProcessStanding) -> str:
    return f"{one.service} for {one.age_s:.0f} s"


def _mode(picture: ScreenPicture) -> tuple[str, str]:
    """Say whose ledger the figures are of, whether a buyer spends that money now, and who else uses real money."""
    mode, running = picture.mode.upper(), picture.running
    if picture.standings is not None and picture.mode not in running:
        others = f", only {' and '.join(sorted(name.upper() for name in running))}" if running else ""
        style = ALARM if "live" in running else WARNING
        return f"ledger of {mode}; no buyer spends it now{others}", style
    real = picture.live_services if picture.mode == "paper" else ()
    if real:
        return f"PAPER, and LIVE: {', '.join(real)}", ALARM
    return mode, WARNING if picture.mode == "paper" else ALARM


def _figures(picture: ScreenPicture) -> Iterator[tuple[str, str]]:
    values, counts = picture.balances, picture.view.counts
    realized = values.get(ledger_accounts.REALIZED, 0)
    yield f"cash {usd(values.get(ledger_accounts.CASH, 0))}", ""
    yield f"in positions {usd(sum(lot.cost for lot in picture.lots))}", ""
    yield f"fees {usd(values.get(ledger_accounts.FEES, 0))}", ""
    yield f"realized {Decimal(realized).scaleb(-6):+,.2f}", "green" if realized >= 0 else "red"
    yield f" signals {counts['ACTIONABLE_SIGNAL']}", ""
    yield f"confirmations {counts['FILL_CONFIRMED']}", ""
    for event, name in LOSSES.items():
        if counts[event]:
            yield f"{name} {counts[event]}", "yellow"
    yield f"decisions {counts['BUY_ENGINE_DECISION']}", ""
    yield f"redemptions {counts['REDEMPTION_RESULT']}", ""


def usd(micro: int) -> str:
    """Return micro-units as dollars and cents."""
    return f"{Decimal(micro).scaleb(-6):,.2f}"
