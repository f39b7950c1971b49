"""One fill's life, as text for a terminal."""

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ops.domain.fill_timeline import CopyCost, FillTimeline
from ops.domain.rule_descriptions import words_of
from ops.explain.timeline_words import (
    cost_words,
    deed_words,
    ending_of,
    moment,
    short_value,
    title_of,
    told_steps,
    total_words,
)
from shared.messages.decisions import BuyEngineDecision

COSTS = ("leader_price", "our_price", "by_price", "fee", "total")
_TITLE = "bold"
_VERDICTS = {"BUY": "bold green", "SELL": "bold magenta", "SKIP": "bold yellow"}


def story(told: FillTimeline) -> RenderableType:
    """Return one life: the headline, what happened when, every rule, what it cost."""
    parts: list[RenderableType] = [_headline(told), _events(told)]
    if told.decision:
        parts.append(_rules(told.decision))
    if told.cost and told.decision:
        parts.append(_cost(told.cost, told.decision.verdict))
    return Panel(Group(*parts), title=f"signal {told.signal_id[:16]}", title_align="left", border_style="blue")


def _headline(told: FillTimeline) -> Group:
    return Group(Text(title_of(told), _TITLE), _outcome(told))


def _outcome(told: FillTimeline) -> Text:
    open_still = told.dropped is not None or told.decision is None
    style = "bold yellow" if open_still or told.decision is None else _VERDICTS[told.decision.verdict]
    return Text(deed_words(told)).append(ending_of(told), style)


def _events(told: FillTimeline) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", expand=False)
    table.add_column("time (UTC)", no_wrap=True)
    table.add_column("after", justify="right", no_wrap=True, style="cyan")
    table.add_column("what happened")
    for step in told_steps(told):
        table.add_row(moment(step.at_ms), step.after, step.what)
    return table


def _rules(decision: BuyEngineDecision) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", expand=False)
    for column in ("", "rule", "what it compares", "value", "limit"):
        table.add_column(column)
    for rule in decision.rules:
        mark = Text("✓", "green") if rule.passed else Text("✗", "bold red")
        asked = Text(words_of(rule.rule), "dim" if rule.passed else "red")
        table.add_row(mark, rule.rule, asked, short_value(rule.value), rule.limit, style="" if rule.passed else "red")
    return table


def _cost(cost: CopyCost, verdict: str) -> Text:
    color = "red" if cost.total > 0 else "green"
    return Text.assemble(("against the leader: ", _TITLE), cost_words(cost, verdict), (total_words(cost), color))
