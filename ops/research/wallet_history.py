"""A leader's trades and how their markets resolved, as the venue tells them now: slowly, needing no Redis."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TypeVar

from msgspec.structs import replace

from backtest.domain.market_events import MarketEvent, merged_events
from backtest.domain.market_state import AssumedFacts
from backtest.history import resolutions
from backtest.history.reading.history_row import row_of
from backtest.history.trade_grouping import trades_of
from detector.domain.page_walker import PageWalker
from redeemer.redemption.resolutions import Resolutions
from shared.clock import Clock
from shared.config import Settings, parse
from shared.domain.errors import Malformed, TryAgain
from shared.domain.market import MarketFacts
from shared.http.client import Upstream
from shared.polymarket.data_api import ActivityApi, ActivityV2
from shared.polymarket.gamma import MOST_TOKENS, fetch_markets
from shared.polymarket.wire.leader_fills import LeaderFill, read_activity
from shared.rate_limit.limits import GateLane

T = TypeVar("T")
DAY_S = 86_400
REST_S = 1.0
"""Between two requests: a stranger's pace, far below what the venue allows."""
TRIES = 5
SOURCE = "the venue's Data API"
UNSURE = "fees, tick and minimum size: the venue tells today's only, and no tick finer than 0.01 is believed"
"""What no order of such a history can be sure of."""


@dataclass(frozen=True)
class ToldHistory:
    """What the venue told; `notes` says what it could not."""

    market_events: tuple[MarketEvent, ...]
    notes: tuple[str, ...] = ()


def ask(leader: str, days: float, clock: Clock, cfg: Settings | None = None) -> ToldHistory:
    """Ask for the last `days` of a leader's trades, and how their markets resolved; `cfg` says where.

    Raises:
        TryAgain: the venue does not answer, also after some patience.
    """
    cfg, stop = cfg or parse(Settings, []), threading.Event()

    def upstream(name: str, url: str) -> Upstream:
        return Upstream(name, url, [], clock=clock, stop=stop, timeout_s=cfg.http_timeout_s)

    data, node = upstream("data_api", cfg.data_api_url), upstream("rpc", cfg.rpc_url)
    gamma = upstream("gamma", cfg.gamma_url)
    try:
        start_s = clock.now_ms() // 1000 - round(days * DAY_S)
        fills = list(trades(ActivityV2(data, clock), leader, start_s, clock))
        last_ms = {fill.hint.condition_id: fill.traded_at_ms for fill in fills if fill.hint.condition_id}
        found = Resolutions(node, data).read(list(last_ms))
        facts = list(markets(gamma, list(dict.fromkeys(fill.token_id for fill in fills)), clock))
    finally:
        data.close()
        node.close()
        gamma.close()
    ends = {fact.condition_id: fact.ends_at_ms or 0 for fact in facts}
    known = {
        name: resolutions.KnownResolutions(vector.shares, ends_ms=ends.get(name, 0))
        for name, vector in found.resolved.items()
    }
    first_ms = {fill.token_id: fill.traded_at_ms for fill in reversed(fills)}
    learned = sorted(
        (MarketEvent(first_ms[fact.token_id], as_then(fact)) for fact in facts if fact.token_id in first_ms),
        key=itemgetter(0),
    )
    told = tuple(
        merged_events([learned, trades_of(map(row_of, fills), SOURCE), resolutions.resolution_events(known, last_ms)])
    )
    silent = f"{len(found.unanswered)} markets: nobody could say how they stand ({found.problem})"
    return ToldHistory(told, (silent,) if found.unanswered else ())


def as_then(facts: MarketFacts) -> MarketFacts:
    """Return facts as they were while the leader traded: open; fee and minimum are those of now.

    Ticks get finer as a market nears its end: with today's an old spread would look smaller than it was.
    """
    tick = max(facts.tick, AssumedFacts().tick)
    return replace(facts, closed=False, accepting_orders=True, tick=tick)


def markets(gamma: Upstream, token_ids: Sequence[str], clock: Clock) -> Iterator[MarketFacts]:
    """Yield what the venue knows of these tokens' markets; what it does not is left to the model's assumptions."""
    never = threading.Event()
    for at in range(0, len(token_ids), MOST_TOKENS):
        batch = token_ids[at : at + MOST_TOKENS]
        for closed in (False, True):
            asked = partial(fetch_markets, gamma, batch, closed=closed, lane=GateLane.CATCHUP)
            yield from (fact for fact in _patiently(asked, clock, never)[0] if fact.token_id in batch)
            clock.wait(never, REST_S)


def trades(api: ActivityApi, leader: str, start_s: int, clock: Clock) -> Iterator[LeaderFill]:
    """Yield a leader's trades from a second on, oldest first, at a stranger's pace."""
    walk, never = PageWalker(max(1, start_s), exact_cursors=api.exact_cursors), threading.Event()
    while not walk.done:
        page = _patiently(lambda: api.page(leader, walk.start_s, walk.cursor, GateLane.CATCHUP), clock, never)
        fills = read_activity(page.rows, leader, api.names).fills
        yield from walk.add_page(tuple(fills), page.next_cursor, has_more=page.has_more)
        if not walk.done:
            clock.wait(never, REST_S)


def _patiently(asked: Callable[[], T], clock: Clock, never: threading.Event) -> T:
    for tries in range(1, TRIES):
        try:
            return asked()
        except (TryAgain, Malformed):
            clock.wait(never, 2.0**tries)
    return asked()
