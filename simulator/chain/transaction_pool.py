"""Transactions that wallets send themselves: waiting, mined by nonce and fee, and their receipts."""

from collections import defaultdict
from dataclasses import dataclass

from simulator.chain import raw_transactions
from simulator.chain.raw_transactions import BadTransactionError, Transaction
from simulator.chain.redemptions import Redemptions, RevertError
from simulator.core.world import World

GWEI = 10**9
BASE_FEE, USUAL_TIP = 25 * GWEI, 30 * GWEI
GAS = 150_000
_FUNDED = 10**19
"""POL that every key pair begins with, in wei."""


@dataclass(frozen=True)
class Mined:
    """A transaction in its block."""

    transaction: Transaction
    block: int
    succeeded: bool

    @property
    def price(self) -> int:
        """Return what a unit of gas cost, in wei."""
        return min(self.transaction.most, BASE_FEE + self.transaction.tip)


class Pool:
    """What every node knows of key pairs; `least_tip` is what block makers take now."""

    def __init__(self, world: World, redemptions: Redemptions) -> None:
        """Start with nothing sent."""
        self._world, self._redemptions = world, redemptions
        self._mined: dict[str, list[Mined]] = defaultdict(list)
        self._by_hash: dict[str, Mined] = {}
        self._waiting: dict[str, dict[int, Transaction]] = defaultdict(dict)
        self.least_tip = 0

    def submit(self, raw: str) -> str:
        """Take signed bytes for the next block; return their hash or raise BadTransactionError in a node's words."""
        made = raw_transactions.read(raw)
        waiting = self._waiting[made.sender]
        rival = waiting.get(made.nonce)
        _refuse("already known", when=made.hash in self._by_hash or rival == made)
        _refuse("nonce too low", when=made.nonce < len(self._mined[made.sender]))
        _refuse("insufficient funds for gas * price + value", when=made.gas * made.most > self.balance(made.sender))
        if rival:
            cheap = made.tip * 10 < rival.tip * 11 or made.most * 10 < rival.most * 11
            _refuse("replacement transaction underpriced", when=cheap)
        waiting[made.nonce] = made
        world = self._world
        block = world.chain.head(world.now_ms()) + 1
        world.agenda.at(world.chain.mined_ms(block), lambda _: self._mine(made.sender, block))
        return made.hash

    def count(self, sender: str, block: int, *, waiting: bool) -> int:
        """Return how many transactions an address has sent as of a block, those that wait counted if asked."""
        count = sum(each.block <= block for each in self._mined[sender])
        while waiting and count in self._waiting[sender]:
            count += 1
        return count

    def balance(self, sender: str) -> int:
        """Return an address's POL, in wei."""
        return _FUNDED - sum(each.price * GAS for each in self._mined[sender])

    def find(self, tx_hash: str, head: int) -> Mined | None:
        """Return a mined transaction."""
        found = self._by_hash.get(tx_hash)
        return found if found and found.block <= head else None

    def _mine(self, sender: str, block: int) -> None:
        waiting, done = self._waiting[sender], self._mined[sender]
        while (made := waiting.get(len(done))) and made.most >= BASE_FEE and made.tip >= self.least_tip:
            del waiting[made.nonce]
            mined = Mined(made, block, self._run(made, block))
            done.append(mined)
            self._by_hash[made.hash] = mined

    def _run(self, made: Transaction, block: int) -> bool:
        chain = self._world.chain
        try:
            plan = self._redemptions.plan(made.sender, made.to, made.data, chain.mined_ms(block))
        except RevertError:
            return False
        if plan is None:
            self._redemptions.approve(made.sender, made.to, made.data)
        else:
            chain.emit(block, made.hash, self._redemptions.carry_out(plan, made.hash, block))
        return True


def _refuse(words: str, *, when: bool) -> None:
    if when:
        raise BadTransactionError(words)
