"""Fills of our wallet that our journal does not know: another installation trades with the same key.

Every order of ours has an intent before it leaves, so a fill for a signal that no record explains, at two looks, is
somebody else's: its caps, its kill switch and its exits know nothing of ours. Orders by hand name no signal.
"""

from buyer.domain.chain_fills import ChainFill, own_fills
from buyer.recovery.fill_adoption import FillAdoption
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.ledger_write import LedgerWrite
from shared.domain.money import Shares
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SERVICE, fact_id
from shared.messages.service import StrangerFill
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.endpoints import EXCHANGES, ORDER_FILLED
from shared.polymarket.wire.order_filled import padded_address
from shared.rate_limit.limits import GateLane

LOOK_BACK_BLOCKS = 400
"""A quarter of an hour, in one question: far longer than between two looks."""
MOST_TOLD = 1000


class StrangerFills:
    """One wallet's; only the wallet's watch uses it."""

    def __init__(self, polygon: PolygonClient, ledger: RedisLedger, wallet: str, clock: Clock) -> None:
        self._polygon, self._ledger, self._wallet, self._clock = polygon, ledger, wallet, clock
        self._journal = FillAdoption(ledger, lambda: None)
        self._seen: set[str] = set()
        self._told: dict[str, None] = {}
        self._log = logs.get_logger("wallet")

    def look(self) -> int:
        """Say each fill that nobody here ordered, once; return how many are new.

        Raises:
            HybridError: node or server cannot be asked, or a log cannot be read: nobody can tell.
        """
        head = self._polygon.head(GateLane.CATCHUP)
        topics = [ORDER_FILLED, None, padded_address(self._wallet)]
        logs_found = self._polygon.logs(max(0, head - LOOK_BACK_BLOCKS), head, EXCHANGES, topics, GateLane.CATCHUP)
        unknown = {fill.order_hash: fill for fill in own_fills(logs_found) if not self._is_known(fill)}
        again = [fill for name, fill in unknown.items() if name in self._seen]
        self._seen = set(unknown)
        for fill in again:
            self._say(fill)
        return len(again)

    def _is_known(self, fill: ChainFill) -> bool:
        return fill.order_hash in self._told or self._journal.knows_order(fill.signal_id)

    def _say(self, fill: ChainFill) -> None:
        fix = "stop the other installation, or give each a wallet of its own: caps and kill switch of one know no other"
        now_ms = self._clock.now_ms()
        event = StrangerFill(
            id=fact_id("stranger", fill.order_hash),
            emitted_at_ms=now_ms,
            mode="live",
            wallet=self._wallet,
            order_hash=fill.order_hash,
            signal_id=fill.signal_id,
            token_id=fill.token_id,
            side=fill.side,
            shares=Shares(fill.shares),
        )
        self._ledger.commit(LedgerWrite(id=f"stranger:{event.id}", events=((SERVICE, event),)))
        self._told[fill.order_hash] = None
        while len(self._told) > MOST_TOLD:
            self._told.pop(next(iter(self._told)))
        metrics.make_counter("stranger_fills_total", "Fills of our wallet that nobody here ordered.").inc()
        self._log.error("second_installation", signal_id=fill.signal_id, order_hash=fill.order_hash, fix=fix)
