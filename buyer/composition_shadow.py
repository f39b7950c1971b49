"""Build a shadow: a paper buyer with other settings on the live stream, apart from all that the real one rests on.

| | buyer | shadow |
|---|---|---|
| ledger, events | `hs:paper:`, `hs:live:`, the pipeline's streams | `hs:shadow:NAME:` |
| group of the signals | `buyer`, `buyer-live`, their shards | `shadow-NAME`, begun at the newest signal |
| lease, number of shards | of all buyers | its own; one |
| beats, record of wallets | told | not told: it is nobody's to wait for |
| facts, budgets | shared | shared |
"""

import threading
from dataclasses import dataclass

from buyer.composition import account_keeper, market_prices
from buyer.composition_modes import ProcessParts, paper_mode
from buyer.composition_shards import ShardBuilder
from buyer.config import BuyerSettings
from buyer.consumer import SignalConsumer
from buyer.domain.token_shard import ALL, TokenShard
from buyer.market_data.held_books import HeldBooks
from buyer.recovery.recent_purchases import RecentPurchases
from shared.clock import Clock
from shared.ledger.ledger_marks import LedgerMarks
from shared.ledger.shadow_ledger import ShadowLedger, shadow_scope, shadow_stream
from shared.messages.base import DECISIONS, SIGNALS
from shared.messages.decisions import BuyEngineDecision
from shared.process.process_name import installation_address
from shared.redis.client import connect_redis
from shared.redis.lease import Lease
from shared.redis.server_memory import ServerMemory
from shared.redis.shadows import shadow_group, shadow_lease
from shared.redis.streams import ensure_group


@dataclass(frozen=True)
class ShadowBuilder(ShardBuilder):
    """Builds a shadow's consumer: what names the buyer's things names the shadow's."""

    shadow: str

    @property
    def heir_of(self) -> str:
        """Name nobody: a shadow begins at the newest signal."""
        return ""

    def group(self, shard: TokenShard) -> str:
        """Name the shadow's own group."""
        del shard
        return shadow_group(self.shadow)

    def ledger(self, marks: LedgerMarks) -> ShadowLedger:
        """Return the shadow's own ledger."""
        return ShadowLedger(self.parts.redis, self.shadow, marks)

    def purchases(self) -> RecentPurchases:
        """Return what knows what the shadow bought."""
        return RecentPurchases(self.parts.redis, self.mode.name, shadow_stream(self.shadow, DECISIONS))


@dataclass(frozen=True)
class BuiltShadow:
    """A shadow's buyer, and the lease that it is the active one by: to be released when it ends."""

    consumer: SignalConsumer
    lease: Lease


def build_shadow(name: str, settings: BuyerSettings, *, clock: Clock, stop: threading.Event) -> BuiltShadow:
    """Build the buyer of a shadow and start what keeps its account.

    Raises:
        Unavailable: the server is away.
    """
    memory = ServerMemory()
    redis = connect_redis(settings.redis_url, greet=memory.greet, durability=settings.durability)
    ensure_group(redis, SIGNALS, shadow_group(name), "$")
    prices = market_prices(settings, redis, clock, stop)
    held = HeldBooks(clock, prices.sample)
    parts = ProcessParts(settings, redis, prices, clock, stop, None, memory, held)
    mode = paper_mode(parts)
    holder = f"{settings.consumer}@{installation_address(settings.run_dir)}"
    lease = Lease(redis, shadow_lease(name), holder, clock=clock, ttl_s=settings.lease_s)
    account_keeper(parts, held, shadow_scope(name)).start(stop)
    return BuiltShadow(ShadowBuilder(parts, mode, None, _tell_nobody, 0, name).build(ALL, lease), lease)


def _tell_nobody(decision: BuyEngineDecision) -> None:
    """Print nothing: the decision stands on the shadow's own stream."""
    del decision
