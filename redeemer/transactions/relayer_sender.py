"""A wallet's way to the chain through the venue's relayer: the owner signs, the relayer sends and pays the gas.

The signed envelope is stored before it is handed over, and handed over again until the relayer named it: its wallet
nonce lets it happen once. A quota that is used up is respected until it is over, also by the next process.
"""

from dataclasses import replace

from redeemer.domain import contract_calls
from redeemer.domain.contract_calls import ContractCall, Route
from redeemer.domain.gas_pricing import GasFees
from redeemer.domain.pending_transaction import (
    ConfirmedTransaction,
    LostTransaction,
    PendingTransaction,
    SendAttempt,
    WaitForBlock,
)
from redeemer.domain.redemption_action import RedemptionAction
from redeemer.transactions.manager import TransactionManager
from redeemer.transactions.node_client import NodeClient
from redeemer.transactions.relayer_client import RelayedTransaction, RelayerClient
from redeemer.transactions.relayer_quota import RelayerQuota
from redeemer.transactions.relayer_signer import RelayerSigner, folded_envelope, unfolded_envelope
from shared import logs
from shared.clock import Clock
from shared.domain.errors import RateLimited, Rejected
from shared.messages.base import fact_id

_BUSY = ("in-flight", "busy", "active action")
"""Words of a refusal that means: later."""
_UNPAID = GasFees(0, 0)


class RelayerSender:
    """Carries calls of one wallet, one envelope at a time."""

    calls_at_once = contract_calls.MOST_CALLS
    relayed = True

    def __init__(
        self,
        relayer: RelayerClient,
        transactions: TransactionManager,
        envelopes: RelayerSigner,
        wallet: str,
        node: NodeClient,
        *,
        clock: Clock,
    ) -> None:
        self._relayer, self._transactions, self._envelopes, self._wallet = relayer, transactions, envelopes, wallet
        self._node, self._clock, self._quota = node, clock, RelayerQuota(transactions, clock=clock)
        self._log = logs.get_logger("redeemer", wallet=wallet)

    def under_way(self) -> PendingTransaction | None:
        """Return the transaction that is not final yet."""
        return self._transactions.under_way()

    def redemption_cost(self) -> int:
        """Return 0: the venue pays."""
        return 0

    def send(
        self, calls: tuple[ContractCall, ...], dues: tuple[RedemptionAction, ...], route: Route
    ) -> PendingTransaction:
        """Sign, store and hand over.

        Raises:
            Rejected: a call would revert; nothing was stored.
            Unavailable: the relayer is held, and until when; or it is away.
        """
        self._quota.check_hold()
        gas = sum(self._node.simulate(self._wallet, call) for call in calls)
        nonce = self._relayer.next_nonce(self._envelopes.owner, self._envelopes.type)
        envelope = self._envelopes.sign_envelope(calls, nonce, gas)
        attempt = SendAttempt("", folded_envelope(envelope), _UNPAID, self._clock.now_ms())
        call = ContractCall(envelope["to"], "0x")
        pending = PendingTransaction(
            self._envelopes.owner, self._wallet, nonce.number, call, gas, route, dues, (attempt,)
        )
        # Stored before it is handed over: after a kill the same envelope goes again, and its nonce lets it happen once.
        self._transactions.store_pending(pending, self._step_name("send", pending), goes_out=True)
        return self._hand_over(pending)

    def advance(self, pending: PendingTransaction) -> ConfirmedTransaction | WaitForBlock | LostTransaction | None:
        """Ask what became of it; hand it over again when the relayer never named it."""
        if not pending.relayed_as:
            return self._hand_over_again(pending)
        carried = self._relayer.relayed_transaction(pending.relayed_as)
        if carried.state == "failed":
            said = carried.error or "it does not say why"
            self._quota.hold_after_failure(said)
            return LostTransaction(f"the relayer gave it up: {said}")
        # The relayer's word is not enough: only the chain says that it is mined, and how deep.
        receipt = self._node.receipt(carried.tx_hash) if carried.tx_hash else None
        if receipt is None:
            return None
        depth = self._node.head() - receipt.block + 1
        if depth < self._transactions.rules.confirmations:
            return WaitForBlock(receipt, depth)
        self._quota.clear_hold()
        return ConfirmedTransaction(receipt)

    def close(self, pending: PendingTransaction) -> None:
        """Be ready for the next."""
        self._transactions.close(pending, self._step_name("close", pending))

    def _hand_over_again(self, pending: PendingTransaction) -> LostTransaction | None:
        try:
            self._hand_over(pending)
        except Rejected as error:
            if any(word in str(error).lower() for word in _BUSY):
                return None
            return LostTransaction(f"the relayer refuses it: {error}")
        return None

    def _hand_over(self, pending: PendingTransaction) -> PendingTransaction:
        self._quota.check_hold()
        self._transactions.refuse_halted()
        try:
            carried = self._relayer.submit(unfolded_envelope(pending.last.raw))
        except RateLimited as error:
            self._quota.hold_until_reset(error)
            # Raises with the moment when it is over, which says more than the refusal itself.
            self._quota.check_hold()
            raise
        return self._store_relayed_as(pending, carried)

    def _store_relayed_as(self, pending: PendingTransaction, carried: RelayedTransaction) -> PendingTransaction:
        named = replace(pending, relayed_as=carried.id)
        self._transactions.store_pending(named, f"{self._step_name('named', pending)}:{carried.id}")
        self._log.info("transaction_relayed", relayed_as=carried.id, conditions=len(pending.dues))
        return named

    def _step_name(self, step: str, pending: PendingTransaction) -> str:
        return f"{step}:{fact_id(pending.signer, pending.nonce, pending.last.raw)}"
