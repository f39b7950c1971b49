"""The live terminal view: what happens, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from rich.console import Group
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ops.view import View
from shared import accounts
from shared.accounts import Lot
from shared.events import BuyEngineDecision, GateStatus
from shared.money import from_micro, price_of

_WIDTHS = {"leader": 11, "verdict": 7, "side": 4, "shares": 8, "price": 6, "paid": 7, "fee": 6, "cost": 7, "lag": 6}
_WIDE = {"market": 2, "why": 3}
_NUMBERS = {"signals", "followed", "skipped", "shares", "price", "paid", "fee", "cost", "per share", "lag", "polls"} | {
    *("rows", "first", "later", "covers", "lag p50", "p95", "p99", "silent"),
    *("target/s", "now", "hold", "granted"),
}
_STATES = {"ok": "green", "starting": "yellow", "failing": "red", "stopped": "dim"} | dict.fromkeys(
    ("late", "mute", "blind", "demoted"), "bold red"
)
_STOPPED = {
    accounts.HALT: "KILL SWITCH ON",
    accounts.FLATTEN: "FLATTENING",
    accounts.PAUSE_ALL: "PAUSED",
    accounts.PAUSE_BUYS: "BUYS PAUSED",
}
"""Controls as the header shows them, the strongest first."""
_LOSSES = {
    "FILL_RETRACTED": "retracted",
    "SIGNAL_DROPPED": "dropped",
    "REDEMPTION_ALARM": "redemption alarms",
}
_SIDES = {"BUY": "green", "SELL": "magenta", "SKIP": "dim"}


@dataclass
class Picture:
    """Everything one frame shows."""

    view: View
    balances: dict[str, int] = field(default_factory=dict[str, int])
    lots: list[Lot] = field(default_factory=list[Lot])
    gates: Sequence[GateStatus] = ()
    now_ms: int = 0
    title: str = "Hybrid Signals"
    rows: int = 8
    stopped_by: str = ""
    mode: str = "paper"


def full_screen(picture: Picture, height: int) -> Layout:
    """Return the picture as one screen of `height` lines."""
    leaders = len(picture.view.progress.leaders) if picture.view.progress else 0
    sources = len(picture.view.progress.sources) if picture.view.progress else 0
    top = min(max(leaders + 3, sources + len(picture.gates) + 4, 8), height // 3)
    picture.rows = max(4, (height - 3 - top) // 2 - 3)
    layout = Layout()
    layout.split_column(
        Layout(_header(picture), size=3), Layout(name="top", size=top), Layout(name="middle"), Layout(name="low")
    )
    layout["top"].split_row(Layout(_leaders(picture)), Layout(_sources(picture), ratio=2))
    layout["middle"].split_row(Layout(_signals(picture)), Layout(_decisions(picture)))
    layout["low"].split_row(Layout(_positions(picture)), Layout(_redemptions(picture)))
    return layout


def page(picture: Picture) -> Group:
    """Return the picture as plain sections, for a pipe or one look."""
    parts = (_header, _leaders, _sources, _signals, _decisions, _positions, _redemptions)
    return Group(*(part(picture) for part in parts))


def _header(picture: Picture) -> Panel:
    values = picture.balances
    halted = any(values.get(control) for control in _STOPPED)
    line = Text.assemble(
        _mode(picture),
        f"  cash {_usd(values.get(accounts.CASH, 0))}",
        f"  in positions {_usd(sum(lot.cost for lot in picture.lots))}",
        f"  fees {_usd(values.get(accounts.FEES, 0))}",
        "  realized ",
        _signed(values.get(accounts.REALIZED, 0)),
        f"   signals {picture.view.counts['ACTIONABLE_SIGNAL']}",
        f"  confirmations {picture.view.counts['FILL_CONFIRMED']}",
        _losses(picture),
        f"  decisions {picture.view.counts['BUY_ENGINE_DECISION']}",
        f"  redemptions {picture.view.counts['REDEMPTION_RESULT']}",
        (f"   {_stopped(picture)}", "bold red"),
    )
    return Panel(line, title=picture.title, title_align="left", border_style="red" if halted else "blue")


def _mode(picture: Picture) -> tuple[str, str]:
    """Say whose ledger the figures are of, and which other services use real money."""
    others = sorted(picture.view.live) if picture.mode == "paper" else []
    if others:
        return f"PAPER, and LIVE: {', '.join(others)}", "bold white on red"
    return picture.mode.upper(), "bold yellow" if picture.mode == "paper" else "bold white on red"


def _stopped(picture: Picture) -> str:
    """Say which controls are on, and why the strongest is."""
    names = [name for control, name in _STOPPED.items() if picture.balances.get(control)]
    return "  ".join(names) + (f" ({picture.stopped_by})" if names and picture.stopped_by else "")


def _losses(picture: Picture) -> Text:
    """Say what was retracted by the chain, or dropped because nobody confirmed it."""
    counts = picture.view.counts
    said = [f"  {name} {counts[event]}" for event, name in _LOSSES.items() if counts[event]]
    return Text("".join(said), "yellow")


def _leaders(picture: Picture) -> Panel:
    table = _table("leader", "signals", "followed", "skipped", "last")
    names = list(picture.view.progress.leaders) if picture.view.progress else []
    known = picture.view.leaders
    for name in sorted({*names, *known}, key=lambda leader: -known[leader].last_at_ms if leader in known else 0):
        leader = known.get(name)
        if leader is None:
            table.add_row(_short(name), "0", "0", "0", "-")
        else:
            ago = _ago(picture.now_ms - leader.last_at_ms) if leader.last_at_ms else "-"
            table.add_row(_short(name), str(leader.signals), str(leader.bought), str(leader.skipped), ago)
    services = "  ".join(f"{name}: {state}" for name, state in sorted(picture.view.services.items()))
    return Panel(table, title="leaders", title_align="left", subtitle=services, subtitle_align="left")


def _sources(picture: Picture) -> Panel:
    table = _table(
        "source", "state", "polls", "rows", "first", "later", "covers", "lag p50", "p95", "p99", "silent", "why"
    )
    for source in picture.view.progress.sources if picture.view.progress else ():
        table.add_row(
            source.name,
            Text(source.state, _STATES[source.state]),
            str(source.polls),
            str(source.rows),
            str(source.seen_first),
            str(source.seen_later),
            "-" if source.coverage is None else f"{source.coverage:.0%}",
            _seconds(source.lag_p50_ms),
            _seconds(source.lag_p95_ms),
            _seconds(source.lag_p99_ms),
            _seconds(source.stale_ms),
            source.last_error[:40],
        )
    gates = _table("gate", "target/s", "now", "hold", "granted")
    for gate in picture.gates:
        slowed = Text(f"{gate.factor:.0%}", "yellow" if gate.factor < 1 else "green")
        hold = f"{gate.hold_ms / 1000:.1f} s" if gate.hold_ms else ""
        gates.add_row(gate.name, f"{gate.target_per_s:g}", slowed, hold, str(gate.granted))
    return Panel(Group(table, gates), title="sources and budgets", title_align="left")


def _signals(picture: Picture) -> Panel:
    table = _table("leader", "side", "shares", "price", "market", "by", "lag")
    for signal in list(picture.view.signals)[: picture.rows]:
        seen = signal.seen_by[0] if signal.seen_by else None
        table.add_row(
            _short(signal.leader),
            Text(signal.side, _SIDES[signal.side]),
            f"{signal.shares:.2f}",
            f"{signal.price:.3f}" if signal.cause == "TRADE" else "merged",
            _title(picture, signal.token_id),
            seen.source if seen else "",
            _seconds(seen.lag_ms if seen else None),
        )
    return Panel(table, title="signals", title_align="left")


def _decisions(picture: Picture) -> Panel:
    table = _table("verdict", "market", "why", "shares", "paid", "fee")
    for decision in list(picture.view.decisions)[: picture.rows]:
        outcome = decision.outcome
        table.add_row(
            Text(decision.verdict, _SIDES[decision.verdict]),
            _title(picture, decision.token_id),
            _why(decision),
            f"{outcome.shares:.2f}" if outcome else "",
            f"{outcome.usdc:.2f}" if outcome else "",
            f"{outcome.fee:.3f}" if outcome else "",
        )
    reasons = "  ".join(f"{reason} {count}" for reason, count in picture.view.reasons.most_common(5))
    return Panel(table, title="decisions", title_align="left", subtitle=f"skipped: {reasons}", subtitle_align="left")


def _positions(picture: Picture) -> Panel:
    table = _table("market", "leader", "shares", "cost", "per share")
    for lot in sorted(picture.lots, key=lambda lot: -lot.cost)[: picture.rows]:
        table.add_row(
            (lot.title or lot.token_id)[:34],
            _short(lot.leader),
            f"{from_micro(lot.shares):.2f}",
            _usd(lot.cost),
            f"{price_of(lot.cost, lot.shares):.3f}",
        )
    return Panel(table, title=f"positions ({len(picture.lots)})", title_align="left")


def _redemptions(picture: Picture) -> Panel:
    table = _table("market", "payout", "paid", "cost", "result")
    for result in list(picture.view.redemptions)[: picture.rows]:
        table.add_row(
            (result.title or result.condition_id)[:34],
            " / ".join(result.payouts),
            f"{result.paid:.2f}",
            f"{result.cost:.2f}",
            _signed(int(result.realized.scaleb(6))),
        )
    return Panel(table, title="redemptions", title_align="left")


def _why(decision: BuyEngineDecision) -> str:
    if decision.outcome is not None:
        return decision.outcome.reason or decision.outcome.state
    failed = next((rule for rule in decision.rules if not rule.passed), None)
    if failed is None:
        return decision.reason
    if failed.rule == "inputs_known":
        return failed.value
    return f"{failed.rule}: {failed.value}" + (f" (limit {failed.limit})" if failed.limit else "")


def _table(*columns: str) -> Table:
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim", show_edge=False)
    for column in columns:
        numeric = column in _NUMBERS
        table.add_column(
            column,
            justify="right" if numeric else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=_WIDTHS.get(column),
            ratio=_WIDE.get(column),
        )
    return table


def _title(picture: Picture, token_id: str) -> str:
    return picture.view.titles.get(token_id, f"token {token_id[:8]}…")[:34]


def _short(address: str) -> str:
    return f"{address[:6]}…{address[-4:]}"


def _usd(micro: int) -> str:
    return f"{Decimal(micro).scaleb(-6):,.2f}"


def _signed(micro: int) -> Text:
    return Text(f"{Decimal(micro).scaleb(-6):+,.2f}", "green" if micro >= 0 else "red")


def _seconds(milliseconds: int | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds / 1000:.1f} s"


def _ago(milliseconds: int) -> str:
    return f"{max(0, milliseconds) // 1000} s ago"
