"""The panels about who works: processes, leaders, sources and budgets."""

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ops.domain.live_view import LeaderLine
from ops.operator.terminal.frames import PROCESSES, STATES, panel, seconds, table
from ops.operator.terminal.money_text import ago, leader_name
from ops.operator.terminal.screen_frame import ScreenPicture
from shared.messages.service import SourceStatus

WHY = 40
"""Characters of a source's last error that are shown."""


def processes(picture: ScreenPicture) -> Panel:
    """Show every process with the age of its heartbeat, and who holds each shard."""
    made = table("service", "process", "money", "state", "last beat")
    for one in picture.standings or ():
        state = Text(one.state, PROCESSES[one.state])
        made.add_row(one.service, one.beat.instance, one.beat.mode, state, f"{one.age_s:.0f} s ago")
    for held in picture.shards:
        state = Text("held", "green") if held.holder else Text("nobody", "bold red")
        ago = "never" if held.age_s is None else f"{held.age_s:.0f} s ago"
        made.add_row(f"shard {held.name}", held.holder, picture.mode, state, ago)
    return panel(made, "processes")


def leaders(picture: ScreenPicture, *, short: bool = False) -> Panel:
    """Show whom we follow, and what became of what they did while somebody watched."""
    made = table("leader", *(() if short else ("signals",)), "followed", "skipped", "last")
    names = list(picture.view.progress.leaders) if picture.view.progress else []
    known = picture.view.leaders
    for name in sorted({*names, *known}, key=lambda leader: -known[leader].last_at_ms if leader in known else 0):
        called, leader = leader_name(name, picture.label_of(name)), known.get(name)
        line = leader or LeaderLine()
        counts = (*(() if short else (line.signals,)), line.bought, line.skipped)
        last = ago(line.last_at_ms or None, picture.now_ms)
        made.add_row(called, *map(str, counts), last.removesuffix(" ago") if short else last)
    return panel(made, "leaders", None if short else services_line(picture))


def sources(picture: ScreenPicture) -> Panel:
    """Show each source and each budget."""
    gates = table("gate", "target/s", "now", "hold", "granted")
    for gate in picture.gates:
        slowed = Text(f"{gate.factor:.0%}", "yellow" if gate.factor < 1 else "green")
        hold = f"{gate.hold_ms / 1000:.1f} s" if gate.hold_ms else ""
        gates.add_row(gate.name, f"{gate.target_per_s:g}", slowed, hold, str(gate.granted))
    return panel(Group(_source_table(picture), gates), "sources and budgets")


def short_sources(picture: ScreenPicture) -> Panel:
    """Show the sources on a narrow screen: state, speed, and why one fails."""
    made = table("source", "state", "covers", "p50", "p95", "silent", "why")
    for source in picture.view.progress.sources if picture.view.progress else ():
        state = picture.source_state(source.state)
        made.add_row(
            source.name,
            Text(state, STATES.get(state, "bold red")),
            "-" if source.coverage is None else f"{source.coverage:.0%}",
            seconds(source.lag_p50_ms),
            seconds(source.lag_p95_ms),
            seconds(silent_ms(picture, source)),
            source.last_error[:WHY],
        )
    return panel(made, "sources", services_line(picture))


def silent_ms(picture: ScreenPicture, source: SourceStatus) -> int | None:
    """Return how long a source has not answered: since its detector told that, more time has passed."""
    known = picture.board.sources if picture.board else ()
    return next((one.age_ms for one in known if one.name == source.name), source.stale_ms)


def services_line(picture: ScreenPicture) -> Text:
    """Return how each service stands."""
    line = Text()
    for name, state in picture.services.items():
        style = next((style for known, style in PROCESSES.items() if state.startswith(known)), "")
        line.append("  " if line else "").append(f"{name}: ").append(state, style)
    return line


def _source_table(picture: ScreenPicture) -> Table:
    made = table("source", "state", "polls", "rows", "first", "later", "covers", "p50", "p95", "p99", "silent", "why")
    for source in picture.view.progress.sources if picture.view.progress else ():
        state = picture.source_state(source.state)
        made.add_row(
            source.name,
            Text(state, STATES.get(state, "bold red")),
            str(source.polls),
            str(source.rows),
            str(source.seen_first),
            str(source.seen_later),
            "-" if source.coverage is None else f"{source.coverage:.0%}",
            seconds(source.lag_p50_ms),
            seconds(source.lag_p95_ms),
            seconds(source.lag_p99_ms),
            seconds(silent_ms(picture, source)),
            source.last_error[:WHY],
        )
    return made
