"""A wallet's way to the chain through the venue's relayer: the owner signs, the relayer sends and pays the gas.

The signed envelope is stored before it is handed over, and handed over again until the relayer named it: its wallet
nonce lets it happen once. A quota that is used up is respected until it is over, also by the next process.
"""

from dataclasses import replace

from redeemer.domain import contract_calls
from redeemer.domain.contract_calls import ContractCall, Route
from redeemer.domain.gas_pricing import GasFees
from redeemer.domain.pending_transaction import (
    LostTransaction,
    PendingTransaction,
    SendAttempt,
    SettleTransaction,
    WaitForBlock,
)
from redeemer.domain.redemption_action import RedemptionAction
from redeemer.transactions.manager import TransactionManager
from redeemer.transactions.node_client import NodeClient
from redeemer.transactions.relayer_client import CarriedTransaction, RelayerClient
from redeemer.transactions.relayer_quota import RelayerQuota
from redeemer.transactions.relayer_signer import RelayerSigner, folded_envelope, unfolded_envelope
from shared import logs
from shared.clock import Clock
from shared.domain.errors import RateLimited, Rejected
from shared.messages.base import fact_id

_BUSY = ("in-flight", "busy", "active action")
_UNPAID = GasFees(0, 0)


class RelayerSender:
    """Carries calls of one wallet, one envelope at a time."""

    calls_at_once = contract_calls.MOST_CALLS
    relayed = True

    def __init__(
        self,
        relayer: RelayerClient,
        purse: TransactionManager,
        scribe: RelayerSigner,
        wallet: str,
        node: NodeClient,
        *,
        clock: Clock,
    ) -> None:
        self._relayer, self._purse, self._scribe, self._wallet = relayer, purse, scribe, wallet
        self._node, self._clock, self._holds = node, clock, RelayerQuota(purse, clock=clock)
        self._log = logs.get_logger("redeemer", wallet=wallet)

    def under_way(self) -> PendingTransaction | None:
        """Return what is not settled yet."""
        return self._purse.under_way()

    def least(self) -> int:
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
        self._holds.check()
        gas = sum(self._node.simulate(self._wallet, call) for call in calls)
        turn = self._relayer.turn(self._scribe.owner, self._scribe.type)
        envelope = self._scribe.write(calls, turn, gas)
        attempt = SendAttempt("", folded_envelope(envelope), _UNPAID, self._clock.now_ms())
        call = ContractCall(envelope["to"], "0x")
        made = PendingTransaction(self._scribe.owner, self._wallet, turn.nonce, call, gas, route, dues, (attempt,))
        self._purse.store(made, self._name("send", made))
        return self._hand_over(made)

    def look(self, made: PendingTransaction) -> SettleTransaction | WaitForBlock | LostTransaction | None:
        """Ask what became of it; hand it over again when the relayer never named it."""
        if not made.relayed_as:
            return self._again(made)
        carried = self._relayer.carried(made.relayed_as)
        if carried.state == "failed":
            said = carried.error or "it does not say why"
            self._holds.gave_up(said)
            return LostTransaction(f"the relayer gave it up: {said}")
        receipt = self._node.receipt(carried.tx_hash) if carried.tx_hash else None
        if receipt is None:
            return None
        depth = self._node.head() - receipt.block + 1
        if depth < self._purse.rules.confirmations:
            return WaitForBlock(receipt, depth)
        self._holds.carried()
        return SettleTransaction(receipt)

    def close(self, made: PendingTransaction) -> None:
        """Be ready for the next."""
        self._purse.close(made, self._name("close", made))

    def _again(self, made: PendingTransaction) -> LostTransaction | None:
        try:
            self._hand_over(made)
        except Rejected as error:
            if any(word in str(error).lower() for word in _BUSY):
                return None
            return LostTransaction(f"the relayer refuses it: {error}")
        return None

    def _hand_over(self, made: PendingTransaction) -> PendingTransaction:
        self._holds.check()
        try:
            carried = self._relayer.submit(unfolded_envelope(made.last.raw))
        except RateLimited as error:
            self._holds.over_quota(error)
            self._holds.check()
            raise
        return self._named(made, carried)

    def _named(self, made: PendingTransaction, carried: CarriedTransaction) -> PendingTransaction:
        named = replace(made, relayed_as=carried.id)
        self._purse.store(named, f"{self._name('named', made)}:{carried.id}")
        self._log.info("transaction_relayed", relayed_as=carried.id, conditions=len(made.dues))
        return named

    def _name(self, step: str, made: PendingTransaction) -> str:
        return f"{step}:{fact_id(made.signer, made.nonce, made.last.raw)}"
