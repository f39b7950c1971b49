"""The totals of what was not followed, as text for a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ops.domain.rule_descriptions import words_of
from ops.domain.skip_stats import SkipStats
from ops.explain.timeline_words import moment, values


def totals(found: SkipStats) -> RenderableType:
    """Return the totals: one line for all, by rule, by leader."""
    since = moment(found.start_ms) if found.start_ms else "the beginning"
    line = Text.assemble(
        (f"{found.decided} signals decided", "bold"),
        f" from {since} to {moment(found.end_ms)}: {found.followed} followed, ",
        f"{found.unfilled} ordered and not filled, {found.skipped} skipped.",
        f" {found.dropped} fills dropped unconfirmed." if found.dropped else "",
        f" {found.undecided} not decided." if found.undecided else "",
        f" Besides, {found.exit_orders} orders of exits under way." if found.exit_orders else "",
    )
    return Group(line, Text(), _by_rule(found), Text(), _by_leader(found))


def _by_rule(found: SkipStats) -> Table:
    table = Table(title="by rule", title_justify="left", box=None, pad_edge=False, header_style="dim")
    table.add_column("rule")
    for column in ("skipped", "share", "alone", "also failed"):
        table.add_column(column, justify="right")
    table.add_column("the last time")
    table.add_column("hybrid why ...")
    for name, rule in found.ranked():
        share = f"{rule.first / found.decided:.0%}" if found.decided else ""
        last = f"{words_of(name) or 'value'}: {values(rule.last)}" if rule.last.rule else ""
        table.add_row(name, str(rule.first), share, str(rule.alone), str(rule.also), last, rule.last_signal[:12])
    for reason, count in found.outcomes.most_common():
        table.add_row(f"not filled: {reason}", str(count), f"{count / found.decided:.0%}", "", "", "", "")
    return table


def _by_leader(found: SkipStats) -> Table:
    table = Table(title="by leader", title_justify="left", box=None, pad_edge=False, header_style="dim")
    table.add_column("leader")
    for column in ("decided", "followed", "not filled", "skipped"):
        table.add_column(column, justify="right")
    table.add_column("mostly because of")
    for name, leader in sorted(found.leaders.items(), key=lambda item: -item[1].decided):
        because = ", ".join(f"{rule} {count}" for rule, count in leader.skipped.most_common(3))
        counts = (leader.decided, leader.followed, leader.unfilled, leader.skipped.total())
        label = found.labels.get(name, "")
        table.add_row(f"{label} {name}" if label else name or "unknown", *(str(count) for count in counts), because)
    return table
