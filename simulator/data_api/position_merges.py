"""Merges of both outcomes back into collateral: a position ends, and nobody trades."""

from typing import Any

from simulator.core import identity
from simulator.core.amounts import micro
from simulator.core.world import World
from simulator.data_api.rows import Merged, merge_row
from simulator.gateway.http_messages import Answer, Call, RefusedError, Route, answer


class Merging:
    """Serve the lever under /sim that lets a wallet merge; it is also a method."""

    def __init__(self, world: World) -> None:
        """Act in a world."""
        self._world = world

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [Route("POST", "/merge", self._post_merge)]

    def merge(self, wallet: str, condition_id: str, shares: str | float, *, tx_hash: str | None = None) -> str:
        """Merge `shares` of both outcomes; return the transaction. Only the Data API shows it, as its row.

        Raises ValueError where the wallet does not hold them. `tx_hash` puts several into one transaction.
        """
        world, market = self._world, self._world.catalog.by_condition[condition_id.lower()]
        amount, owner = micro(shares), wallet.lower()
        held = [world.held.position(owner, market, outcome) for outcome in (0, 1)]
        if amount <= 0 or min(position.shares for position in held) < amount:
            msg = f"{owner} does not hold {shares} of both outcomes of {condition_id}"
            raise ValueError(msg)
        now = world.now_ms()
        stamp, seq = world.timetable.stamp(now), world.next_row()
        name = tx_hash or identity.hash32("merge", owner, market.condition_id, now, seq)
        world.note(merge_row(Merged(world.profile(owner), market, amount, name), seq, stamp))
        halves = (amount // 2, amount - amount // 2)
        for outcome, (position, half) in enumerate(zip(held, halves, strict=True)):
            position.merge(amount, half)
            shown = world.indexed.position(owner, market, outcome)
            world.agenda.at(stamp.data_at_ms, lambda _, p=shown, x=half: p.merge(amount, x))
        return name

    def _post_merge(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        try:
            return answer({"tx_hash": self.merge(**asked)})
        except (ValueError, TypeError, KeyError) as error:
            raise RefusedError(400, str(error)) from error
