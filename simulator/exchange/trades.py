"""Settlement of signed orders' matches: MATCHED, then MINED and CONFIRMED, or RETRYING, or FAILED."""

from simulator.core.book import opposite
from simulator.core.contracts import is_position
from simulator.core.fill import Match, Order
from simulator.core.world import World
from simulator.core.world_events import TradeChanged, Traded
from simulator.exchange.accounts import CASH
from simulator.exchange.matching import Leg
from simulator.exchange.orders import Trade, TradeStatus

_CONFIRMATIONS = 3


class Trades:
    """All trades of signed orders; money moves when they are mined and comes back when they fail."""

    def __init__(self, world: World) -> None:
        """Settle in a world."""
        self._world = world
        self.all: list[Trade] = []

    def begin(self, trade: Trade) -> None:
        """Send a match to the chain; faults put in force before decide here how it ends.

        The logs get their future block at once, so that no reader can pass that block before they are in it.
        """
        world, at = self._world, trade.at_ms
        self.all.append(trade)
        self._become(trade, "MATCHED", at)
        mined_at = world.timetable.stamp(at).chain_at_ms
        if retry := world.faults.take("settlement_retry", "clob", "/order", at):
            world.agenda.at(mined_at, lambda due: self._become(trade, "RETRYING", due))
            at += world.settings.wall_ms(retry.number("seconds", 5))
            mined_at = world.timetable.stamp(at).chain_at_ms
        if self._takes_too_much(trade) or world.faults.take("settlement_failed", "clob", "/order", trade.at_ms):
            world.agenda.at(mined_at, lambda due: self._fail(trade, due))
            return
        trade.fills = world.mine(_match_of(trade), trade.tx_hash, at)
        world.agenda.at(mined_at, lambda due: self._land(trade, due))

    def _takes_too_much(self, trade: Trade) -> bool:
        """Say whether a sale's fee is more than V2 lets be taken of what it comes to at its *limit* (N7)."""
        form, cap_bps = trade.order.form, self._world.settings.fee_cap_bps
        if form.side == "BUY" or not cap_bps or is_position(form.token_id):
            return False
        return trade.fee > trade.shares * form.usdc // form.shares * cap_bps // 10_000

    def print(self, trade: Trade) -> None:
        """Let the market channel show a taker's match."""
        self._world.tell(Traded(_match_of(trade), trade.tx_hash, trade.at_ms))

    def _land(self, trade: Trade, at_ms: int) -> None:
        if trade.fills[0].removed:
            self._fail(trade, at_ms)
            return
        self._move(trade, 1)
        self._world.hold(trade.fills)
        self._become(trade, "MINED", at_ms)
        self._plan_confirmation(trade, at_ms)

    def _plan_confirmation(self, trade: Trade, at_ms: int) -> None:
        due = at_ms + _CONFIRMATIONS * self._world.chain.block_ms
        self._world.agenda.at(due, lambda now: self._confirm(trade, now))

    def _confirm(self, trade: Trade, at_ms: int) -> None:
        """Confirm what is still on the chain; a reorganisation has failed it or moved it."""
        own = trade.fills[0]
        if own.removed:
            self._move(trade, -1)
            self._fail(trade, at_ms)
        elif own.chain_at_ms + (_CONFIRMATIONS - 1) * self._world.chain.block_ms > at_ms:
            self._plan_confirmation(trade, at_ms)
        else:
            self._become(trade, "CONFIRMED", at_ms)

    def _fail(self, trade: Trade, at_ms: int) -> None:
        """Give everything back: what was locked, and the levels that were eaten."""
        self._unlock(trade)
        self._become(trade, "FAILED", at_ms)
        if trade.role == "TAKER":
            form = trade.order.form
            levels = [(leg.price, leg.shares) for leg in trade.legs]
            self._world.desk.give_back(trade.order.market, trade.order.outcome, form.side, levels, at_ms)

    def _move(self, trade: Trade, sign: int) -> None:
        account = trade.order.account
        gained = -(trade.usdc + trade.fee) if trade.order.spends == CASH else trade.usdc - trade.fee
        account.cash += sign * gained
        account.fees += sign * trade.fee
        self._unlock(trade)

    def _unlock(self, trade: Trade) -> None:
        trade.order.account.lock(trade.order.spends, -trade.locked)
        trade.locked = 0

    def _become(self, trade: Trade, status: TradeStatus, at_ms: int) -> None:
        trade.status, trade.changed_ms = status, at_ms
        self._world.tell(TradeChanged(trade, at_ms))


def _match_of(trade: Trade) -> Match:
    """Return the match, our order's fill first among its role: the crowd has the other side."""
    order, form = trade.order, trade.order.form
    words = {"hash": order.id, "metadata": int(form.metadata, 16), "builder": int(form.builder, 16)}
    own = Order(form.maker, order.outcome, form.side, trade.shares, trade.usdc, **words)  # type: ignore[arg-type]
    others = tuple(_other(trade, leg) for leg in trade.legs)
    if trade.role == "TAKER":
        return Match(order.market, own, others, trade.at_ms, trade.tx_hash)
    return Match(order.market, others[0], (own,), trade.at_ms, trade.tx_hash)


def _other(trade: Trade, leg: Leg) -> Order:
    """Return the crowd's order behind a leg: one that minted bought the other outcome with the rest of each share."""
    order, side = trade.order, trade.order.form.side
    if leg.mint:
        return Order(trade.crowd, 1 - order.outcome, side, leg.shares, leg.shares - leg.usdc)
    return Order(trade.crowd, order.outcome, opposite(side), leg.shares, leg.usdc)
