"""The first lines of every view: what is traded and what stops it, then the money, then the limits.

The words of the state come first and are never cut: what stops orders, who is dead, whose money it is. Why follows,
and goes on below on a narrow terminal.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from rich.text import Text

from ops.board.money_rows import CapUse
from ops.operator.terminal.money_text import signed, span, usd
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
RUNNING = "bold green"
MOST_LINES = 4
GAP = "  "
"""Between two parts of a line."""
_WORDS = {"dead": "DEAD", "failed": "FAILED", "hangs": "HANGS"}
_CAPS = {
    "MAX_DAY_USDC": "day",
    "MAX_TOTAL_USDC": "total",
    "MAX_MARKET_USDC": "market",
    "MAX_EVENT_USDC": "event",
    "MAX_LEADER_USDC": "leader",
    "MAX_DAY_LOSS_USDC": "day's loss",
    "MAX_DRAWDOWN_USDC": "drawdown",
    "MAX_GROUP_USDC": "group",
}
"""Limits as they are shown, what one asks for first."""

_SAID = frozenset(
    {"killed", "paused", "sells only", "flattening", "stopped", "away", "lost", "wallet", "exits", "idle"}
)
"""Alarms whose words stand in the state."""
Part = tuple[str, str]


def state_line(picture: ScreenPicture) -> Text:
    """Return the state; on a narrow terminal it goes on below, and its words still stand first."""
    urgent = [*_stopped(picture), *_away(picture), *_lost(picture), *_apart(picture), *_waiting(picture)]
    running = [("RUNNING", RUNNING)] if not urgent and _runs(picture) else []
    return _joined(chain(urgent, [_mode(picture)], running, _reasons(picture)))


def money_line(picture: ScreenPicture) -> Text:
    """Return what the account comes to, and what it gained or lost."""
    board = picture.board
    if board is None:
        return _joined(_balances(picture))
    parts = [(f"equity {usd(board.equity)}", "bold"), (f"cash {usd(board.cash)}", "")]
    for one in board.pnl:
        total = signed(None if one.unrealized is None else one.realized + one.unrealized)
        parts.append((f"{one.span} {total.plain}", total.style if isinstance(total.style, str) else ""))
    return _joined(parts)


def limits_line(picture: ScreenPicture) -> Text:
    """Return how much of each limit is used, the fullest in colour."""
    caps = {cap.name: cap for cap in picture.board.caps} if picture.board else {}
    shown = [(f"{short} {_used(caps[name])}", _cap_style(caps[name])) for name, short in _CAPS.items() if name in caps]
    return _joined([("limits", "dim"), *shown]) if shown else Text()


def alarm_line(picture: ScreenPicture) -> Text:
    """Return the first thing to look at that the state does not say already; empty for nothing."""
    found = [one for one in picture.board.alarms if one.name.partition(":")[0] not in _SAID] if picture.board else []
    if not found:
        return Text()
    more = f"  (and {len(found) - 1} more)" if len(found) > 1 else ""
    return _joined([(found[0].text, WARNING), (more.strip(), "dim")] if more else [(found[0].text, WARNING)])


def counts_line(picture: ScreenPicture) -> Text:
    """Return what came and what was decided while somebody watched."""
    return _joined(_counts(picture))


def whole_parts(line: Text, width: int, most: int) -> list[Text]:
    """Return a line as at most `most` lines of `width`: a part goes on the next one whole, or is left out."""
    lines = [Text()]
    for part in line.split(GAP):
        room = width - lines[-1].cell_len - (len(GAP) if lines[-1] else 0)
        if part.cell_len > room:
            if len(lines) == most or not lines[-1]:
                break
            lines.append(Text())
        lines[-1].append(GAP if lines[-1] else "").append_text(part)
    return [each for each in lines if each]


def _joined(parts: Iterable[Part]) -> Text:
    line = Text(overflow="ellipsis")
    for place, (words, style) in enumerate(parts):
        line.append(GAP if place else "")
        line.append(make_plain(words), style)
    return line


def _stopped(picture: ScreenPicture) -> Iterator[Part]:
    """Say which controls are on."""
    names = [name for control, name in STOPPED.items() if picture.balances.get(control)]
    if names:
        yield ", ".join(names), ALARM


def _away(picture: ScreenPicture) -> Iterator[Part]:
    if picture.away:
        yield "REDIS IS AWAY", ALARM
    elif picture.board is not None and picture.board.state.word == "away":
        yield "THE VENUE IS AWAY", ALARM


def _lost(picture: ScreenPicture) -> Iterator[Part]:
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


def _apart(picture: ScreenPicture) -> Iterator[Part]:
    """Say that the wallet does not hold what the ledger says."""
    if picture.wallet_gaps:
        yield "WALLET DIFFERS", ALARM


def _waiting(picture: ScreenPicture) -> Iterator[Part]:
    if picture.waiting_exits:
        word = "EXIT WAITS" if picture.waiting_exits == 1 else "EXITS WAIT"
        yield f"{picture.waiting_exits} {word} AT THE FLOOR", ALARM


def _reasons(picture: ScreenPicture) -> Iterator[Part]:
    """Say why, in the order of the words."""
    if picture.stopped_by:
        yield f"{picture.stopped_by}{_since(picture)}", ""
    if picture.away:
        yield f"this is old: {picture.away}", ""
    elif picture.board is not None and picture.board.state.word == "away":
        yield picture.board.state.why, ""
    if picture.wallet_gaps:
        more = f" and {len(picture.wallet_gaps) - 1} more" if len(picture.wallet_gaps) > 1 else ""
        yield f"{make_plain(picture.wallet_gaps[0])}{more}", ""


def _since(picture: ScreenPicture) -> str:
    board = picture.board
    if board is None or board.state.since_ms is None:
        return ""
    return f" ({span((board.at_ms - board.state.since_ms) / 1000)} ago)"


def _named(one: ProcessStanding) -> str:
    return f"{one.service} for {one.age_s:.0f} s"


def _runs(picture: ScreenPicture) -> bool:
    return picture.board is not None and picture.board.state.word == "running"


def _mode(picture: ScreenPicture) -> Part:
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


def _used(cap: CapUse) -> str:
    limit = usd(cap.limit).removesuffix(".00")
    return f"{usd(cap.used)}/{limit}"


def _cap_style(cap: CapUse) -> str:
    if cap.used is None:
        return "dim"
    return "bold red" if cap.used >= cap.limit else "yellow" if cap.used * 10 >= cap.limit * 8 else ""


def _balances(picture: ScreenPicture) -> Iterator[Part]:
    """Return the figures of a picture that nobody read a board for."""
    values = picture.balances
    yield f"cash {usd(values.get(ledger_accounts.CASH, 0))}", ""
    yield f"in positions {usd(sum(lot.cost for lot in picture.lots))}", ""
    yield f"fees {usd(values.get(ledger_accounts.FEES, 0))}", ""
    realized = values.get(ledger_accounts.REALIZED, 0)
    yield f"realized {signed(realized).plain}", "green" if realized >= 0 else "red"


def _counts(picture: ScreenPicture) -> Iterator[Part]:
    counts = picture.view.counts
    yield f"signals {counts['ACTIONABLE_SIGNAL']}", ""
    yield f"confirmations {counts['FILL_CONFIRMED']}", ""
    for event, name in LOSSES.items():
        if counts[event]:
            yield f"{name} {counts[event]}", "yellow"
    yield f"decisions {counts['BUY_ENGINE_DECISION']}", ""
    yield f"redemptions {counts['REDEMPTION_RESULT']}", ""
