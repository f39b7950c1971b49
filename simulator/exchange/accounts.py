"""Traders' wallets: pUSD, approvals, and what open orders and unsettled trades have already spoken for."""

from collections import Counter
from dataclasses import dataclass, field

from simulator.core import contracts
from simulator.core.position_ledger import Ledger
from simulator.exchange.wallet_types import NAMES, wallet_of

UNLIMITED = (1 << 256) - 1
CASH = ""
"""The name of collateral among the things that can be locked; the others are token ids."""


@dataclass(eq=False)
class Account:
    """One funded wallet; amounts in micro-units. `position_operators` are approved on the PositionManager.

    `synced` is False while the venue has not looked at the chain since a deposit: it believes in a balance of 0.
    `refreshed` are the tokens whose balance it was asked to look up: of those it knows what came.
    """

    wallet: str
    owner: str
    signature_type: int
    cash: int = 0
    allowances: dict[str, int] = field(default_factory=dict[str, int])
    operators: set[str] = field(default_factory=set[str])
    position_operators: set[str] = field(default_factory=set[str])
    synced: bool = True
    closed_only: bool = False
    refreshed: set[str] = field(default_factory=set[str])
    locked: Counter[str] = field(default_factory=Counter[str])
    fees: int = 0

    def approve(self, amount: int = UNLIMITED) -> None:
        """Let every spender move this much pUSD, and exchanges tokens if it is more than nothing."""
        self.allowances = dict.fromkeys(contracts.SPENDERS, amount)
        self.operators = set(contracts.EXCHANGES) if amount else set()
        self.position_operators = set(self.operators)

    def lock(self, what: str, amount: int) -> None:
        """Set aside an amount, or with a negative one give it free."""
        self.locked[what] += amount


class Accounts:
    """All funded wallets, found by wallet; what they hold in tokens is the world's ledger."""

    def __init__(self, held: Ledger) -> None:
        """Start with nobody funded."""
        self._held = held
        self.by_wallet: dict[str, Account] = {}

    def fund(
        self, owner: str, usdc: int, *, kind: str = "deposit", approved: bool = True, synced: bool = True
    ) -> Account:
        """Give an owner's wallet of some type pUSD; it exists from now on. Raise ValueError for an unknown type."""
        if kind not in NAMES:
            msg = f"unknown wallet type {kind!r}; known: {', '.join(NAMES)}"
            raise ValueError(msg)
        wallet = wallet_of(owner, NAMES[kind])
        account = self.by_wallet.setdefault(wallet, Account(wallet, owner.lower(), NAMES[kind]))
        account.cash += usdc
        account.synced = synced
        if approved:
            account.approve()
        return account

    def of_owner(self, owner: str, signature_type: int) -> Account | None:
        """Return an owner's wallet of a type."""
        found = (a for a in self.by_wallet.values() if (a.owner, a.signature_type) == (owner, signature_type))
        return next(found, None)

    def balance(self, account: Account, what: str) -> int:
        """Return what the chain says a wallet has."""
        return account.cash if what == CASH else self._held.shares(account.wallet, what)

    def free(self, account: Account, what: str) -> int:
        """Return what the venue thinks a wallet can still spend."""
        return self.balance(account, what) - account.locked[what] if account.synced else 0

    def allowance(self, account: Account, what: str, exchange: str) -> int:
        """Return how much of it an exchange may move."""
        if not account.synced:
            return 0
        if what == CASH:
            return account.allowances.get(exchange, 0)
        operators = account.position_operators if contracts.is_position(what) else account.operators
        return UNLIMITED if exchange in operators else 0
