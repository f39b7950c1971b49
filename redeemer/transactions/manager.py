"""One signer's transactions: at most one under way, its bytes stored before they are broadcast (pitfall 28).

| step | written first | what a kill right after it costs |
|---|---|---|
| send | nonce, call and signed bytes, under the signer's lease | the next look broadcasts the same bytes |
| broadcast | | the same bytes again: a node that has them says so |
| replace | the second form of the same nonce | either form may be mined, both are known |
| settle | the bookings, then the nonce is free again | the same bookings again, which the ledger knows |

The lease's fencing token goes with every write, so of two workers only one can ever store, and nothing that is not
stored is broadcast.

A reorganisation deeper than `CONFIRMATIONS` takes back what was settled and leaves a nonce free below ours, so that
nothing sent after it would ever be mined. So the last settled transaction is kept: when the next one finds the chain
without it, it is under way again, its bytes go out again, and what it pays is proved again. Where it was somebody
else's transaction with this key that vanished, its nonce is filled with an empty transaction to ourselves.
"""

from collections.abc import Callable
from dataclasses import replace

from redeemer.domain import gas_pricing, pending_transaction
from redeemer.domain.contract_calls import ContractCall, Route
from redeemer.domain.gas_pricing import GasFees
from redeemer.domain.pending_transaction import (
    ChainView,
    ConfirmedTransaction,
    LostTransaction,
    PendingTransaction,
    RepeatBroadcast,
    ReplaceTransaction,
    WaitForBlock,
    next_step,
)
from redeemer.domain.redemption_action import RedemptionAction
from redeemer.domain.transaction_rules import TransactionRules
from redeemer.transactions.node_client import NodeClient
from redeemer.transactions.signer import TransactionSigner
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.errors import HybridError, Rejected, Unavailable
from shared.domain.ledger_accounts import HALT_REDEMPTIONS
from shared.domain.ledger_write import (
    BalanceGuard,
    FencingToken,
    KnownWrite,
    LedgerRecord,
    LedgerWrite,
    RefusedWrite,
    WrittenStep,
)
from shared.domain.trading_controls import HALTED
from shared.ledger.port import Ledger

SENDINGS = "sendings"
SETTLED = "settled_sendings"
NONCES = "nonces"
EMPTY_GAS = 21_000  # what a transaction costs that does nothing


