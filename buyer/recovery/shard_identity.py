"""One shard as its mode's parts see it: its lease, the writers that carry its token, the state of its ledger."""

from collections.abc import Callable
from typing import NamedTuple

from buyer.domain.token_shard import TokenShard
from buyer.recovery.fill_adoption import FillAdoption
from buyer.settlement.writer import SettlementWriter
from shared.redis.lease import Lease


class ShardIdentity(NamedTuple):
    """One shard; `lost_nothing` says whether its ledger is known to hold all that was written to it."""

    shard: TokenShard
    lease: Lease
    settlement_writer: SettlementWriter
    adoption: FillAdoption
    lost_nothing: Callable[[], bool] = lambda: False
