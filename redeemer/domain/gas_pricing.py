"""The price of a transaction (EIP-1559): what is offered and what it may cost, in wei. Pure.

The fee for one unit of gas is twice the base fee and the tip, so that it stays good through six full blocks, and never
more than the cap. A replacement must raise both parts by an eighth or nodes refuse it.
"""

from dataclasses import dataclass
from decimal import Decimal

from shared.domain.errors import Rejected, Unavailable
from shared.domain.money import MICRO

GWEI = 10**9
POL = 10**18
MOST_GAS = 2**24
"""What one transaction may take (EIP-7825); one that asks for more is never mined, however often it is replaced."""
_MARGIN = (5, 4)
"""Gas asked for, over the estimate: balances and storage may have moved until it is mined."""
_RAISE = (9, 8)
"""Nodes refuse a replacement that offers less than 10% more; an eighth is above that, in whole numbers."""


@dataclass(frozen=True)
class GasFees:
    """What we offer for one unit of gas, in wei: at most, and of that to the block's maker."""

    most: int
    tip: int

    def cost(self, gas: int) -> int:
        """Return the most that `gas` units can cost, in wei."""
        return gas * self.most


@dataclass(frozen=True)
class GasMarket:
    """What a unit of gas costs now, in wei: the newest block's base fee, and the usual tip."""

    base: int
    tip: int


def offered_fees(market: GasMarket, cap: int) -> GasFees:
    """Return what to offer under `cap` wei.

    Raises:
        Unavailable: even the base fee and the tip are above the cap; gas is too dear now.
    """
    if market.base + market.tip > cap:
        raise Unavailable(
            f"gas costs {(market.base + market.tip) / GWEI:g} gwei, above GAS_CAP_GWEI={cap / GWEI:g}: "
            "waiting until it is cheaper"
        )
    return GasFees(min(2 * market.base + market.tip, cap), market.tip)


def raised_fees(last: GasFees, market: GasMarket, cap: int) -> GasFees | None:
    """Return what replaces a transaction that offered `last`; None when that would be above the cap."""
    most = max(_times_up(last.most, _RAISE), 2 * market.base + market.tip)
    tip = max(_times_up(last.tip, _RAISE), market.tip)
    least = _times_up(last.most, _RAISE)
    # Above the cap it waits with its old fee: a node would refuse anything between.
    if least > cap or tip > cap:
        return None
    return GasFees(max(min(most, cap), least), tip)


def with_margin(estimate: int) -> int:
    """Return the gas to ask for.

    Raises:
        Rejected: no block takes a transaction this large.
    """
    if estimate > MOST_GAS:
        raise Rejected(f"it takes {estimate} gas, and a transaction may take {MOST_GAS} (EIP-7825): send less at once")
    return min(_times_up(estimate, _MARGIN), MOST_GAS)


def gas_worth(wei: int, pol_price: Decimal) -> int:
    """Return what an amount of POL is worth, in micro-units, rounded up."""
    return -int((Decimal(-wei) / POL * pol_price * MICRO).to_integral_value(rounding="ROUND_FLOOR"))


def _times_up(value: int, share: tuple[int, int]) -> int:
    return -(-value * share[0] // share[1])
