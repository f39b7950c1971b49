"""A node that lies: logs, with their receipts, of trades that never were. Another node knows nothing of them."""

from collections.abc import Iterator
from typing import Any, cast

from simulator.chain import abi
from simulator.chain.abi import Trade
from simulator.chain.chain import Log
from simulator.core import contracts, identity
from simulator.core.amounts import micro
from simulator.core.book import Side
from simulator.core.world import World
from simulator.gateway.faults import Fault

KIND = "forged_fill"
_INDEX = 9_000


class Forgery:
    """What one node makes up; each forged trade stands in the newest block of when logs were first asked for."""

    def __init__(self, world: World, node: str) -> None:
        """Lie in the name of a node."""
        self._world, self._node = world, node
        self._blocks: dict[int, int] = {}

    def logs(self, low: int, high: int, head: int) -> Iterator[Log]:
        """Yield what is made up for these blocks."""
        for fault in self._told():
            block = self._blocks.setdefault(fault.id, head)
            if low <= block <= high:
                yield _log(fault, block)

    def receipt(self, tx_hash: str) -> list[Log]:
        """Return the made-up logs of a transaction, none of one that was not told yet."""
        told = (fault for fault in self._told() if fault.id in self._blocks)
        return [log for fault in told if (log := _log(fault, self._blocks[fault.id])).tx_hash == tx_hash]

    def _told(self) -> list[Fault]:
        now = self._world.now_ms()
        return [
            each
            for each in self._world.faults.faults
            if each.kind == KIND and each.reaches(self._node, "") and not each.spent(now)
        ]


def _log(fault: Fault, block: int) -> Log:
    asked: dict[str, Any] = fault.params
    tx_hash = identity.hash32(KIND, fault.id)
    exchange = contracts.exchange("v2", neg_risk=False, token_id=str(asked["token"]))
    trade = Trade(
        exchange=exchange,
        order_hash=identity.hash32("order", tx_hash),
        maker=str(asked["wallet"]).lower(),
        taker=exchange,
        side=cast("Side", asked.get("side", "BUY")),
        token_id=str(asked["token"]),
        shares=micro(str(asked.get("shares", "100"))),
        usdc=micro(str(asked.get("usdc", "50"))),
        fee=0,
    )
    return Log(abi.order_filled_v2(trade), block, _INDEX + fault.id, tx_hash)
