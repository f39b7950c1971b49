"""One shard as its mode's parts see it: its lease, and the writers that carry its token."""

from typing import NamedTuple

from buyer.domain.token_shard import TokenShard
from buyer.recovery.fill_adoption import FillAdoption
from buyer.settlement.writer import SettlementWriter
from shared.redis.lease import Lease


class ShardIdentity(NamedTuple):
    """One shard, and the writers that carry its lease's token."""

    shard: TokenShard
    lease: Lease
    settlement_writer: SettlementWriter
    adoption: FillAdoption
