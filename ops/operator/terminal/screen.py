"""The live view in a terminal: processes, leaders, sources, signals, decisions and positions."""

from dataclasses import dataclass
from decimal import Decimal

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ops.operator.terminal.banner import MOST_LINES, banner_line, usd
from ops.operator.terminal.screen_frame import ScreenPicture
from shared.domain.money import Shares, Usdc, from_micro, price_of
from shared.messages.decisions import BuyEngineDecision

_WIDTHS = {"state": 9, "leader": 11, "verdict": 7, "side": 4, "shares": 8, "price": 6} | (
    dict.fromkeys(("paid", "cost"), 7) | dict.fromkeys(("fee", "lag"), 6)
)
_NARROW = 120
_WIDE = {"market": 2, "why": 3}
_NUMBERS = {"signals", "followed", "skipped", "shares", "price", "paid", "fee", "cost", "per share", "lag", "polls"} | {
    *("rows", "first", "later", "covers", "lag p50", "p95", "p99", "silent"),
    *("target/s", "now", "hold", "granted"),
}
_STATES = {"ok": "green", "starting": "yellow", "failing": "red", "stopped": "dim"} | dict.fromkeys(
    ("late", "mute", "blind", "demoted"), "bold red"
)
_PROCESSES = {
    "starting": "yellow",
    "up": "green",
    "not ready": "yellow",
    "stopped": "dim",
    **dict.fromkeys(("hangs", "failed", "dead"), "bold red"),
}
_SIDES = {"BUY": "green", "SELL": "magenta", "SKIP": "dim"}


def full_screen(picture: ScreenPicture, height: int) -> RenderableType:
    """Return the picture as one screen of `height` lines, of whatever width it is drawn in."""
    return _Screen(picture, height)


def page(picture: ScreenPicture) -> Group:
    """Return the picture as plain sections, for a pipe or one look."""
    parts = (_processes, _leaders, _sources, _signals, _decisions, _positions, _redemptions)
    return Group(banner_line(picture), Text(picture.title, "dim"), *(part(picture) for part in parts))


@dataclass(frozen=True)
class _Screen:
    picture: ScreenPicture
    height: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = banner_line(self.picture)
        if options.max_width >= _NARROW:
            line.append(f"   {self.picture.title}", "dim")
        lines = min(MOST_LINES, len(line.wrap(console, options.max_width)), max(1, self.height - 1))
        if options.max_width < _NARROW:
            yield _narrow_layout(self.picture, line, lines, self.height)
        else:
            yield _layout(self.picture, line, lines, self.height)