class TransactionManager:
    """Sends, repeats and replaces; a `fence` is what the lease in force gives."""

    def __init__(
        self,
        signer: TransactionSigner,
        node: NodeClient,
        ledger: Ledger,
        fence: Callable[[], FencingToken | None],
        rules: TransactionRules,
        *,
        clock: Clock,
    ) -> None:
        self.rules = rules
        self._signer, self._node, self._ledger, self._fence, self._clock = signer, node, ledger, fence, clock
        self._log = logs.get_logger("redeemer", signer=signer.address)

    @property
    def address(self) -> str:
        """Return the signer's address."""
        return self._signer.address

    def under_way(self) -> PendingTransaction | None:
        """Return the transaction that is not final yet.

        Raises:
            Malformed: another version stored it.
        """
        text = self._ledger.records(SENDINGS).get(self.address)
        return pending_transaction.read_pending(text) if text else None

    def gas_cost(self, gas_units: int) -> int:
        """Return what a transaction of so much gas costs now, in micro-units of collateral."""
        market = self._node.gas_market()
        return gas_pricing.gas_worth(gas_units * (market.base + market.tip), self.rules.pol_price)

    def send(
        self, wallet: str, call: ContractCall, dues: tuple[RedemptionAction, ...], route: Route
    ) -> PendingTransaction:
        """Simulate, store and broadcast one transaction.

        Raises:
            Rejected: it would revert; nothing was stored.
            Unavailable: not enough POL, gas too dear, the chain took the last one back, or the node is away.
            Fenced: another worker sends for this signer now.
        """
        self._reopen_if_taken_back()
        units = gas_pricing.with_margin(self._node.simulate(self.address, call))
        fees = gas_pricing.offered_fees(self._node.gas_market(), self.rules.cap)
        self._check_funds(fees.cost(units))
        nonce = self._next_nonce()
        attempt = self._sign(call, nonce, units, fees)
        pending = PendingTransaction(self.address, wallet, nonce, call, units, route, dues, (attempt,))
        self.store_pending(
            pending,
            f"send:{self.address}:{nonce}:{attempt.hash}",
            LedgerRecord(NONCES, self.address, str(nonce)),
            goes_out=True,
        )
        self._log.info("transaction_stored", transaction=attempt.hash, nonce=nonce, conditions=len(dues))
        self._broadcast(pending)  # only now: bytes that are not stored could be mined and never be found again
        return pending

    def advance(self, pending: PendingTransaction) -> ConfirmedTransaction | WaitForBlock | LostTransaction | None:
        """Do what is due about a transaction under way; None when it is not mined.

        Raises:
            TryAgain, GiveUp: the node did not say.
        """
        step = next_step(
            pending,
            self._chain_view(pending),
            self._clock.now_ms(),
            confirmations=self.rules.confirmations,
            stuck_after_ms=self.rules.stuck_after_ms,
        )
        match step:
            case RepeatBroadcast():
                self._note_unmined(pending)
                self._broadcast(pending)
            case ReplaceTransaction():
                self._replace_stuck(pending)
            case WaitForBlock(receipt, _):
                self._note_mined(pending, receipt.block_hash)
            case ConfirmedTransaction() | LostTransaction():
                return step
        return step if isinstance(step, WaitForBlock) else None

    def close(self, pending: PendingTransaction, name: str = "") -> None:
        """Free the nonce: everything that the transaction brought is booked."""
        records = [LedgerRecord(SENDINGS, self.address, None)]
        if not pending.relayed:  # the signer's own nonce on chain is not involved then
            records.append(LedgerRecord(SETTLED, self.address, pending_transaction.write_pending(pending)))
        name = name or f"close:{pending.last.hash}:{pending.reopened}"
        self._commit(LedgerWrite(id=name, records=tuple(records), fence=self._fence()))

    def keep_record(self, record: LedgerRecord, name: str) -> None:
        """Keep a record of this signer's. Raises Fenced as `send`."""
        self._commit(LedgerWrite(id=name, records=(record,), fence=self._fence()))

    def kept_records(self, kind: str) -> dict[str, str]:
        """Return the records of a kind."""
        return self._ledger.records(kind)

    def _chain_view(self, pending: PendingTransaction) -> ChainView:
        head = self._node.head()
        found = {each.hash: self._node.receipt(each.hash) for each in pending.attempts}
        # Every attempt is asked about: any of them may be the one that was mined.
        receipts = {name: receipt for name, receipt in found.items() if receipt}
        # As deep as a receipt must be: a nonce taken in a young block may be free again.
        settled_at = hex(max(0, head - self.rules.confirmations))
        return ChainView(head, receipts, 0 if receipts else self._node.nonce_of(self.address, settled_at))

    def _fill_free_nonce(self, pending: PendingTransaction) -> None:
        """Use up a nonce below ours that neither the chain nor the pool knows a transaction of."""
        free = self._node.nonce_of(self.address)
        if free >= pending.nonce:  # nothing is missing below ours
            return
        fees = gas_pricing.offered_fees(self._node.gas_market(), self.rules.cap)
        empty = self._sign(ContractCall(self.address, "0x"), free, EMPTY_GAS, fees)
        self._log.warning("nonce_filled", nonce=free, transaction=empty.hash, waiting=pending.last.hash)
        self.refuse_halted()
        self._node.broadcast(empty.raw)

    def _replace_stuck(self, pending: PendingTransaction) -> None:
        self._fill_free_nonce(pending)
        fees = gas_pricing.raised_fees(pending.last.fees, self._node.gas_market(), self.rules.cap)
        if fees is None:
            self._log.warning(
                "transaction_stuck", transaction=pending.last.hash, nonce=pending.nonce, fix="raise GAS_CAP_GWEI"
            )
            self._broadcast(pending)
            return
        attempt = self._sign(pending.call, pending.nonce, pending.gas, fees)
        again = pending.with_attempt(attempt)
        self.store_pending(again, f"replace:{self.address}:{pending.nonce}:{attempt.hash}", goes_out=True)
        self._log.warning("transaction_replaced", transaction=pending.last.hash, by=attempt.hash, nonce=pending.nonce)
        metrics.make_counter("redeemer_replacements_total", "Stuck transactions sent again with a higher fee.").inc()
        self._broadcast(again)

    def _sign(self, call: ContractCall, nonce: int, units: int, fees: GasFees) -> pending_transaction.SendAttempt:
        return self._signer.sign(
            call, nonce=nonce, gas=units, fees=fees, chain_id=self.rules.chain_id, now_ms=self._clock.now_ms()
        )

    def _broadcast(self, pending: PendingTransaction) -> None:
        """Broadcast what is stored; what a node refuses now is sent again the next time it is looked after."""
        self.refuse_halted()
        try:
            self._node.broadcast(pending.last.raw)
        except HybridError as error:  # the bytes are stored, so nothing is lost
            self._log.warning("broadcast_refused", transaction=pending.last.hash, error=str(error))

    def _reopen_if_taken_back(self) -> None:
        """Put the last settled transaction under way again where the chain does not count it any more.

        Raises:
            Unavailable: it is under way again and goes first.
        """
        text = self._ledger.records(SETTLED).get(self.address)
        last = pending_transaction.read_pending(text) if text else None
        if last is None or self._node.nonce_of(self.address) > last.nonce:
            return
        again = replace(last, seen_in="", reopened=last.reopened + 1)
        self.store_pending(again, f"reopen:{last.last.hash}:{again.reopened}")
        self._count_reorganised(last)
        raise Unavailable(
            f"transaction {last.last.hash} was settled and the chain does not count it any more: it is sent again first"
        )

    def _next_nonce(self) -> int:
        """Return the nonce after the chain's and after ours: a node that lags must not make us use one twice."""
        ours = self._ledger.records(NONCES).get(self.address, "-1")
        return max(self._node.nonce_of(self.address), int(ours) + 1)

    def _check_funds(self, cost: int) -> None:
        held = self._node.gas_held(self.address)
        metrics.make_gauge("redeemer_pol", "POL that the signer holds for gas.").set(held / gas_pricing.POL)
        if held < cost:
            raise Unavailable(
                f"{self.address} holds {held / gas_pricing.POL:.4f} POL and the transaction may cost "
                f"{cost / gas_pricing.POL:.4f}: "
                f"send POL to {self.address}"
            )
        if held - cost < self.rules.pol_warning:
            self._log.warning("pol_low", held=f"{held / gas_pricing.POL:.4f}", fix=f"send POL to {self.address}")

    def _note_mined(self, pending: PendingTransaction, block_hash: str) -> None:
        if pending.seen_in and pending.seen_in != block_hash:
            self._count_reorganised(pending)
        if pending.seen_in != block_hash:
            self._store_seen_in(pending, block_hash)

    def _note_unmined(self, pending: PendingTransaction) -> None:
        if pending.seen_in:
            self._count_reorganised(pending)
            self._store_seen_in(pending, "")

    def _store_seen_in(self, pending: PendingTransaction, block_hash: str) -> None:
        seen = replace(pending, seen_in=block_hash)
        self.store_pending(seen, f"seen:{pending.last.hash}:{block_hash}:{self._clock.now_ms()}")

    def _count_reorganised(self, pending: PendingTransaction) -> None:
        self._log.warning("transaction_reorganised", transaction=pending.last.hash, was_in=pending.seen_in)
        metrics.make_counter("redeemer_reorganised_total", "Mined transactions whose block was taken back.").inc()

    def refuse_halted(self) -> None:
        """Ask the kill switch of redemptions at the last moment before something goes out.

        Raises:
            Unavailable: it is on; what is stored goes out once it is off.
        """
        if self._ledger.read((HALT_REDEMPTIONS,)).values[HALT_REDEMPTIONS]:
            raise Unavailable(HALTED)

    def store_pending(
        self, pending: PendingTransaction, name: str, *more: LedgerRecord, goes_out: bool = False
    ) -> None:
        """Store a transaction, before it `goes_out`.

        Raises:
            Fenced: another worker sends for this signer now.
            Unavailable: it goes out, and redemptions are switched off.
        """
        guards = (BalanceGuard(HALT_REDEMPTIONS, at_most=0),) if goes_out else ()
        records = (LedgerRecord(SENDINGS, self.address, pending_transaction.write_pending(pending)), *more)
        self._commit(LedgerWrite(id=name, records=records, guards=guards, fence=self._fence()))

    def _commit(self, write: LedgerWrite) -> None:
        done = self._ledger.commit(write)
        if isinstance(done, RefusedWrite) and done.account == HALT_REDEMPTIONS:
            raise Unavailable(HALTED)
        if not isinstance(done, WrittenStep | KnownWrite):
            raise Rejected(f"the ledger refused {write.id}: {done}")
