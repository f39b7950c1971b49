"""Merges of both outcomes back into collateral, and splits of collateral into both: nobody trades."""

from collections.abc import Callable
from typing import Any

from simulator.core import identity
from simulator.core.amounts import micro
from simulator.core.market import Market
from simulator.core.settlement import Stamp
from simulator.core.world import World
from simulator.data_api.rows import Conversion, Converted, converted_row
from simulator.gateway.http_messages import Answer, Call, RefusedError, Route, answer


class Merging:
    """Serve the levers under /sim that let a wallet merge and split; they are also methods.

    Only the Data API shows either, as its row. `tx_hash` puts several into one transaction.
    """

    def __init__(self, world: World) -> None:
        """Act in a world."""
        self._world = world

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [Route("POST", "/merge", self._post_merge), Route("POST", "/split", self._post_split)]

    def merge(self, wallet: str, condition_id: str, shares: str | float, *, tx_hash: str | None = None) -> str:
        """Merge `shares` of both outcomes; return the transaction.

        Raises ValueError where the wallet does not hold them.
        """
        world, market = self._world, self._world.catalog.by_condition[condition_id.lower()]
        amount, owner = micro(shares), wallet.lower()
        held = [world.held.position(owner, market, outcome) for outcome in (0, 1)]
        if amount <= 0 or min(position.shares for position in held) < amount:
            msg = f"{owner} does not hold {shares} of both outcomes of {condition_id}"
            raise ValueError(msg)
        name, stamp = self._show("MERGE", owner, market, amount, tx_hash)
        for outcome, (position, half) in enumerate(zip(held, _halves(amount), strict=True)):
            position.merge(amount, half)
            shown = world.indexed.position(owner, market, outcome)
            world.agenda.at(stamp.data_at_ms, lambda _, p=shown, x=half: p.merge(amount, x))
        return name

    def split(self, wallet: str, condition_id: str, shares: str | float, *, tx_hash: str | None = None) -> str:
        """Split as much collateral into `shares` of both outcomes; return the transaction.

        Raises ValueError where that is nothing.
        """
        world, market = self._world, self._world.catalog.by_condition[condition_id.lower()]
        amount, owner = micro(shares), wallet.lower()
        if amount <= 0:
            msg = f"nobody splits {shares} of {condition_id}"
            raise ValueError(msg)
        name, stamp = self._show("SPLIT", owner, market, amount, tx_hash)
        for outcome, half in enumerate(_halves(amount)):
            world.held.position(owner, market, outcome).split(amount, half)
            shown = world.indexed.position(owner, market, outcome)
            world.agenda.at(stamp.data_at_ms, lambda _, p=shown, x=half: p.split(amount, x))
        return name

    def _show(
        self, kind: Conversion, owner: str, market: Market, amount: int, tx_hash: str | None
    ) -> tuple[str, Stamp]:
        world = self._world
        now = world.now_ms()
        stamp, seq = world.timetable.stamp(now), world.next_row()
        name = tx_hash or identity.hash32(kind.lower(), owner, market.condition_id, now, seq)
        world.note(converted_row(Converted(kind, world.profile(owner), market, amount, name), seq, stamp))
        return name, stamp

    def _post_merge(self, call: Call) -> Answer:
        return self._posted(call, self.merge)

    def _post_split(self, call: Call) -> Answer:
        return self._posted(call, self.split)

    def _posted(self, call: Call, lever: Callable[..., str]) -> Answer:
        asked: dict[str, Any] = call.json()
        try:
            return answer({"tx_hash": lever(**asked)})
        except (ValueError, TypeError, KeyError) as error:
            raise RefusedError(400, str(error)) from error


def _halves(amount: int) -> tuple[int, int]:
    """Return the collateral that each outcome counts for."""
    return amount // 2, amount - amount // 2
