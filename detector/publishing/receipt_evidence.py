"""A second node's evidence for fills: the transaction's receipt, in the block whose header the node shows."""

from collections.abc import Sequence

from detector.domain.evidence import Shown, of_key
from detector.domain.signal_draft import UnconfirmedFill
from shared.domain.witnesses import SECOND_NODE
from shared.polymarket.polygon import MinedLogs, PolygonClient
from shared.polymarket.wire.leader_fills import only_of
from shared.polymarket.wire.order_filled import read_logs
from shared.polymarket.wire.parsing import as_object
from shared.rate_limit.limits import GateLane


class ReceiptEvidence:
    """A second node's receipts, each in the block whose header the node shows; many in one request."""

    name = SECOND_NODE

    def __init__(self, polygon: PolygonClient) -> None:
        self._polygon = polygon

    def look_for(self, fills: Sequence[UnconfirmedFill]) -> list[Shown]:
        """Return what the node's own blocks hold of each."""
        sent = list(dict.fromkeys(fill.key.tx_hash for fill in fills))
        mined = dict(zip(sent, self._polygon.mined_logs(sent, GateLane.ORDERS), strict=True))
        return [_shown(fill, mined[fill.key.tx_hash]) for fill in fills]


def _shown(fill: UnconfirmedFill, mined: MinedLogs | None) -> Shown:
    if mined is None:
        return ()
    stamp = hex(mined.block_time_ms // 1000)
    raws = [{**as_object(log, "log"), "blockTimestamp": stamp} for log in mined.logs]
    of_leader = only_of(read_logs(raws), frozenset({fill.key.leader})).fills
    return of_key(fill, of_leader)
