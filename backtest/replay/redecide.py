"""A recorded decision made again from its own inputs. Pure.

A replay (`backtest/replay/replay`) does a session again, which a live one forbids: its venue cannot be played back. But
each decision carries everything it was made from, so it can be made again by itself: same signal, inputs and limits,
and every field must come out the same, byte for byte. What the outside told of it stands as recorded: the outcome, why
the ledger refused an intent, and why an entry could not be handled.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from msgspec.structs import replace

from buyer.execution.buy_gate import UNJUDGED
from buyer.execution.dead_letters import DEAD_LETTER
from buyer.recovery.chain_reconciliation import FOUND
from buyer.strategy.decision_context import DecisionContext, ExitContext
from buyer.strategy.exit_policy import order_fact
from buyer.strategy.limits import TradingLimits
from buyer.strategy.policy import PolicyDecision, decide_exit, decide_signal
from shared.domain.errors import Malformed
from shared.messages.base import fact_id
from shared.messages.decisions import BuyEngineDecision, Inputs, OpenLosses
from shared.messages.events import read_event, write_event
from shared.messages.signals import ActionableSignal, signal_in
from shared.redis.streams import StreamEntry

OWN_WALLET = "own_wallet"
"""The rule that fails for a wallet of ours."""
LEDGER = "ledger"
"""The rule that the ledger adds when it refuses an intent."""
Way = tuple[str, ...]
Raw = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """One field that came out differently; '' where one side has none."""

    field: str
    recorded: str
    again: str

    def __str__(self) -> str:
        return f"{self.field}: recorded {self.recorded or 'nothing'}, made again {self.again or 'nothing'}"


@dataclass(frozen=True)
class Redecided:
    """One decision beside itself made again; `problem` says why that could not be done."""

    decision: BuyEngineDecision
    differences: tuple[Difference, ...] = ()
    problem: str = ""

    @property
    def same(self) -> bool:
        """Say whether it was made again, with the same bytes."""
        return not (self.differences or self.problem)


def redecide_decision(
    recorded: BuyEngineDecision, text: str, signals: Mapping[str, StreamEntry], limits: Mapping[str, TradingLimits]
) -> Redecided:
    """Make one decision again.

    Args:
        recorded: The decision.
        text: Its bytes.
        signals: Stream entries by the name that a decision calls them.
        limits: What was decided by, by `config_id`.
    """
    try:
        again = _again(recorded, signals, limits)
    except CannotRedecide as reason:
        return Redecided(recorded, problem=str(reason))
    return Redecided(recorded, tuple(_differences(text, again)))


def is_adopted(recorded: BuyEngineDecision) -> bool:
    """Say whether nothing was decided: a fill of ours was found on the chain, which the server had lost."""
    return recorded.reason == FOUND and not recorded.rules and recorded.inputs.portfolio is None


class CannotRedecide(Exception):
    """What a decision was made from is not in the capture; the text says what."""


def _again(
    recorded: BuyEngineDecision, signals: Mapping[str, StreamEntry], limits: Mapping[str, TradingLimits]
) -> BuyEngineDecision:
    entry = signals.get(recorded.signal_id)
    if recorded.reason in UNJUDGED or recorded.reason.startswith(DEAD_LETTER):
        return _written(recorded, PolicyDecision("SKIP", recorded.reason, recorded.rules, None), *_named(entry))
    named = limits.get(recorded.inputs.config_id)
    if named is None:
        raise CannotRedecide(f"no start of a buyer with the settings {recorded.inputs.config_id} is in the capture")
    return _of_exit(recorded, named) if entry is None else _of_signal(recorded, entry, named)


def _of_signal(recorded: BuyEngineDecision, entry: StreamEntry, limits: TradingLimits) -> BuyEngineDecision:
    try:
        signal = signal_in(read_event(entry.json))
    except Malformed as error:
        raise CannotRedecide(f"its signal cannot be read: {error}") from error
    if signal is None:
        raise CannotRedecide(f"entry {entry.id} is no signal")
    inputs = recorded.inputs
    if recorded.reason == OWN_WALLET:  # whose wallets are ours is known to who has the key alone
        limits = limits.with_own([signal.leader])
    seen = (inputs.market, inputs.book, inputs.portfolio, limits.of(signal.leader), inputs.now_ms, inputs.problems)
    return _written(
        recorded,
        _refused(recorded, decide_signal(DecisionContext(*seen, signal, _losses(inputs), lambda: inputs.others))),
        signal.leader,
        signal.token_id,
    )


def _losses(inputs: Inputs) -> Callable[[], OpenLosses] | None:
    found = inputs.losses
    return None if found is None else lambda: found


def _of_exit(recorded: BuyEngineDecision, limits: TradingLimits) -> BuyEngineDecision:
    """Make an exit's attempt again; what set the exit off is an input, as the portfolio shows it."""
    inputs = recorded.inputs
    task = inputs.portfolio.exit if inputs.portfolio else None
    if task is None or order_fact(task) != recorded.signal_id:
        raise CannotRedecide("its signal is not in the capture, and no exit explains it")
    seen = (inputs.market, inputs.book, inputs.portfolio, limits.of(task.leader), inputs.now_ms, inputs.problems)
    return _written(recorded, _refused(recorded, decide_exit(ExitContext(*seen, task))), task.leader, task.token_id)


