"""Bought, sold and paid out, added up in micro-units: ours and the leader's own by the same arithmetic. Pure."""

from dataclasses import dataclass, field
from fractions import Fraction

from backtest.results.result import PnlStanding


@dataclass(slots=True)
class PnlSums:
    """Running sums of one standing."""

    trades: int = 0
    spent: int = 0
    received: int = 0
    paid_out: int = 0
    fees: int = 0
    realized: int = 0

    def pnl_standing(self, open_cost: int = 0, open_value: int = 0) -> PnlStanding:
        """Return them with what is still held."""
        return PnlStanding(
            trades=self.trades,
            spent=self.spent,
            received=self.received,
            paid_out=self.paid_out,
            fees=self.fees,
            realized=self.realized,
            open_cost=open_cost,
            open_value=open_value,
        )


@dataclass(slots=True)
class PositionSums:
    """What a leader holds of one token because of the trades we saw, in micro-units."""

    shares: int = 0
    cost: int = 0


@dataclass
class LeaderSums:
    """The leaders' own trading, from the same rows; a sell of shares bought before the history began has no cost."""

    sums: dict[str, PnlSums] = field(default_factory=dict[str, PnlSums])
    positions: dict[str, dict[str, PositionSums]] = field(default_factory=dict[str, dict[str, PositionSums]])
    unbacked: int = 0

    def add_trade(self, leader: str, token_id: str, side: str, shares: int, usdc: int) -> None:
        """Take in one trade of a leader."""
        sums = self.sums.get(leader)
        if sums is None:
            sums = self.sums[leader] = PnlSums()
        holders = self.positions.setdefault(token_id, {})
        position = holders.get(leader)
        if position is None:
            position = holders[leader] = PositionSums()
        sums.trades += 1
        if side == "BUY":
            sums.spent += usdc
            position.shares += shares
            position.cost += usdc
            return
        self.unbacked += shares > position.shares
        basis = position.cost if shares >= position.shares else position.cost * shares // position.shares
        sums.received += usdc
        sums.realized += usdc - basis
        position.shares = max(0, position.shares - shares)
        position.cost -= basis

    def pay_token(self, token_id: str, share: Fraction) -> None:
        """Pay every leader's shares of a token what its market resolved to."""
        for leader, position in self.positions.pop(token_id, {}).items():
            payout = position.shares * share.numerator // share.denominator
            self.sums[leader].paid_out += payout
            self.sums[leader].realized += payout - position.cost

    def open_position(self, leader: str, prices: dict[str, int]) -> tuple[int, int]:
        """Return cost and value of what a leader still holds, at `prices` (micro-units by token)."""
        cost = value = 0
        for token_id, holders in self.positions.items():
            position = holders.get(leader)
            if position:
                cost += position.cost
                value += position.shares * prices.get(token_id, 0) // 1_000_000
        return cost, value
