"""The amounts that a match's logs will show, by the exchanges' own integer arithmetic. Pure.

Source: the contracts' published code, read for its rules (CTF Exchange V2 of June 2026, ExchangeV3 of autumn 2026),
and 1,000 matches run on an EVM. Each order is filled by what its call says; what it receives for that is rounded down:
`filled * taker_amount // maker_amount`. The taker's log sums that up, and there the exchanges differ:

| match | taker gave | taker received |
|---|---|---|
| all makers on the other side | sum of what makers received | sum of what makers gave |
| BUY with a MINT, V2 | his fill; what is left over comes back without a word | shares of sellers + minted |
| BUY with a MINT, V3 | collateral that was used: to sellers + the minters' missing part | shares of sellers + minted |
| SELL with a MERGE | his fill | collateral of buyers + what mergers leave of each share |
"""

from dataclasses import dataclass

from shared.domain.errors import Rejected
from shared.polymarket.wire.endpoints import EXCHANGE_V3
from shared.polymarket.wire.leader_fills import Role
from shared.polymarket.wire.matches.match_call import CalledOrder, MatchCall, OrderFill


class WillRevert(Rejected):
    """The exchange refuses this match: no log of it will ever be."""


@dataclass(frozen=True, slots=True)
class SettledOrder:
    """What `OrderFilled` will say of one order: micro-units given and received, and the fee in collateral."""

    order: CalledOrder
    gave: int
    received: int
    fee: int
    role: Role

    @property
    def shares(self) -> int:
        """Return the shares that moved."""
        return self.gave if self.order.is_sell else self.received

    @property
    def usdc(self) -> int:
        """Return the collateral that moved, without the fee."""
        return self.received if self.order.is_sell else self.gave


def settled_orders(call: MatchCall) -> tuple[SettledOrder, ...]:
    """Return what each order of a match comes to, makers first, as the logs stand.

    Raises:
        WillRevert: naming the rule of the exchange that it breaks.
    """
    if not call.makers:
        raise WillRevert("a match without makers")
    makers = tuple(_settled_maker(call, fill) for fill in call.makers)
    for maker in makers:
        _check_crossing(call.taker.order, maker.order)
    return (*makers, _settled_taker(call, makers))


def _settled_maker(call: MatchCall, fill: OrderFill) -> SettledOrder:
    settled = SettledOrder(fill.order, fill.filled, _received(fill.order, fill.filled), fill.fee, "maker")
    if settled.gave > fill.order.maker_amount:
        raise WillRevert("a maker's fill beyond his order")
    if call.exchange == EXCHANGE_V3 and not (settled.gave and fill.order.taker_amount):
        raise WillRevert("an empty fill or order")
    if fill.order.is_sell and settled.fee > settled.received:
        raise WillRevert("a maker's fee beyond his proceeds")
    return settled


def _settled_taker(call: MatchCall, makers: tuple[SettledOrder, ...]) -> SettledOrder:
    order, filled = call.taker.order, call.taker.filled
    others = [each for each in makers if each.order.is_sell != order.is_sell]
    paired = [each for each in makers if each.order.is_sell == order.is_sell]
    used, received = sum(each.received for each in others), sum(each.gave for each in others)
    if order.is_sell:
        used += sum(each.gave for each in paired)
        received += sum(each.gave - each.received for each in paired)
    else:
        used += sum(each.received - each.gave for each in paired)
        received += sum(each.received for each in paired)
    # What a MINT or MERGE leaves over comes back to the taker; V2's log does not say so.
    gave = filled if paired and call.exchange != EXCHANGE_V3 else used
    if not 0 <= used <= filled or filled > order.maker_amount:
        raise WillRevert("a taker's fill that does not fit")
    if call.exchange == EXCHANGE_V3 and paired and order.is_sell and used != filled:
        raise WillRevert("a taker's fill that is not what makers take")
    _check_received(call, gave, received, batch=bool(paired))
    return SettledOrder(order, gave, received, call.taker.fee, "taker")


def _check_received(call: MatchCall, gave: int, received: int, *, batch: bool) -> None:
    """Check what the taker gets; a batch of V3 is held to what the call states, and to nothing else."""
    order = call.taker.order
    if received < _received(order, gave) and not (batch and call.exchange == EXCHANGE_V3):
        raise WillRevert("a taker who receives too little")
    if call.received is not None and received != call.received:
        raise WillRevert("a taker who receives something else than was stated")
    if order.is_sell and call.taker.fee > received:
        raise WillRevert("a taker's fee beyond his proceeds")


def _check_crossing(taker: CalledOrder, maker: CalledOrder) -> None:
    """Check that the prices of two orders meet, as the exchange does: multiplied out, without a division."""
    given, wanted = taker.maker_amount, taker.taker_amount
    is_paired = taker.is_sell == maker.is_sell
    if is_paired == (taker.token_id == maker.token_id):
        raise WillRevert("two orders whose sides and tokens do not go together")
    across = wanted * maker.maker_amount + maker.taker_amount * given
    if not is_paired:
        crosses = given * maker.maker_amount >= wanted * maker.taker_amount
    elif taker.is_sell:
        crosses = across <= given * maker.maker_amount
    else:
        crosses = across >= wanted * maker.taker_amount
    if not crosses:
        raise WillRevert("prices that do not meet")


def _received(order: CalledOrder, filled: int) -> int:
    if order.maker_amount == 0:
        raise WillRevert("an order that gives nothing")
    return filled * order.taker_amount // order.maker_amount
