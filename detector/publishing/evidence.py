"""Evidence for fills that only one node's log shows: what can be asked for it, and what it says."""

from collections.abc import Sequence
from typing import Protocol

from detector.domain.signal_draft import UnconfirmedFill
from shared.domain.witnesses import SECOND_NODE
from shared.polymarket.polygon import MinedLogs, PolygonClient
from shared.polymarket.wire.leader_fills import LeaderFill, only_of
from shared.polymarket.wire.order_filled import read_logs
from shared.polymarket.wire.parsing import as_object
from shared.rate_limit.limits import GateLane

Shown = tuple[LeaderFill, ...]


class Evidence(Protocol):
    """Something that vouches for fills; `name` is how its word is called as a source."""

    name: str

    def look_for(self, fills: Sequence[UnconfirmedFill]) -> list[Shown]:
        """Return what it holds of each fill's key, nothing while it does not.

        Raises:
            TryAgain: it cannot be asked now. GiveUp: not so many at once.
        """
        ...


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


def of_key(fill: UnconfirmedFill, shown: Shown) -> Shown:
    """Return those fills that are of the same token and side."""
    return tuple(one for one in shown if (one.token_id, one.side) == (fill.key.token_id, fill.key.side))
