"""A tape: the entries of a capture, sorted as a replay needs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pydantic import ValidationError

from buyer.strategy.limits import LIMIT_NAMES, TradingLimits, checked_limits
from shared.capture.capture import Capture
from shared.domain.errors import BadConfig, Malformed
from shared.domain.money import to_micro
from shared.messages.base import DECISIONS, REDEMPTIONS, SIDE_STREAMS, SIGNALS, fact_id
from shared.messages.decisions import BuyEngineDecision, OrderUpdate
from shared.messages.events import read_event
from shared.messages.redemptions import RedemptionResult
from shared.messages.service import DeadLetter, ServiceStart
from shared.messages.signals import signal_in
from shared.redis.streams import StreamEntry


@dataclass(frozen=True)
class CaptureTape:
    """A capture, sorted into what replay needs; `shards` is the most that its buyers were split into.

    `intents` are the orders in the ledger's order, each with how many decisions stood before it: orders that travelled
    at the same time were begun one after the other, and only then concluded.
    """

    capture: Capture
    signals: Mapping[str, StreamEntry]
    decisions: tuple[tuple[BuyEngineDecision, str], ...]
    redemptions: tuple[RedemptionResult, ...]
    limits: Mapping[str, TradingLimits]
    bankroll: int
    shards: int
    intents: tuple[tuple[int, OrderUpdate], ...] = ()


def read_tape(capture: Capture) -> CaptureTape:
    """Sort a capture's entries.

    Raises:
        BadConfig: it holds no settings of a buyer that we know, so nobody can tell what was decided by.
    """
    signals: dict[str, StreamEntry] = {}
    decisions: list[tuple[BuyEngineDecision, str]] = []
    redemptions: list[RedemptionResult] = []
    intents: list[tuple[int, OrderUpdate]] = []
    configs: list[Mapping[str, object]] = []
    for entry in capture:
        event = _event(entry)
        if entry.stream == SIGNALS:
            signal = signal_in(event)
            known = signal.id if signal is not None else fact_id("entry", entry.stream, entry.id)
            signals.setdefault(known, entry)
        if isinstance(event, DeadLetter):
            buried = StreamEntry(event.stream, event.entry_id, event.fields)
            signals.setdefault(fact_id("entry", event.stream, event.entry_id), buried)
        if isinstance(event, BuyEngineDecision) and entry.stream == DECISIONS:
            decisions.append((event, entry.json))
        elif isinstance(event, OrderUpdate) and event.state == "INTENT" and entry.stream == DECISIONS:
            intents.append((len(decisions), event))
        elif isinstance(event, RedemptionResult) and entry.stream == REDEMPTIONS:
            redemptions.append(event)
        elif isinstance(event, ServiceStart):
            configs += _buyer_configs(event)
    if not configs:
        raise BadConfig(f"{capture.path}: no SERVICE_START of a buyer in it; capture from the start: --from-start")
    limits = [_limits(capture, config) for config in configs]
    return CaptureTape(
        capture=capture,
        signals=signals,
        decisions=tuple(decisions),
        redemptions=tuple(redemptions),
        limits={limit.id: limit for limit in limits},
        bankroll=to_micro(str(configs[0]["paper_bankroll_usdc"])),
        shards=max(int(str(config.get("buyer_shards", 1))) for config in configs),
        intents=tuple(intents),
    )


def limits_in(capture: Capture) -> list[tuple[TradingLimits, Decimal]]:
    """Return the limits of each buyer that started in a capture, with its paper bankroll in pUSD; the last one last.

    Raises:
        BadConfig: they are not ours.
    """
    starts = (event for entry in capture if isinstance(event := _event(entry), ServiceStart))
    configs = [config for start in starts for config in _buyer_configs(start)]
    return [(_limits(capture, config), Decimal(str(config["paper_bankroll_usdc"]))) for config in configs]


def _limits(capture: Capture, config: Mapping[str, object]) -> TradingLimits:
    """Return what a session decided by; a protection that it did not know stays off for it."""
    try:
        return checked_limits({name: config[name] for name in LIMIT_NAMES if name in config})
    except ValidationError as error:
        raise BadConfig(f"{capture.path}: a buyer's settings in it are not ours: {error}") from error


def _event(entry: StreamEntry) -> object:
    if entry.stream in SIDE_STREAMS:
        return None
    try:
        return read_event(entry.json)
    except Malformed:
        return None


def _buyer_configs(event: ServiceStart) -> list[Mapping[str, object]]:
    found = [event.config, event.config.get("buyer")]
    return [config for config in found if isinstance(config, dict) and "stake_usdc" in config]