def _narrow_layout(picture: ScreenPicture, line: Text, lines: int, height: int) -> Layout:
    """Return what matters most, one below the other: side by side, markets and reasons would have no room."""
    sources = len(picture.view.progress.sources) if picture.view.progress else 0
    top = min(sources + 3, height // 3)
    picture.rows = max(1, (height - lines - top) // 2 - 3)
    layout = Layout()
    layout.split_column(
        Layout(line, size=lines),
        Layout(_panel(_source_table(picture), "sources", _services(picture)), size=top),
        Layout(_decisions(picture)),
        Layout(_positions(picture)),
    )
    return layout


def _layout(picture: ScreenPicture, line: Text, lines: int, height: int) -> Layout:
    leaders = len(picture.view.progress.leaders) if picture.view.progress else 0
    sources = len(picture.view.progress.sources) if picture.view.progress else 0
    top = min(max(leaders + 3, sources + len(picture.gates) + 4, 8), height // 3)
    picture.rows = max(4, (height - lines - top) // 2 - 3)
    layout = Layout()
    layout.split_column(
        Layout(line, size=lines), Layout(name="top", size=top), Layout(name="middle"), Layout(name="low")
    )
    layout["top"].split_row(Layout(_leaders(picture)), Layout(_sources(picture), ratio=2))
    layout["middle"].split_row(Layout(_signals(picture)), Layout(_decisions(picture)))
    layout["low"].split_row(Layout(_positions(picture)), Layout(_redemptions(picture)))
    return layout


def _processes(picture: ScreenPicture) -> Panel:
    """Show every process with the age of its heartbeat, and who holds each shard."""
    table = _table("service", "process", "money", "state", "last beat")
    for one in picture.standings or ():
        state = Text(one.state, _PROCESSES[one.state])
        table.add_row(one.service, one.beat.instance, one.beat.mode, state, f"{one.age_s:.0f} s ago")
    for held in picture.shards:
        state = Text("held", "green") if held.holder else Text("nobody", "bold red")
        ago = "never" if held.age_s is None else f"{held.age_s:.0f} s ago"
        table.add_row(f"shard {held.name}", held.holder, picture.mode, state, ago)
    return _panel(table, "processes")


def _leaders(picture: ScreenPicture) -> Panel:
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
    return _panel(table, "leaders", _services(picture))


def _panel(inside: RenderableType, title: str, subtitle: Text | None = None) -> Panel:
    return Panel(inside, title=title, title_align="left", subtitle=subtitle, subtitle_align="left")


def _services(picture: ScreenPicture) -> Text:
    line = Text()
    for name, state in picture.services.items():
        style = next((style for known, style in _PROCESSES.items() if state.startswith(known)), "")
        line.append("  " if line else "").append(f"{name}: ").append(state, style)
    return line


def _source_table(picture: ScreenPicture) -> Table:
    table = _table(
        "source", "state", "polls", "rows", "first", "later", "covers", "lag p50", "p95", "p99", "silent", "why"
    )
    for source in picture.view.progress.sources if picture.view.progress else ():
        state = picture.source_state(source.state)
        table.add_row(
            source.name,
            Text(state, _STATES.get(state, "bold red")),
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
    return table


def _sources(picture: ScreenPicture) -> Panel:
    gates = _table("gate", "target/s", "now", "hold", "granted")
    for gate in picture.gates:
        slowed = Text(f"{gate.factor:.0%}", "yellow" if gate.factor < 1 else "green")
        hold = f"{gate.hold_ms / 1000:.1f} s" if gate.hold_ms else ""
        gates.add_row(gate.name, f"{gate.target_per_s:g}", slowed, hold, str(gate.granted))
    return _panel(Group(_source_table(picture), gates), "sources and budgets")


def _signals(picture: ScreenPicture) -> Panel:
    table = _table("leader", "side", "shares", "price", "market", "by", "lag")
    for signal in list(picture.view.signals)[: picture.rows]:
        seen = signal.seen_by[0] if signal.seen_by else None
        table.add_row(
            _short(signal.leader),
            Text(signal.side, _SIDES[signal.side]),
            f"{from_micro(signal.shares):.2f}",
            f"{from_micro(signal.price):.3f}" if signal.cause == "TRADE" else "merged",
            _title(picture, signal.token_id),
            seen.source if seen else "",
            _seconds(seen.lag_ms if seen else None),
        )
    return _panel(table, "signals")


def _decisions(picture: ScreenPicture) -> Panel:
    table = _table("verdict", "market", "why", "shares", "paid", "fee")
    for decision in list(picture.view.decisions)[: picture.rows]:
        outcome = decision.outcome
        table.add_row(
            Text(decision.verdict, _SIDES[decision.verdict]),
            _title(picture, decision.token_id),
            _why(decision),
            f"{from_micro(outcome.shares):.2f}" if outcome else "",
            f"{from_micro(outcome.usdc):.2f}" if outcome else "",
            f"{from_micro(outcome.fee):.3f}" if outcome else "",
        )
    reasons = "  ".join(f"{reason} {count}" for reason, count in picture.view.reasons.most_common(5))
    return _panel(table, "decisions", Text(f"skipped: {reasons}"))


def _positions(picture: ScreenPicture) -> Panel:
    table = _table("market", "leader", "shares", "cost", "per share")
    for lot in sorted(picture.lots, key=lambda lot: -lot.cost)[: picture.rows]:
        table.add_row(
            (lot.title or lot.token_id)[:34],
            _short(lot.leader),
            f"{from_micro(lot.shares):.2f}",
            usd(lot.cost),
            f"{from_micro(price_of(Usdc(lot.cost), Shares(lot.shares))):.3f}",
        )
    return _panel(table, f"positions ({len(picture.lots)})")


def _redemptions(picture: ScreenPicture) -> Panel:
    table = _table("market", "payout", "paid", "cost", "result")
    for result in list(picture.view.redemptions)[: picture.rows]:
        table.add_row(
            (result.title or result.condition_id)[:34],
            " / ".join(result.payouts),
            f"{from_micro(result.paid):.2f}",
            f"{from_micro(result.cost):.2f}",
            _signed(result.realized),
        )
    return _panel(table, "redemptions")


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


def _title(picture: ScreenPicture, token_id: str) -> str:
    return picture.view.titles.get(token_id, f"token {token_id[:8]}…")[:34]


def _short(address: str) -> str:
    return f"{address[:6]}…{address[-4:]}"


def _signed(micro: int) -> Text:
    return Text(f"{Decimal(micro).scaleb(-6):+,.2f}", "green" if micro >= 0 else "red")


def _seconds(milliseconds: int | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds / 1000:.1f} s"


def _ago(milliseconds: int) -> str:
    return f"{max(0, milliseconds) // 1000} s ago"
