"""Bought, sold and paid out, added up in micro-units: ours and the leader's own by the same arithmetic. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from backtest.domain.market_events import LeaderChange
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
    unknown: int = 0

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
            unknown=self.unknown,
        )


@dataclass(slots=True)
class PositionSums:
    """What a leader holds of one token because of the trades we saw, in micro-units."""

    shares: int = 0
    cost: int = 0


@dataclass
class LeaderSums:
    """The leaders' own trading, from the same rows.

    What was got for shares whose origin no row shows is `unknown`, and in nobody's result: they may have cost anything.
    """

    sums: dict[str, PnlSums] = field(default_factory=dict[str, PnlSums])
    positions: dict[str, dict[str, PositionSums]] = field(default_factory=dict[str, dict[str, PositionSums]])
    unbacked: int = 0
    _apart: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])

    def add_trade(self, leader: str, token_id: str, side: str, shares: int, usdc: int) -> None:
        """Take in one trade of a leader, or a merge, which is as good as one."""
        sums = self.sums.get(leader) or self._sums_of(leader)
        sums.trades += 1
        holders = self.positions.get(token_id)
        position = (holders.get(leader) if holders else None) or self._position(leader, token_id)
        if side == "BUY":
            sums.spent += usdc
            position.shares += shares
            position.cost += usdc
            return
        self.unbacked += shares > position.shares
        _sell(sums, position, shares, usdc)

    def add_change(self, change: LeaderChange) -> None:
        """Take in shares that came or went without a trade."""
        sums = self._sums_of(change.leader)
        if not change.token_id:
            sums.unknown += change.usdc
            return
        self._apart.setdefault(change.condition_id, {})[change.token_id] = change.outcome_index
        position = self._position(change.leader, change.token_id)
        if change.side == "BUY":
            sums.spent += change.usdc
            position.shares += change.shares
            position.cost += change.usdc
        elif change.kind == "CONVERSION":
            gone = min(change.shares, position.shares)
            position.cost -= position.cost * gone // position.shares if gone else 0
            position.shares -= gone
        else:
            _sell(sums, position, change.shares, change.usdc)

    def pay_rest(self, condition_id: str, payouts: Sequence[Fraction]) -> None:
        """Pay the shares of a market that came without a trade in their token."""
        for token_id, place in self._apart.pop(condition_id, {}).items():
            self.pay_token(token_id, payouts[place])

    def _sums_of(self, leader: str) -> PnlSums:
        sums = self.sums.get(leader)
        if sums is None:
            sums = self.sums[leader] = PnlSums()
        return sums

    def _position(self, leader: str, token_id: str) -> PositionSums:
        holders = self.positions.setdefault(token_id, {})
        position = holders.get(leader)
        if position is None:
            position = holders[leader] = PositionSums()
        return position

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


def _sell(sums: PnlSums, position: PositionSums, shares: int, usdc: int) -> None:
    """Take shares out of a position; what more than it holds brings is of unknown origin."""
    held = position.shares
    if shares > held:
        known = usdc * held // shares
        sums.unknown += usdc - known
        shares, usdc = held, known
    basis = position.cost if shares >= held else position.cost * shares // held
    sums.received += usdc
    sums.realized += usdc - basis
    position.shares = held - shares
    position.cost -= basis
