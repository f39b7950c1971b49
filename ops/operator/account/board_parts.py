"""The parts of a board that the streams and the beats tell: processes, sources, leaders, what happened last."""

from collections.abc import Callable, Mapping, Sequence

from redis import Redis

from ops.board.board_state import ServiceAge, SourceAge
from ops.board.money_rows import LeaderRow, Position
from ops.board.recent import by_activity, error_row, skip_row, trade_row
from ops.board.recent_rows import ErrorRow, SkipRow, TradeRow
from ops.domain.live_view import LeaderLine
from ops.operator.account import leader_table
from shared.account.trade_log import newest_trades
from shared.domain.errors import Malformed
from shared.domain.ledger_accounts import realized_account
from shared.domain.money import Usdc
from shared.messages.base import DEAD, DECISIONS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import AnyEvent, read_event
from shared.messages.service import DeadLetter, HybridProgress, SourceStatus
from shared.process.beats import ProcessStanding
from shared.redis.streams import stream_tail

LOOKED_AT = 100
"""Newest decisions among which the last skip is looked for."""
LabelOf = Callable[[str], str]


def service_ages(standings: Sequence[ProcessStanding]) -> tuple[ServiceAge, ...]:
    """Return every process with the age of its last beat."""
    return tuple(
        ServiceAge(
            service=one.service,
            instance=one.beat.instance,
            mode=one.beat.mode,
            state=one.state,
            age_ms=round(one.age_s * 1000),
            every_ms=round(one.beat.every_s * 1000),
            lost=one.lost,
            reason=one.beat.reason,
        )
        for one in standings
    )


def source_ages(
    reports: Sequence[HybridProgress], standings: Sequence[ProcessStanding], now_ms: int
) -> tuple[SourceAge, ...]:
    """Return the sources of the detector that reported last; without a living detector they are dead, too."""
    if not reports:
        return ()
    report = max(reports, key=lambda one: one.emitted_at_ms)
    detectors = [one for one in standings if one.service == "detector"]
    dead = bool(detectors) and not any(one.working or one.state == "stopped" for one in detectors)
    return tuple(_source(one, report, "dead" if dead else one.state, now_ms) for one in report.sources)


def _source(source: SourceStatus, report: HybridProgress, state: str, now_ms: int) -> SourceAge:
    since = None if source.stale_ms is None else source.stale_ms + max(0, now_ms - report.emitted_at_ms)
    return SourceAge(
        name=source.name,
        state=state,
        age_ms=since,
        lag_p50_ms=source.lag_p50_ms,
        lag_p95_ms=source.lag_p95_ms,
        coverage=source.coverage,
        why=source.last_error if state not in {"ok", "starting"} else "",
    )


def leader_rows(
    found: Sequence[leader_table.LeaderRow],
    values: Mapping[str, int],
    positions: Sequence[Position],
    lines: Mapping[str, LeaderLine] | None,
) -> tuple[LeaderRow, ...]:
    """Return every leader with what came of him; `lines` is what was counted of him while somebody watched."""
    rows = [_leader(one, values, positions, (lines or {}).get(one.address)) for one in found]
    return tuple(sorted(rows, key=by_activity))


def _leader(
    one: leader_table.LeaderRow, values: Mapping[str, int], positions: Sequence[Position], line: LeaderLine | None
) -> LeaderRow:
    held = [position for position in positions if position.leader == one.address]
    unknown = any(position.unrealized is None for position in held)
    return LeaderRow(
        address=one.address,
        label=one.label,
        comes_from=one.comes_from,
        state=one.state,
        watched=one.watched,
        exit_only=one.exit_only,
        signals=line.signals if line else None,
        bought=line.bought if line else None,
        skipped=line.skipped if line else None,
        last_at_ms=line.last_at_ms or None if line else None,
        lots=len(held),
        exposure=Usdc(values.get(f"leader:{one.address}", 0)),
        realized=Usdc(values.get(realized_account(one.address), 0)),
        unrealized=None if unknown else Usdc(sum(position.unrealized or 0 for position in held)),
    )


def last_trade(redis: Redis, mode: str, label_of: LabelOf, outcome_of: LabelOf) -> TradeRow | None:
    """Return the trade that the ledger booked last."""
    found = next(newest_trades(redis, mode, 1), None)
    return trade_row(found, label_of, outcome_of) if found else None


def last_skip(redis: Redis, mode: str, label_of: LabelOf) -> SkipRow | None:
    """Return the newest skip among the last decisions."""
    for entry in reversed(stream_tail(redis, DECISIONS, LOOKED_AT)):
        if entry.event == "BUY_ENGINE_DECISION" and '"verdict":"SKIP"' in entry.json:
            event = _event(entry.json)
            if isinstance(event, BuyEngineDecision) and event.mode == mode:
                return skip_row(event, label_of)
    return None


def last_error(redis: Redis) -> ErrorRow | None:
    """Return the last entry that nobody could handle."""
    event = next((_event(entry.json) for entry in stream_tail(redis, DEAD, 1)), None)
    return error_row(event) if isinstance(event, DeadLetter) else None


def _event(text: str) -> AnyEvent | None:
    try:
        return read_event(text)
    except Malformed:
        return None
