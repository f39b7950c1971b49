"""The port that carries a wallet's calls to the chain, and the sender that does it by the owner's own transactions."""

from typing import Protocol

from redeemer.domain import contract_calls
from redeemer.domain.contract_calls import ContractCall, Route, WalletKind
from redeemer.domain.pending_transaction import ConfirmedTransaction, LostTransaction, PendingTransaction, WaitForBlock
from redeemer.domain.redemption_action import RedemptionAction
from redeemer.transactions.manager import TransactionManager
from shared.polymarket.wire.contracts import Contracts

REDEMPTION_GAS = 300_000
"""What one redemption takes at most, for the question whether it is worth it; measured 90,000 to 250,000."""


class CallSender(Protocol):
    """One wallet's way to the chain; one transaction is under way at most."""

    calls_at_once: int
    relayed: bool

    def under_way(self) -> PendingTransaction | None:
        """Return the transaction that is not final yet."""
        ...

    def redemption_cost(self) -> int:
        """Return what one redemption costs us now, in micro-units."""
        ...

    def send(
        self, calls: tuple[ContractCall, ...], dues: tuple[RedemptionAction, ...], route: Route
    ) -> PendingTransaction:
        """Send calls as one transaction. Raises Rejected when they would revert, TryAgain when not now."""
        ...

    def advance(self, pending: PendingTransaction) -> ConfirmedTransaction | WaitForBlock | LostTransaction | None:
        """Do what is due about it; None while it is not mined."""
        ...

    def close(self, pending: PendingTransaction) -> None:
        """Be ready for the next."""
        ...


class OwnerSender:
    """Our own transactions: an EOA calls the contract itself, a Safe is told by its owner."""

    relayed = False

    def __init__(self, transactions: TransactionManager, wallet: str, kind: WalletKind, contracts: Contracts) -> None:
        self.calls_at_once = contract_calls.CALLS_AT_ONCE[kind]
        self._transactions, self._wallet, self._kind, self._contracts = transactions, wallet, kind, contracts

    def under_way(self) -> PendingTransaction | None:
        """Return the transaction that is not final yet."""
        return self._transactions.under_way()

    def redemption_cost(self) -> int:
        """Return what one redemption costs in gas now, in micro-units."""
        return self._transactions.gas_cost(REDEMPTION_GAS)

    def send(
        self, calls: tuple[ContractCall, ...], dues: tuple[RedemptionAction, ...], route: Route
    ) -> PendingTransaction:
        """Send calls as one transaction of the signer."""
        return self._transactions.send(self._wallet, self._one(calls), dues, route)

    def advance(self, pending: PendingTransaction) -> ConfirmedTransaction | WaitForBlock | LostTransaction | None:
        """Repeat, replace or wait."""
        return self._transactions.advance(pending)

    def close(self, pending: PendingTransaction) -> None:
        """Free the nonce."""
        self._transactions.close(pending)

    def _one(self, calls: tuple[ContractCall, ...]) -> ContractCall:
        if self._kind == "safe":
            return contract_calls.safe_call(self._wallet, self._transactions.address, calls, self._contracts)
        return calls[0]
