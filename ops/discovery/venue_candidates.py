"""Candidates asked of the venue: its leaderboards and newest trades, within the budgets that all processes share."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from pydantic import Field
from redis import Redis

from ops.discovery.domain.candidate import Candidate, gathered
from ops.research.venue_reader import ReaderGates, VenueReader, open_reader
from shared.clock import Clock
from shared.config import Settings
from shared.polymarket.traders import Period, Sort, TraderBoards
from shared.polymarket.wire import endpoints
from shared.polymarket.wire.trader_rows import RankedTrader
from shared.rate_limit.gate import RateGate
from shared.rate_limit.limits import GateLimits

BOARDS: Mapping[str, tuple[Period, Sort]] = {
    "profit of the week": ("week", "PNL"),
    "profit of the month": ("month", "PNL"),
    "volume of the month": ("month", "VOLUME"),
}
"""The venue's boards that are read, by what they are called here."""


class DiscoverSettings(Settings):
    """How the search asks the venue."""

    program: ClassVar[str] = "hybrid discover"

    data_api_rate_per_s: float = Field(
        endpoints.BUDGETS["data_activity"].target_per_s, gt=0, le=100, description="The detector's budget, shared."
    )
    data_api_burst: int = Field(2, ge=1, le=100, description="The detector's burst, shared.")
    discover_rate_per_s: float = Field(
        2.0, gt=0, le=100, description="Requests per second that a search takes of all budgets together at most."
    )


@dataclass(frozen=True)
class SearchPlan:
    """Whom to look at, and how far back: `top` of each board, so many `active`, and those `given`."""

    top: int = 15
    active: int = 10
    given: tuple[str, ...] = ()
    category: str = "overall"
    days: float = 7
    most_trades: int = 5000
    fresh_hours: float = 24


def budgeted_reader(
    cfg: DiscoverSettings, redis: Redis, clock: Clock, stop: threading.Event, *, shared: bool
) -> VenueReader:
    """Return a reader behind the shared gates, in their last lane, and behind the search's own.

    Without a server (`shared` false) nobody else is known to ask, and the search's own pace is all there is.
    """
    pace = cfg.discover_rate_per_s
    own = RateGate(redis, "discover", GateLimits(pace, floor_per_s=pace), clock=clock)

    def gates(name: str, limits: GateLimits) -> Sequence[RateGate]:
        return (RateGate(redis, name, limits, clock=clock), own) if shared else (own,)

    found = ReaderGates(
        gates("data_api", GateLimits(cfg.data_api_rate_per_s, burst=cfg.data_api_burst)),
        gates("rpc", GateLimits(cfg.rpc_rate_per_s)),
        gates("gamma", GateLimits(cfg.gamma_rate_per_s)),
    )
    return open_reader(cfg, clock, found, stop)


def asked_candidates(reader: VenueReader, plan: SearchPlan) -> list[Candidate]:
    """Ask for the boards and the newest trades.

    Raises:
        TryAgain: the venue does not answer, also after some patience.
        GiveUp: it refuses, or answers in another form.
    """
    ask = TraderBoards(reader.data, reader.pace.clock)
    boards: dict[str, Sequence[RankedTrader]] = {}
    for name, board in BOARDS.items() if plan.top else ():
        boards[name] = reader.pace.patiently(partial(ask.leaders, *board, plan.category, plan.top))
    active = reader.pace.patiently(partial(ask.active, plan.active)) if plan.active else []
    return gathered(plan.given, boards, active)
