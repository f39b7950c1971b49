"""A leader's trades and how their markets resolved, as the venue tells them now: slowly, needing no Redis."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import itemgetter

from backtest.domain.market_events import MarketEvent, merged_events
from backtest.history import resolutions
from backtest.history.market_facts import as_then
from backtest.history.reading.history_row import HistoryRow, row_of
from backtest.history.reading.row_counts import RowCounts
from backtest.history.trade_grouping import told_rows
from ops.research.venue_reader import VenueReader, open_reader
from shared.clock import Clock
from shared.config import Settings, parse
from shared.polymarket.wire.leader_fills import LeaderFill

DAY_S = 86_400
SOURCE = "the venue's Data API"


@dataclass(frozen=True)
class ToldHistory:
    """What the venue told; `notes` says what it could not, `counts` what its rows were."""

    market_events: tuple[MarketEvent, ...]
    notes: tuple[str, ...] = ()
    counts: RowCounts = field(default_factory=partial(RowCounts, SOURCE))


def ask(leader: str, days: float, clock: Clock, cfg: Settings | None = None) -> ToldHistory:
    """Ask for the last `days` of a leader's trades, and how their markets resolved; `cfg` says where.

    Raises:
        TryAgain: the venue does not answer, also after some patience.
    """
    reader = open_reader(cfg or parse(Settings, []), clock)
    try:
        start_s = clock.now_ms() // 1000 - round(days * DAY_S)
        counts = RowCounts(SOURCE)
        counts.form = f"the last {days:g} days"
        fills = reader.fills(leader, start_s, counts=counts)
        others = reader.other_rows(leader, start_s, counts) if fills else ()
        return replace(told_history(reader, fills, others), counts=counts)
    finally:
        reader.close()


def told_history(reader: VenueReader, fills: Sequence[LeaderFill], others: Sequence[HistoryRow] = ()) -> ToldHistory:
    """Return trades, and what came and went without one, as a history, with what the venue tells of their markets."""
    last_ms = {fill.hint.condition_id: fill.traded_at_ms for fill in fills if fill.hint.condition_id}
    found = reader.resolutions(list(last_ms))
    facts = reader.facts(list(dict.fromkeys(fill.token_id for fill in fills)))
    ends = {fact.condition_id: fact.ends_at_ms or 0 for fact in facts}
    known = {
        name: resolutions.KnownResolutions(vector.shares, ends_ms=ends.get(name, 0))
        for name, vector in found.resolved.items()
    }
    first_ms = {fill.token_id: fill.traded_at_ms for fill in reversed(fills)}
    learned = sorted((MarketEvent(first_ms[fact.token_id], as_then(fact)) for fact in facts), key=itemgetter(0))
    rows = sorted((*map(row_of, fills), *others), key=itemgetter(0))
    happened = told_rows(rows, SOURCE, {name: each.payouts for name, each in known.items()})
    told = tuple(merged_events([learned, happened, resolutions.resolution_events(known, last_ms)]))
    silent = f"{len(found.unanswered)} markets: nobody could say how they stand ({found.problem})"
    return ToldHistory(told, (silent,) if found.unanswered else ())
