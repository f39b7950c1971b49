"""Positions by wallet and token: the shares held, and their cost."""

from collections.abc import Iterator
from dataclasses import dataclass

from simulator.core.book import Side, opposite
from simulator.core.fill import Fill
from simulator.core.market import Market


@dataclass(eq=False)
class Position:
    """A wallet's holding of one token; amounts in micro-units."""

    wallet: str
    market: Market
    outcome: int
    shares: int = 0
    cost: int = 0
    fees: int = 0
    bought: int = 0
    spent: int = 0
    realized: int = 0
    first_at: int = 0
    last_at: int = 0

    @property
    def token_id(self) -> str:
        """Return the token held."""
        return self.market.tokens[self.outcome]

    def trade(self, side: Side, shares: int, usdc: int, fee: int) -> None:
        """Book one fill at average cost."""
        if side == "BUY":
            self.shares += shares
            self.cost += usdc
            self.fees += fee
            self.bought += shares
            self.spent += usdc
        else:
            self._give(min(shares, self.shares), usdc - fee)

    def redeem(self, payout: int, shares: int | None = None) -> None:
        """Hand some in, or everything, for a payout."""
        self._give(self.shares if shares is None else min(shares, self.shares), payout)

    def merge(self, shares: int, proceeds: int) -> None:
        """Give some back, with the other outcome's, for collateral."""
        self._give(shares, proceeds)

    def split(self, shares: int, cost: int) -> None:
        """Get some, with as many of the other outcome, for collateral."""
        self.shares += shares
        self.cost += cost
        self.bought += shares
        self.spent += cost

    def _give(self, shares: int, proceeds: int) -> None:
        carried = self.cost * shares // self.shares if self.shares else 0
        self.shares -= shares
        self.cost -= carried
        self.realized += proceeds - carried


class Ledger:
    """All positions."""

    def __init__(self) -> None:
        """Start with nobody holding anything."""
        self._wallets: dict[str, dict[str, Position]] = {}

    def hold(self, fill: Fill, at: int) -> None:
        """Book a fill at a time in seconds."""
        position = self.position(fill.wallet, fill.market, fill.order.outcome)
        position.trade(fill.order.side, fill.order.shares, fill.order.usdc, fill.fee)
        position.first_at = position.first_at or at
        position.last_at = max(position.last_at, at)

    def give_back(self, fill: Fill) -> None:
        """Undo a fill that a reorganisation removed."""
        position = self.position(fill.wallet, fill.market, fill.order.outcome)
        position.trade(opposite(fill.order.side), fill.order.shares, fill.order.usdc, 0)

    def position(self, wallet: str, market: Market, outcome: int) -> Position:
        """Return a position, opened on first use."""
        held = self._wallets.setdefault(wallet, {})
        return held.setdefault(market.tokens[outcome], Position(wallet, market, outcome))

    def of_wallet(self, wallet: str) -> list[Position]:
        """Return everything a wallet ever held."""
        return list(self._wallets.get(wallet, {}).values())

    def of_condition(self, condition_id: str) -> Iterator[Position]:
        """Yield every wallet's positions in one market."""
        for held in self._wallets.values():
            yield from (p for p in held.values() if p.market.condition_id == condition_id)

    def shares(self, wallet: str, token_id: str) -> int:
        """Return a balance in micro-shares."""
        position = self._wallets.get(wallet, {}).get(token_id)
        return position.shares if position else 0
