"""One fill's life in words, for whatever shows them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from operator import itemgetter

from ops.domain.fill_timeline import CopyCost, FillTimeline
from ops.domain.rule_descriptions import words_of
from shared.domain.market import Book
from shared.domain.money import from_micro, micro_text, price_of
from shared.messages.decisions import BuyEngineDecision, Outcome, RuleResult
from shared.messages.signals import ActionableSignal

_HASH = re.compile(r"(0x[0-9a-f]{8})[0-9a-f]{32,}")


@dataclass(frozen=True)
class ToldStep:
    """One thing that happened, and how long after the leader's trade ('' where nobody knows)."""

    at_ms: int
    after: str
    what: str


@dataclass(frozen=True)
class ToldStory:
    """A life as a page shows it; `tone` is what became of it: BUY, SELL, SKIP, or '' while it is open."""

    signal_id: str
    title: str
    deed: str
    tone: str
    ending: str
    steps: tuple[ToldStep, ...]
    rules: tuple[RuleResult, ...]
    cost: str


def told_story(told: FillTimeline) -> ToldStory:
    """Return a life in words."""
    decision = told.decision
    tone = "" if told.dropped or decision is None else decision.verdict
    cost = cost_words(told.cost, decision.verdict) + total_words(told.cost) if told.cost and decision else ""
    rules = decision.rules if decision else ()
    return ToldStory(
        told.signal_id, title_of(told), deed_words(told), tone, ending_of(told), told_steps(told), rules, cost
    )


def deed_words(told: FillTimeline) -> str:
    """Return who did what."""
    signal = told.signal
    leader = f"{signal.leader_label or signal.leader[:10]} " if signal else "the leader "
    return f"{leader}{deed_of(signal) if signal else 'traded'}. "


def ending_of(told: FillTimeline) -> str:
    """Return what became of it."""
    if told.dropped:
        return f"Never a signal: {told.dropped.reason}."
    return verdict_words(told.decision, told.outcome) if told.decision else "Not decided yet."


def told_steps(told: FillTimeline) -> tuple[ToldStep, ...]:
    """Return what happened, in order."""
    began_ms = told.signal.traded_at_ms if told.signal else told.dropped.traded_at_ms if told.dropped else None
    return tuple(
        ToldStep(at_ms, "" if began_ms is None else f"{seconds_of(at_ms - began_ms):+.1f} s", what)
        for at_ms, what in steps_in_order(told)
    )


def cost_words(cost: CopyCost, verdict: str) -> str:
    """Return what following cost against the leader, without its sum."""
    beside = "paid" if verdict == "BUY" else "received"
    word, amount = ("worse", cost.by_price) if cost.by_price >= 0 else ("better", -cost.by_price)
    return (
        f"{cost.our_price} {beside} a share, the leader's {cost.leader_price}: {money_words(amount)} {word}; "
        f"fee {money_words(cost.fee)}; together "
    )


def total_words(cost: CopyCost) -> str:
    """Return the sum that following cost."""
    return f"{cost.total:+f} pUSD"


def title_of(told: FillTimeline) -> str:
    """Return the market and what of it was traded."""
    facts = told.decision.inputs.market if told.decision else None
    hint = told.signal.market if told.signal else None
    title = (facts.title if facts else "") or (hint.title if hint else "")
    outcome = (facts.outcome if facts else "") or (hint.outcome if hint else "")
    known = title or f"token {told.signal.token_id[:16] if told.signal else '?'}"
    return f"{known} — {outcome}" if outcome else known


def deed_of(signal: ActionableSignal) -> str:
    """Return what the leader did."""
    if signal.cause == "MERGE":
        return f"merged {from_micro(signal.shares):,.2f} back into collateral"
    return f"{signal.side.lower()} {from_micro(signal.shares):,.2f} at {micro_text(signal.price)}"


def verdict_words(decision: BuyEngineDecision, outcome: Outcome | None) -> str:
    """Return what was decided, and what came of the order."""
    if decision.verdict == "SKIP":
        return f"Skipped: {_why(decision)}."
    word = "Bought" if decision.verdict == "BUY" else "Sold"
    if outcome is None or not outcome.shares:
        return f"Ordered, nothing filled: {(outcome.reason or outcome.state) if outcome else 'no outcome yet'}."
    return f"{word} {from_micro(outcome.shares):,.2f} at {micro_text(price_of(outcome.usdc, outcome.shares))}."


def _why(decision: BuyEngineDecision) -> str:
    failed = next((rule for rule in decision.rules if not rule.passed and rule.rule == decision.reason), None)
    return _compared(failed) if failed else decision.reason


def _compared(rule: RuleResult) -> str:
    asked = f" ({words_of(rule.rule)})" if words_of(rule.rule) else ""
    return f"{rule.rule}{asked}: {values(rule)}"


def values(rule: RuleResult) -> str:
    """Return what a rule saw, and its limit."""
    return (short_value(rule.value) or "nothing") + (f", limit {rule.limit}" if rule.limit else "")


def short_value(text: str) -> str:
    """Return a rule's value with long hashes cut: the whole one is in the JSON."""
    return _HASH.sub(r"\1…", text)


def steps_in_order(told: FillTimeline) -> list[tuple[int, str]]:
    """Return the leader's trade first, whatever the clocks say: its block's time has whole seconds only."""
    steps, known = list(_happened(told)), 1 if told.signal else 0
    return steps[:known] + sorted(steps[known:], key=itemgetter(0))


