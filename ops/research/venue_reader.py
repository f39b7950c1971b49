"""The venue's three upstreams as one reader of wallets' pasts: patient, at a pace, within budgets where it has any.

What it was told of a market that ended is remembered: wallets of one board trade the same markets.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from backtest.history.reading.history_row import HistoryRow
from backtest.history.reading.row_counts import RowCounts
from ops.research.venue_pages import REST_S, ReadingPace, other_rows, trades
from redeemer.redemption.resolutions import ChainAnswers, Resolutions
from shared.clock import Clock
from shared.config import Settings
from shared.domain.market import MarketFacts
from shared.http.client import Upstream
from shared.polymarket.data_api import OTHER_KINDS, ActivityV2
from shared.polymarket.gamma import MOST_TOKENS, fetch_markets
from shared.polymarket.wire.conditions import PayoutVector
from shared.polymarket.wire.leader_fills import LeaderFill
from shared.rate_limit.gate import RateGate
from shared.rate_limit.limits import GateLane


@dataclass(frozen=True)
class ReaderGates:
    """Which gates each upstream waits at; with any, no rest is taken besides."""

    data: Sequence[RateGate] = ()
    node: Sequence[RateGate] = ()
    gamma: Sequence[RateGate] = ()


@dataclass
class VenueReader:
    """Reads trades, resolutions and facts; close it in the end."""

    data: Upstream
    node: Upstream
    gamma: Upstream
    pace: ReadingPace
    _ended: dict[str, MarketFacts] = field(default_factory=dict[str, MarketFacts])
    _paid: dict[str, PayoutVector] = field(default_factory=dict[str, PayoutVector])

    @property
    def requests(self) -> int:
        """Return how many requests were sent so far."""
        return sum(upstream.stats.snapshot().requests for upstream in (self.data, self.node, self.gamma))

    def fills(
        self, leader: str, start_s: int, most: int | None = None, counts: RowCounts | None = None
    ) -> list[LeaderFill]:
        """Return a wallet's trades from a second on, oldest first, at most so many; `counts` takes what they were.

        Raises:
            TryAgain: the venue does not answer, also after some patience, or not to the end.
        """
        told = trades(ActivityV2(self.data, self.pace.clock), leader, start_s, self.pace, counts)
        return list(islice(told, most))

    def other_rows(self, leader: str, start_s: int, counts: RowCounts | None = None) -> list[HistoryRow]:
        """Return a wallet's merges, splits, redemptions and conversions from a second on, in the order of their time.

        Raises:
            TryAgain: as `fills` does.
        """
        api = ActivityV2(self.data, self.pace.clock, kinds=OTHER_KINDS)
        return other_rows(api, leader, start_s, self.pace, counts or RowCounts(""))

    def resolutions(self, condition_ids: Sequence[str]) -> ChainAnswers:
        """Return how conditions resolved, as the chain says, or the Data API in its place."""
        asked = [name for name in condition_ids if name not in self._paid]
        found = Resolutions(self.node, self.data).read(asked) if asked else ChainAnswers({})
        self._paid |= found.resolved
        known = {name: self._paid[name] for name in condition_ids if name in self._paid}
        return ChainAnswers(known, found.unanswered, found.problem)

    def facts(self, token_ids: Sequence[str]) -> list[MarketFacts]:
        """Return what the venue knows of these tokens' markets."""
        asked = [token_id for token_id in token_ids if token_id not in self._ended]
        found = {fact.token_id: fact for fact in markets(self.gamma, asked, self.pace)}
        self._ended |= {token_id: fact for token_id, fact in found.items() if fact.closed}
        known: Mapping[str, MarketFacts] = {**self._ended, **found}
        return [known[token_id] for token_id in token_ids if token_id in known]

    def close(self) -> None:
        """Close the connections."""
        for upstream in (self.data, self.node, self.gamma):
            upstream.close()


def open_reader(
    cfg: Settings, clock: Clock, gates: ReaderGates | None = None, stop: threading.Event | None = None
) -> VenueReader:
    """Return a reader of the venue that `cfg` names; without gates it rests between its requests."""
    stop, found = stop or threading.Event(), gates or ReaderGates()

    def upstream(name: str, url: str, its_gates: Sequence[RateGate]) -> Upstream:
        return Upstream(name, url, its_gates, clock=clock, stop=stop, timeout_s=cfg.http_timeout_s)

    return VenueReader(
        upstream("data_api", cfg.data_api_url, found.data),
        upstream("rpc", cfg.rpc_url, found.node),
        upstream("gamma", cfg.gamma_url, found.gamma),
        ReadingPace(clock, REST_S if gates is None else 0.0, stop),
    )


def markets(gamma: Upstream, token_ids: Sequence[str], pace: ReadingPace) -> Iterator[MarketFacts]:
    """Yield what the venue knows of these tokens' markets; what it does not is left to the model's assumptions."""
    for at in range(0, len(token_ids), MOST_TOKENS):
        left = list(token_ids[at : at + MOST_TOKENS])
        for closed in (True, False):
            asked = partial(fetch_markets, gamma, left, closed=closed, lane=GateLane.CATCHUP)
            found = {fact.token_id: fact for fact in pace.patiently(asked)[0] if fact.token_id in left}
            yield from found.values()
            pace.rest()
            left = [token_id for token_id in left if token_id not in found]
            if not left:
                break
