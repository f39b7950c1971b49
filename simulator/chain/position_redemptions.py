"""Redemptions of Protocol V2, by the venue reference 7.3, 7.4 (way d) and 3.3.

| contract | call | does |
|---|---|---|
| Router | `redeem(bytes31 condition, outcome, amount)` | takes so much of one outcome, pays pUSD; needs an approval |
| PositionManager | `getPayout(position, amount)` | what that pays; reverts while the market is open |
"""

from dataclasses import dataclass

from simulator.chain import abi
from simulator.chain.abi import Emission
from simulator.core import contracts
from simulator.core.market import Market, Resolution
from simulator.core.world import World
from simulator.exchange.accounts import Account

REDEEM_POSITION, GET_PAYOUT = "0xd217a3cc", "0x4c619e4c"
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
TRANSFER_SINGLE = "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62"
POSITION_REDEEMED = "0x81b466b1b365aea7f5664f9a2d8b3a8591d3244acffb5134355ad4da7fe2366a"
"""`RouterPositionRedeemed(address,uint256,uint256)`: the reference does not say which word is what, or indexed."""
_NOBODY = "0x" + "0" * 40


class RevertError(Exception):
    """The contract refuses."""


@dataclass(frozen=True)
class PositionPlan:
    """A redemption of one outcome that would go through."""

    account: Account
    market: Market
    ended: Resolution
    outcome: int
    amount: int

    @property
    def payout(self) -> int:
        """Return what it pays, in micro-units, rounded down."""
        return self.amount * self.ended.payouts[self.outcome] // sum(self.ended.payouts)


def plan_position(world: World, account: Account, words: list[str], at_ms: int) -> PositionPlan:
    """Return what the Router would do; raise RevertError."""
    market = world.catalog.by_condition.get("0x" + words[0][:62])
    outcome, amount = int(words[1], 16), int(words[2], 16)
    if market is None or words[0][62:] != "00" or outcome not in {0, 1}:
        raise RevertError("execution reverted")
    ended = market.on_chain(at_ms)
    if ended is None:
        raise RevertError("execution reverted: not resolved")
    if contracts.ROUTER not in account.position_operators:
        raise RevertError("execution reverted: not approved")
    if amount > world.held.shares(account.wallet, market.tokens[outcome]):
        raise RevertError("execution reverted: balance too low")
    return PositionPlan(account, market, ended, outcome, amount)


def payout_of(world: World, position: str, amount: int, at_ms: int) -> int:
    """Return what an amount of a position pays; raise RevertError while nobody knows."""
    market = world.catalog.by_token.get(position)
    ended = market.on_chain(at_ms) if market and contracts.is_position(position) else None
    if market is None or ended is None:
        raise RevertError("execution reverted")
    return amount * ended.payouts[market.outcome_of(position)] // sum(ended.payouts)


def position_logs(plan: PositionPlan) -> list[Emission]:
    """Return what the chain shows of it: the position is burned, the pUSD appears."""
    wallet, token = plan.account.wallet, int(plan.market.tokens[plan.outcome])
    burned = (TRANSFER_SINGLE, *map(abi.padded, (contracts.ROUTER, wallet, _NOBODY)))
    paid = (TRANSFER, abi.padded(_NOBODY), abi.padded(wallet))
    return [
        Emission(contracts.POSITION_MANAGER, burned, (token, plan.amount)),
        *([Emission(contracts.PUSD, paid, (plan.payout,))] if plan.payout else []),
        Emission(contracts.ROUTER, (POSITION_REDEEMED,), (int(wallet, 16), token, plan.payout)),
    ]