def _refused(recorded: BuyEngineDecision, made: PolicyDecision) -> PolicyDecision:
    """Let the ledger refuse an order as it did; what had changed by then is not among the inputs."""
    if recorded.reason != LEDGER or made.order is None or not recorded.rules:
        return made
    rules = (*made.rules, recorded.rules[-1])
    return PolicyDecision("SKIP", LEDGER, rules, None, made.trade, exit=made.exit, sales=made.sales)


def _named(entry: StreamEntry | None) -> tuple[str, str]:
    """Return (leader, token) of an entry that was buried, '' where it could not be read."""
    try:
        event = read_event(entry.json) if entry else None
    except Malformed:
        event = None
    return (event.leader, event.token_id) if isinstance(event, ActionableSignal) else ("", "")


def _written(recorded: BuyEngineDecision, made: PolicyDecision, leader: str, token_id: str) -> BuyEngineDecision:
    """Return the event of `made`, with the inputs and the outcome that were recorded."""
    fields = ("verdict", "reason", "order", "trade", "gathered", "exit", "sales")
    return replace(
        recorded,
        **{name: getattr(made, name) for name in fields},
        rules=tuple(made.rules),
        id=fact_id("decision", recorded.signal_id),
        emitted_at_ms=recorded.inputs.now_ms,
        leader=leader,
        token_id=token_id,
    )


def _differences(text: str, again: BuyEngineDecision) -> Iterator[Difference]:
    """Yield each field that differs; the bytes themselves where all fields are alike."""
    made = write_event(again)
    if made == text:
        return
    before, after = _leaves(json.loads(text)), _leaves(json.loads(made))
    found = [name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)]
    for name in found:
        yield Difference(".".join(name), before.get(name, ""), after.get(name, ""))
    if not found:
        yield Difference("bytes", text, made)


def _leaves(raw: object, way: Way = ()) -> dict[Way, str]:
    """Return each value of a JSON document by its path; a rule goes by its name."""
    if isinstance(raw, dict):
        pairs = list(cast("Raw", raw).items())
    elif isinstance(raw, list):
        pairs = [(_name(place, value), value) for place, value in enumerate(cast("list[Any]", raw))]
    else:
        return {way: json.dumps(raw)}
    return {name: leaf for key, value in pairs for name, leaf in _leaves(value, (*way, key)).items()}


def _name(place: int, value: object) -> str:
    return str(cast("Raw", value).get("rule", place)) if isinstance(value, dict) else str(place)
