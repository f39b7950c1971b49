"""Reads the board of one ledger from the server: what every face shows comes from here."""

import json
from collections.abc import Callable, Mapping, Sequence

from redis import Redis

from buyer.domain.wallet_words import gap_words, known_gaps
from buyer.sharding.shard_leases import shard_leases
from ops.board.alarms import BoardTroubles, board_alarms
from ops.board.board import Board
from ops.board.cap_use import cap_uses, losses_of
from ops.board.money_rows import PnlSpan, Position
from ops.board.positions import open_positions
from ops.board.profit import profit_spans, span_starts
from ops.board.state_word import TurnedControl, board_state
from ops.domain.live_view import LeaderLine
from ops.operator.account import board_parts, leader_table
from shared.account.equity_line import first_point, points_at, thinned_line
from shared.account.lot_marks import read_marks
from shared.account.published_limits import read_limits
from shared.clock import SystemClock
from shared.domain.ledger_accounts import DAY_MS, HALT_REDEMPTIONS
from shared.domain.ledger_write import Balances
from shared.domain.market import MarketFacts
from shared.domain.money import Usdc
from shared.domain.record_kinds import EXITS, WALLET
from shared.domain.trading_controls import CONTROLS, NOTES
from shared.domain.trading_words import MODES
from shared.ledger.held_lots import KINDS, held_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.account import EquityPoint, LotMark, equity_point, unrealized_sum
from shared.messages.decisions import FLOOR
from shared.polymarket.market_store import MarketStore
from shared.process.beats import read_standings
from shared.redis.followed_leaders import leader_labels

LINE_MS = 30 * DAY_MS
LINE_POINTS = 240
"""Points of the equity line on a board: enough for a chart as wide as a screen."""
_REDEEM_ALARMS = "redeem_alarms"
_RECORDS = (*KINDS, EXITS, WALLET, CONTROLS, _REDEEM_ALARMS)


def read_board(redis: Redis, mode: str, now_ms: int, lines: Mapping[str, LeaderLine] | None = None) -> Board:
    """Return the board of `mode` (`paper` or `live`) as of now.

    Args:
        redis: The server.
        mode: Whose money.
        now_ms: The time, by the server's clock (`shared/process/beats.server_ms`).
        lines: What was counted of each leader while somebody watched; without it those counts are None.

    Raises:
        Unavailable: the server is away.
    """
    found = RedisLedger(redis, mode).whole(_RECORDS)
    labels, marks = leader_labels(redis), _marks(redis, mode)
    standings, reports = read_standings(redis), leader_table.last_reports(redis)
    lots = held_lots(found)
    facts = _facts(redis, [lot.token_id for lot in lots])

    def label_of(address: str) -> str:
        return labels.get(address, "")

    def outcome_of(token_id: str) -> str:
        known = facts.get(token_id) or _facts(redis, [token_id]).get(token_id)
        return known.outcome if known else ""

    unrealized = unrealized_sum(lots, marks.values())
    point = equity_point(found.values, unrealized, now_ms)
    positions = open_positions(lots, found.values, marks, facts, _exits(found), label_of, now_ms)
    services = board_parts.service_ages(standings)
    sources = board_parts.source_ages(reports, standings, now_ms)
    state = board_state(turned_controls(found), services, sources, mode)
    losses = losses_of(positions, marks)
    caps = cap_uses(read_limits(redis, mode), found.values, losses, now_ms, _naming(positions, labels))
    return Board(
        at_ms=now_ms,
        mode=mode,
        state=state,
        services=services,
        sources=sources,
        equity=point.equity,
        cash=point.cash,
        deposited=point.deposited,
        pnl=_spans(redis, mode, found.values, unrealized, now_ms),
        positions=positions,
        caps=caps,
        last_trade=board_parts.last_trade(redis, mode, label_of, outcome_of),
        last_skip=board_parts.last_skip(redis, mode, label_of),
        last_error=board_parts.last_error(redis),
        leaders=board_parts.leader_rows(leader_table.table(redis, reports), found.values, positions, lines),
        alarms=board_alarms(state, services, sources, positions, caps, _troubles(redis, mode, found)),
        equity_line=tuple(_equity_line(redis, mode, now_ms)),
    )


def _equity_line(redis: Redis, mode: str, now_ms: int) -> list[EquityPoint]:
    """Return the line of some weeks, or of a younger account's whole life: its points lie evenly apart."""
    first = first_point(redis, mode)
    since_ms = max(now_ms - LINE_MS, first.at_ms) if first else now_ms
    return thinned_line(redis, mode, since_ms, now_ms, LINE_POINTS)


def shown_mode(redis: Redis) -> str:
    """Return whose ledger to show where nobody says: of the buyer that runs, real money first, else of the last one."""
    running = [mode for mode in ("live", *MODES) if any(one.holder for one in shard_leases(redis, mode))]
    if running:
        return running[0]
    buyers = [one for one in read_standings(redis) if one.service == "buyer" and one.beat.mode in MODES]
    last = min(buyers, key=lambda one: (not one.working, one.age_s), default=None)
    return last.beat.mode if last else MODES[0]


def turned_controls(found: Balances) -> list[TurnedControl]:
    """Return the controls that are on, of a ledger read with their records."""
    return [
        _turned(control, found.records.get((CONTROLS, NOTES[control])))
        for control in NOTES
        if found.values.get(control)
    ]


def _turned(control: str, note: str | None) -> TurnedControl:
    said: dict[str, str] = json.loads(note) if note else {}
    return TurnedControl(
        control=control, who=said.get("who", ""), why=said.get("why", ""), at_ms=int(said.get("at_ms", 0))
    )


def _marks(redis: Redis, mode: str) -> dict[str, LotMark]:
    told = read_marks(redis, mode)
    return {mark.key: mark for mark in told.marks} if told else {}


def _facts(redis: Redis, tokens: Sequence[str]) -> dict[str, MarketFacts]:
    return {one.facts.token_id: one.facts for one in MarketStore(redis, SystemClock()).read(tokens)}


def _exits(found: Balances) -> dict[str, str]:
    """Return why each lot is being sold, by its key."""
    return {name: str(json.loads(text).get("reason", "")) for name, text in _records(found, EXITS).items()}


def _records(found: Balances, kind: str) -> dict[str, str]:
    return {name: text for (of, name), text in found.records.items() if of == kind}


def _spans(
    redis: Redis, mode: str, values: Mapping[str, int], unrealized: Usdc | None, now_ms: int
) -> tuple[PnlSpan, ...]:
    starts = span_starts(now_ms)
    points = dict(zip(starts, points_at(redis, mode, list(starts.values())), strict=True))
    return profit_spans(values, unrealized, now_ms, points)


def _naming(positions: Sequence[Position], labels: Mapping[str, str]) -> Callable[[str], str]:
    """Return what names a market by its title and a leader by his label; what has no name stays as it is."""
    names = {one.condition_id: one.title for one in positions} | dict(labels)
    return lambda name: names.get(name) or name


def _troubles(redis: Redis, mode: str, found: Balances) -> BoardTroubles:
    waiting = sum(json.loads(text).get("last") == FLOOR for text in _records(found, EXITS).values())
    return BoardTroubles(
        gaps=tuple(gap_words(gap) for gap in known_gaps(_records(found, WALLET))),
        waiting_exits=waiting,
        redemption_alarms=len(_records(found, _REDEEM_ALARMS)),
        redemptions_halted=bool(found.values.get(HALT_REDEMPTIONS)),
        idle_shards=tuple(one.name for one in shard_leases(redis, mode) if one.age_s is not None and not one.holder),
    )
