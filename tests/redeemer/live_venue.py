"""A live wallet at the local venue: its key, its buys, its approvals, what it published."""

import threading

from ops.operator import redeem
from redeemer.transactions.signer import signer_of
from shared.clock import ManualClock
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import REDEMPTIONS, Event
from shared.messages.events import read_event
from shared.redis.client import connect_redis
from shared.redis.streams import stream_tail
from simulator.core.market import Market
from simulator.gateway.server import Simulator
from tests.redeemer.builders import ONE, a_lot, hold

KEY = "44" * 32
OWNER = signer_of(KEY).address
CHAIN_S, DATA_S = 5, 900


class Waiting(ManualClock):
    """Whoever waits sees the venue's time go on."""

    def __init__(self, venue: Simulator) -> None:
        super().__init__()
        self.venue = venue

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.venue.advance(max(seconds, 0.01))
        return super().wait(event, seconds)


def bought(venue: Simulator, url: str, market: Market, *shares: str) -> None:
    """Let our wallet buy some of each outcome, and book it."""
    for place, (token, count) in enumerate(zip(market.tokens, shares, strict=False)):
        venue.fill(leader=OWNER, token=token, side="BUY", shares=count, price="0.5")
        lot = a_lot(
            token_id=token, condition_id=market.condition_id, outcome_index=place, shares=int(count) * ONE, cost=ONE
        )
        hold(RedisLedger(connect_redis(url), "live"), lot, seed=token)


def published(url: str) -> list[Event]:
    return [read_event(entry.json) for entry in stream_tail(connect_redis(url), REDEMPTIONS, 100)]


def approve(url: str, venue: Simulator) -> None:
    assert redeem.main(
        url, now=True, approve=True, clear=None, as_json=True, env_file=None, clock=Waiting(venue)
    ) == 0  # fmt: skip