def _happened(told: FillTimeline) -> Iterator[tuple[int, str]]:
    if told.signal:
        yield from _signalled(told.signal)
    for confirmed in told.confirmations:
        note = "" if confirmed.counts else " (demoted then: does not count)"
        behind = f"{confirmed.behind_first_ms / 1000:.1f} s after {confirmed.first_source}"
        again = f", sent again as {confirmed.replaced_by}" if confirmed.replaced_by else ""
        yield confirmed.seen_at_ms, f"confirmed by {confirmed.source}, {behind}{again}{note}"
    for retracted in told.retractions:
        yield retracted.seen_at_ms, f"taken back by the chain, says {retracted.source}: {retracted.reason}"
    if told.dropped:
        seen = ", ".join(sighting.source for sighting in told.dropped.seen_by)
        yield told.dropped.emitted_at_ms, f"dropped: {told.dropped.reason} (shown by {seen})"
    if told.decision:
        yield from _decided(told.decision)
    if told.completion:
        yield from ((at_ms, f"once confirmed, {what}") for at_ms, what in _decided(told.completion))
    for update in told.updates:
        if update.state in _said_already(told.decision):
            continue
        said = f": {update.outcome.reason}" if update.outcome and update.outcome.reason else ""
        yield update.emitted_at_ms, f"order {update.order_id[:12]} is {update.state}{said}"
    yield from _ended(told)


def _said_already(decision: BuyEngineDecision | None) -> set[str]:
    """Return the states of an order that the decision's own lines tell: that it was meant, and what it got at once."""
    return {"INTENT"} | ({decision.outcome.state} if decision and decision.outcome else set())


def _signalled(signal: ActionableSignal) -> Iterator[tuple[int, str]]:
    fills = f" in {len(signal.fills)} fills" if len(signal.fills) > 1 else ""
    part, shares = f", part {signal.part + 1}" if signal.part else "", micro_text(signal.shares)
    did = f"{signal.side} {shares} at {micro_text(signal.price)} = {micro_text(signal.usdc)} pUSD{fills}"
    did = did if signal.cause == "TRADE" else f"MERGE {shares} of each outcome"
    yield signal.traded_at_ms, f"leader {signal.leader}: {did}, transaction {signal.tx_hash}"
    for sighting in signal.seen_by:
        lag_s = seconds_of(sighting.lag_ms)
        when = f"{lag_s:.1f} s after the trade" if lag_s >= 0 else f"{-lag_s:.1f} s before its block's time"
        yield sighting.seen_at_ms, f"seen by {sighting.source}, {when}"
    before = " before its block, proven" if signal.pending else ""
    yield signal.emitted_at_ms, f"signalled{before} ({signal.emitted_by}{part})"


def _decided(decision: BuyEngineDecision) -> Iterator[tuple[int, str]]:
    inputs = decision.inputs
    book = f"; {_touch(inputs.book)}" if inputs.book else ""
    problems = f"; not known: {', '.join(inputs.problems)}" if inputs.problems else ""
    yield inputs.now_ms, f"decided: {decision.verdict}, {_why(decision)}{book}{problems}"
    order, outcome = decision.order, decision.outcome
    if order:
        asked = f"{order.side} up to {micro_text(order.shares)} at {micro_text(order.limit_price)} or better"
        yield inputs.now_ms, f"ordered: {asked}, {order.kind} ({decision.mode})"
    if outcome:
        best = (outcome.book.best_ask, outcome.book.best_bid)[decision.verdict == "SELL"] if outcome.book else None
        met = f"; the best price it met was {micro_text(best)}" if best is not None else ""
        at_ms = outcome.book.at_ms if outcome.book else inputs.now_ms
        said = f": {outcome.reason}" if outcome.reason not in {"", "filled"} else ""
        got = f"{_got(outcome)} and {micro_text(outcome.fee)} fee"
        yield max(at_ms, inputs.now_ms), f"{outcome.state.lower()}{said}: {got}{met}"


def _ended(told: FillTimeline) -> Iterator[tuple[int, str]]:
    for event in told.exits:
        if outcome := event.outcome:
            because = f" ({event.exit.reason.replace('_', ' ')})" if event.exit else ""
            yield event.inputs.now_ms, f"the lot was sold into{because}: {_got(outcome)}"
    for event in told.withheld:
        because = f" ({event.exit.reason.replace('_', ' ')})" if event.exit else ""
        yield event.inputs.now_ms, f"an exit{because} sold nothing: {_why(event)}"
    for at_ms, payouts, lot in told.payments:
        result = from_micro(lot.payout - lot.cost)
        held = f"the lot of {micro_text(lot.shares)} shares that cost {micro_text(lot.cost)}"
        brought = f"{held} brought {micro_text(lot.payout)} ({result:+f} pUSD)"
        yield at_ms, f"the market paid {' / '.join(payouts)}: {brought}"


def _got(outcome: Outcome) -> str:
    return f"{micro_text(outcome.shares)} for {micro_text(outcome.usdc)} pUSD"


def _touch(book: Book) -> str:
    bid, ask = (micro_text(price) if price else "-" for price in (book.best_bid, book.best_ask))
    return f"book {bid} / {ask}"


def seconds_of(span_ms: int) -> float:
    """Return seconds to one place; never minus nothing."""
    return round(span_ms / 1000, 1) + 0.0


def moment(at_ms: int) -> str:
    """Return a time in UTC, to the second."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def money_words(amount: Decimal) -> str:
    """Return an amount with its currency."""
    return f"{amount:f} pUSD"
